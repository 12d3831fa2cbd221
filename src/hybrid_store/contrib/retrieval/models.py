"""`Document`: a model for what frameworks store, where a project has none yet."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from hybrid_store.models import EmbeddingField, HybridManager

__all__ = ["Document"]


def new_key() -> str:
    return str(uuid.uuid4())


class Document(models.Model):
    """A text with its metadata and its embedding.

    The key is any text, as frameworks choose it. `metadata` is what filters ask for; `source` is
    the key of the document that this one is a part of; `payload` holds what a framework needs to
    give a document back as it was. A model of other dimensions than 384 declares its own
    `embedding`.
    """

    id = models.CharField(primary_key=True, max_length=255, default=new_key)
    text = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    source = models.CharField(max_length=255, blank=True, db_index=True)
    payload = models.JSONField(default=dict, blank=True, editable=False)
    embedding = EmbeddingField(source="text", dimensions=384)

    objects: ClassVar[HybridManager] = HybridManager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.text[:80]
