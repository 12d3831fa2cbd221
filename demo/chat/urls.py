"""Addresses of the chat."""

from __future__ import annotations

from django.urls import path

from chat import views

app_name = "chat"

urlpatterns = [
    path("", views.chats, name="chats"),
    path("<int:pk>/", views.chat, name="chat"),
    path("<int:pk>/delete/", views.delete, name="delete"),
    path("<int:pk>/turns/<int:number>/", views.turn, name="turn"),
    path("<int:pk>/turns/<int:number>/answer/", views.answering, name="answer"),
]
