"""Models for documents of frameworks."""

from __future__ import annotations

from django.db import models

from hybrid_store.contrib.retrieval.models import Document
from hybrid_store.models import TextIndex, VectorField

__all__ = ["Clipping", "Leaflet", "Note", "Paper"]


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


class Clipping(models.Model):
    """A table as a project has it, with vectors of its own."""

    code = models.CharField(max_length=100, unique=True)
    raw_text = models.TextField()
    released = models.IntegerField(null=True)
    details = models.JSONField(default=dict)
    origin = models.CharField(max_length=100, blank=True)
    vector = VectorField(dimensions=3, null=True)

    class Meta:
        indexes = [TextIndex("raw_text", name="clipping_text")]
