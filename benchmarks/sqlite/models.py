"""The documents as the tutorials have them, over the very same tables: float32 bytes."""

from __future__ import annotations

from django.db import models

from benchmarks.models import BaseDocument, BaseFilteredDocument
from benchmarks.project import DIMENSIONS
from hybrid_store.models import HybridManager, VectorField, VectorIndex

__all__ = ["FewDocument", "TutorialFiltered", "TutorialNarrow", "TutorialWide"]


class FewDocument(BaseDocument):
    """Ours, in a table of few rows."""

    embedding = VectorField(dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        indexes = [VectorIndex("embedding", metric="cosine", name="benchmarks_few_vec")]


class TutorialNarrow(BaseDocument):
    """The table of `Document`."""

    embedding = models.BinaryField()

    objects = models.Manager["TutorialNarrow"]()

    class Meta:
        managed = False
        db_table = "benchmarks_document"


class TutorialWide(BaseDocument):
    """The table of `WideDocument`."""

    embedding = models.BinaryField()

    objects = models.Manager["TutorialWide"]()

    class Meta:
        managed = False
        db_table = "benchmarks_widedocument"


class TutorialFiltered(BaseFilteredDocument):
    """The table of `FilteredDocument`."""

    embedding = models.BinaryField()

    objects = models.Manager["TutorialFiltered"]()

    class Meta:
        managed = False
        db_table = "benchmarks_filtereddocument"
