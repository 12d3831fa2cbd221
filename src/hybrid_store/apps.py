"""The app: register functions on connections, create the extension, embed on save."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, post_save, pre_migrate

from hybrid_store.backends import vector_ops

__all__ = ["HybridStoreConfig"]


class HybridStoreConfig(AppConfig):
    name = "hybrid_store"
    verbose_name = "Hybrid store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hybrid_store import checks
        from hybrid_store.sync.on_save import embed_on_save

        checks.register()
        connection_created.connect(prepare_connection)
        pre_migrate.connect(create_extension, sender=self)
        post_migrate.connect(complete_indexes, sender=self)
        post_save.connect(embed_on_save)


def prepare_connection(connection: Any, **kwargs: Any) -> None:
    """A connection was opened. One opened before this app was ready is prepared when it is used."""
    vector_ops(connection)


def create_extension(using: str, **kwargs: Any) -> None:
    """Before migrations: create what the database needs to hold vectors.

    `HYBRID_STORE["CREATE_EXTENSION"] = False` leaves that to a database administrator.
    """
    if getattr(settings, "HYBRID_STORE", {}).get("CREATE_EXTENSION", True):
        ops = vector_ops(connections[using])
        if ops.needs_extension:
            ops.create_extension()


def complete_indexes(using: str, **kwargs: Any) -> None:
    """After migrations: make what an index needs on tables that an older version has migrated."""
    from hybrid_store.models.known_indexes import declared_indexes
    from hybrid_store.models.text_index import declared_text_indexes

    ops = vector_ops(connections[using])
    ops.complete_indexes(declared_indexes(using))
    ops.texts.complete(declared_text_indexes(using))
