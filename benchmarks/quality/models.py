"""The documents of a collection."""

from __future__ import annotations

from django.db import models

from benchmarks.project import DIMENSIONS
from hybrid_store.models import EmbeddingField, HybridManager, TextIndex, VectorIndex

__all__ = ["Abstract"]


class Abstract(models.Model):
    """A title and a text, indexed by words and by meaning as a project would."""

    key = models.CharField(max_length=100, unique=True)
    title = models.TextField()
    text = models.TextField()
    embedding = EmbeddingField(source=["title", "text"], dimensions=DIMENSIONS, embedder="minilm")

    objects = HybridManager()

    class Meta:
        indexes = [
            VectorIndex("embedding", metric="cosine", name="benchmarks_abstract_vec"),
            TextIndex("title", "text", name="benchmarks_abstract_text"),
        ]

    def __str__(self) -> str:
        return self.title
