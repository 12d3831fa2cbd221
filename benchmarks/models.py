"""The same documents in three ways: ours, the tutorials', and pgvector.django's."""

from __future__ import annotations

from django.db import models
from pgvector.django import VectorField as PgvectorField

from benchmarks.project import DIMENSIONS, SMALL_DIMENSIONS, WIDE_DIMENSIONS
from hybrid_store.models import (
    EmbeddingField,
    HybridManager,
    StaleIndex,
    VectorField,
    VectorIndex,
)

__all__ = [
    "Article",
    "Document",
    "Entry",
    "PgvectorDocument",
    "PgvectorWideDocument",
    "TutorialArticle",
    "TutorialDocument",
    "WideDocument",
]


class BaseDocument(models.Model):
    title = models.CharField(max_length=100)
    group = models.IntegerField(db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


class Document(BaseDocument):
    """Ours."""

    embedding = VectorField(dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        indexes = [VectorIndex("embedding", metric="cosine", name="benchmarks_document_vec")]


class TutorialDocument(BaseDocument):
    """float32 bytes in a BinaryField, compared in Python."""

    embedding = models.BinaryField()

    objects = models.Manager["TutorialDocument"]()


class PgvectorDocument(BaseDocument):
    """The table of `Document` through pgvector.django: same rows, same index, other code."""

    embedding = PgvectorField(dimensions=DIMENSIONS)

    objects = models.Manager["PgvectorDocument"]()

    class Meta:
        managed = False
        db_table = "benchmarks_document"


class WideDocument(BaseDocument):
    """With a vector as long as those of large models."""

    embedding = VectorField(dimensions=WIDE_DIMENSIONS)

    objects = HybridManager()


class PgvectorWideDocument(BaseDocument):
    """The table of `WideDocument` through pgvector.django."""

    embedding = PgvectorField(dimensions=WIDE_DIMENSIONS)

    objects = models.Manager["PgvectorWideDocument"]()

    class Meta:
        managed = False
        db_table = "benchmarks_widedocument"


class BaseArticle(models.Model):
    text = models.TextField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.text


class Article(BaseArticle):
    """A text that is embedded by the engine."""

    embedding = EmbeddingField(source="text", dimensions=DIMENSIONS)

    objects = HybridManager()


class TutorialArticle(BaseArticle):
    """A text that is embedded by a loop over `save()`."""

    embedding = models.BinaryField(null=True)

    objects = models.Manager["TutorialArticle"]()


class Entry(BaseArticle):
    """A short text in a large table."""

    embedding = EmbeddingField(source="text", embedder="small", dimensions=SMALL_DIMENSIONS)

    objects = HybridManager()

    class Meta:
        indexes = [StaleIndex("embedding", name="benchmarks_entry_stale")]
