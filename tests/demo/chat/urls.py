"""The addresses of the demo, with that of a passage."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from config.urls import urlpatterns as demo


def passage(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse()


library = ([path("passages/<int:pk>/", passage, name="passage")], "library")

urlpatterns = [path("library/", include(library)), *demo]
