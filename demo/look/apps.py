"""What the demo's sites look like: templates, a style sheet, an icon."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["LookConfig"]


class LookConfig(AppConfig):
    name = "look"
