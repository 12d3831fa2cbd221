"""Addresses of the films' pages."""

from __future__ import annotations

from django.urls import path

from films import views
from films.maps import FilmMap

app_name = "films"

urlpatterns = [
    path("", views.search, name="search"),
    path("map/", FilmMap.as_view(), name="map"),
    path("taste/", views.taste, name="taste"),
    path("films/<int:pk>/", views.film, name="film"),
    path("films/<int:pk>/<slug:slug>/", views.film, name="film"),
    path("posters/<int:pk>.svg", views.poster, name="poster"),
]
