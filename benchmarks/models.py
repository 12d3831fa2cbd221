"""The same documents in several ways: ours, the tutorials', and pgvector.django's."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from pgvector.django import VectorField as PgvectorField

from benchmarks.project import DIMENSIONS, SMALL_DIMENSIONS, WIDE_DIMENSIONS
from hybrid_store.contrib.retrieval.models import Document as RetrievedDocument
from hybrid_store.models import (
    EmbeddingField,
    HybridManager,
    StaleIndex,
    TextIndex,
    VectorField,
    VectorIndex,
)

__all__ = [
    "Article",
    "BitDocument",
    "Document",
    "Entry",
    "FilteredDocument",
    "HalfDocument",
    "HalfWideDocument",
    "Note",
    "PgvectorDocument",
    "PgvectorFilteredDocument",
    "PgvectorWideDocument",
    "PlainNote",
    "SearchNote",
    "Source",
    "StoredColumns",
    "StoredDocument",
    "StoredNode",
    "StoredWords",
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


class HalfDocument(BaseDocument):
    """The table of `Document` with an index of half precision."""

    embedding = VectorField(dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        managed = False
        db_table = "benchmarks_document"
        indexes = [VectorIndex("embedding", precision="half", name="benchmarks_document_half")]


class BitDocument(BaseDocument):
    """The table of `Document` with an index of binary vectors."""

    embedding = VectorField(dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        managed = False
        db_table = "benchmarks_document"
        indexes = [VectorIndex("embedding", precision="bit", name="benchmarks_document_bit")]


class Source(models.Model):
    """Where filtered documents come from."""

    group = models.IntegerField()

    objects: ClassVar[models.Manager[Source]] = models.Manager()

    def __str__(self) -> str:
        return f"Source {self.pk}"


class BaseFilteredDocument(BaseDocument):
    """With columns to filter by, named by the share of rows that one value keeps."""

    half = models.IntegerField(db_index=True)
    percent = models.IntegerField(db_index=True)
    percent_unindexed = models.IntegerField()
    permille = models.IntegerField(db_index=True)
    position = models.FloatField()
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True


class FilteredDocument(BaseFilteredDocument):
    """Ours."""

    embedding = VectorField(dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        indexes = [VectorIndex("embedding", metric="cosine", name="benchmarks_filtered_vec")]


class PgvectorFilteredDocument(BaseFilteredDocument):
    """The table of `FilteredDocument` through pgvector.django."""

    embedding = PgvectorField(dimensions=DIMENSIONS)

    objects = models.Manager["PgvectorFilteredDocument"]()

    class Meta:
        managed = False
        db_table = "benchmarks_filtereddocument"


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

    class Meta:
        indexes = [VectorIndex("embedding", metric="cosine", name="benchmarks_wide_vec")]


class HalfWideDocument(BaseDocument):
    """The table of `WideDocument` with an index of half precision."""

    embedding = VectorField(dimensions=WIDE_DIMENSIONS)

    objects = HybridManager()

    class Meta:
        managed = False
        db_table = "benchmarks_widedocument"
        indexes = [VectorIndex("embedding", precision="half", name="benchmarks_wide_half")]


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


class BaseNote(models.Model):
    """A text that is searched by its words and by its meaning, and may be filtered."""

    text = models.TextField()
    group = models.IntegerField(db_index=True)
    group_unindexed = models.IntegerField()
    embedding = EmbeddingField(source="text", embedder="near", dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.text


class Note(BaseNote):
    """Ours."""

    class Meta:
        indexes = [
            VectorIndex("embedding", metric="cosine", name="benchmarks_note_vec"),
            TextIndex("text", name="benchmarks_note_text"),
        ]


class PlainNote(BaseNote):
    """Without an index of words."""


class SearchNote(BaseNote):
    """With Django's own full-text search of PostgreSQL, kept by the database."""

    search = models.GeneratedField(
        expression=SearchVector("text", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        indexes = [GinIndex(fields=["search"], name="benchmarks_note_gin")]


class StoredDocument(RetrievedDocument):
    """What stores of frameworks keep, with an index of the metadata, which is JSON."""

    class Meta:
        indexes = [
            VectorIndex("embedding", metric="cosine", name="benchmarks_stored_vec"),
            GinIndex(
                fields=["metadata"],
                opclasses=["jsonb_path_ops"],
                name="benchmarks_stored_metadata",
            ),
        ]


class StoredNode(RetrievedDocument):
    """The same without an index of the metadata."""

    class Meta:
        indexes = [VectorIndex("embedding", metric="cosine", name="benchmarks_node_vec")]


class StoredWords(RetrievedDocument):
    """With an index of words."""

    class Meta:
        indexes = [
            VectorIndex("embedding", metric="cosine", name="benchmarks_stored_words_vec"),
            TextIndex("text", name="benchmarks_stored_words_text"),
        ]


class StoredColumns(RetrievedDocument):
    """With columns for the metadata that filters ask for."""

    half = models.IntegerField(db_index=True)
    tenth = models.IntegerField(db_index=True)
    percent = models.IntegerField(db_index=True)

    class Meta:
        indexes = [VectorIndex("embedding", metric="cosine", name="benchmarks_columns_vec")]
