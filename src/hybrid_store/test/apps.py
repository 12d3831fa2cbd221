"""The models of the conformance suite, as an app."""

from django.apps import AppConfig

__all__ = ["HybridStoreTestConfig"]


class HybridStoreTestConfig(AppConfig):
    name = "hybrid_store.test"
    label = "hybrid_store_test"
    default_auto_field = "django.db.models.BigAutoField"
