"""`Entry`: the table behind `DjangoKVStore`."""

from __future__ import annotations

from django.db import models

__all__ = ["Entry"]


class Entry(models.Model):
    """A value by its key in a collection of a store.

    Keys may be long texts, such as those whose embeddings are cached, so that they are unique by
    their digest. The value is JSON as a text: a column of JSON would not keep the order of keys.
    """

    store = models.CharField(max_length=200)
    collection = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the key.")
    key = models.TextField()
    value = models.TextField()

    class Meta:
        verbose_name = "entry"
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(
                fields=["store", "collection", "digest"], name="hybrid_store_llamaindex_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.store}: {self.collection} {self.key[:80]}"
