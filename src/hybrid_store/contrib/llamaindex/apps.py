"""The app: a table for what LlamaIndex keeps by keys."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["LlamaIndexConfig"]


class LlamaIndexConfig(AppConfig):
    name = "hybrid_store.contrib.llamaindex"
    label = "hybrid_store_llamaindex"
    verbose_name = "Hybrid store for LlamaIndex"
    default_auto_field = "django.db.models.BigAutoField"
