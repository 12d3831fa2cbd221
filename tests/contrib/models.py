"""Models for documents of frameworks."""

from __future__ import annotations

from django.db import models

from hybrid_store.contrib.retrieval.models import Document
from hybrid_store.models import TextIndex, VectorField

__all__ = ["Leaflet", "Note", "Paper"]


class Paper(Document):
    """A document with columns of its own, and an owner."""

    owner = models.CharField(max_length=50, blank=True)
    year = models.IntegerField(null=True)
    published = models.DateTimeField(null=True)
    is_open = models.BooleanField(null=True)
    price = models.DecimalField(max_digits=9, decimal_places=2, null=True)
    code = models.UUIDField(null=True)

    class Meta:
        indexes = [TextIndex("text", name="paper_text")]


class Note(Document):
    """A document whose vectors an embedder of the framework makes."""

    embedding = VectorField(dimensions=6, null=True)


class Leaflet(Document):
    """A document with a vector of a framework's own tests."""

    embedding = VectorField(dimensions=768, null=True)
