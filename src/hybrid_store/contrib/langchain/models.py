"""What LangChain's `index()` has written, and when."""

from __future__ import annotations

from django.db import models

__all__ = ["IndexedKey"]


class IndexedKey(models.Model):
    """A document that was indexed; see `DjangoRecordManager`."""

    namespace = models.TextField()
    key = models.TextField()
    group_id = models.TextField(null=True, help_text="The source of the document.")  # noqa: DJ001
    updated_at = models.FloatField(help_text="In seconds since 1970, by the database's clock.")

    class Meta:
        verbose_name = "indexed document"
        constraints = [
            models.UniqueConstraint(fields=["namespace", "key"], name="hybrid_store_langchain_key")
        ]
        indexes = [
            models.Index(fields=["namespace", "updated_at"], name="hs_langchain_updated"),
            models.Index(fields=["namespace", "group_id"], name="hs_langchain_group"),
        ]

    def __str__(self) -> str:
        return f"{self.namespace}: {self.key}"
