"""The films app."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["FilmsConfig"]


class FilmsConfig(AppConfig):
    name = "films"
    default_auto_field = "django.db.models.BigAutoField"
