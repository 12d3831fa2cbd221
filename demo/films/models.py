"""Films, their genres, and the words and vectors of what they are about."""

from __future__ import annotations

from django.db import models
from django.db.models import UniqueConstraint
from django.urls import reverse
from django.utils.text import slugify

from hybrid_store.models import EmbeddingField, HybridManager, TextIndex, VectorIndex

__all__ = ["Film", "Genre"]


class Genre(models.Model):
    name = models.CharField(max_length=50, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Film(models.Model):
    title = models.CharField(max_length=500)
    year = models.PositiveSmallIntegerField()
    genres = models.ManyToManyField(Genre, related_name="films", blank=True)
    description = models.TextField()
    embedding = EmbeddingField(source=["title", "description"], dimensions=384)

    objects = HybridManager()

    class Meta:
        ordering = ["title", "year"]
        constraints = [UniqueConstraint(fields=["title", "year"], name="film_title_year")]
        indexes = [
            VectorIndex("embedding", metric="cosine", name="film_vec"),
            TextIndex("title", "description", weights={"title": 3}, name="film_text"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        slug = slugify(self.title)[:80].strip("-")
        if not slug:
            return reverse("films:film", args=[self.pk])
        return reverse("films:film", args=[self.pk, slug])
