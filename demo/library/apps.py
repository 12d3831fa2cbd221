"""The library app."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["LibraryConfig"]


class LibraryConfig(AppConfig):
    name = "library"
    default_auto_field = "django.db.models.BigAutoField"
