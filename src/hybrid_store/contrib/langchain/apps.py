"""The app, for the table of the record manager."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["HybridStoreLangChainConfig"]


class HybridStoreLangChainConfig(AppConfig):
    name = "hybrid_store.contrib.langchain"
    label = "hybrid_store_langchain"
    verbose_name = "Hybrid store: LangChain"
    default_auto_field = "django.db.models.BigAutoField"
