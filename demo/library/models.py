"""Documents of people, and the passages that they are found by."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.urls import reverse

from hybrid_store.models import (
    Chunk,
    Chunking,
    EmbeddingField,
    HybridQuerySet,
    TextIndex,
    VectorIndex,
)

__all__ = ["Document", "Passage", "Person"]

Person = AbstractBaseUser | AnonymousUser


class DocumentQuerySet(HybridQuerySet["Document"]):
    def visible_to(self, user: Person) -> DocumentQuerySet:
        """The documents that a person may see: their own."""
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


class Document(models.Model):
    """A text that somebody uploaded or pasted. The file itself is not kept."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="documents")
    title = models.CharField(max_length=200)
    text = models.TextField()
    # Where each page of a paged document begins in the text; empty where there are no pages.
    pages = models.JSONField(default=list, blank=True)
    added = models.DateTimeField(auto_now_add=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["-added", "-pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("library:document", args=[self.pk])


class PassageQuerySet(HybridQuerySet["Passage"]):
    def visible_to(self, user: Person) -> PassageQuerySet:
        """The passages of the documents that a person may see."""
        return self.filter(parent__in=Document.objects.visible_to(user))


class Passage(Chunk):
    """A part of a document, as long as the model reads at once."""

    parent = models.ForeignKey(Document, models.CASCADE, related_name="passages")
    embedding = EmbeddingField(source="text", dimensions=384)

    chunking = Chunking(source="text", tokens=160, overlap=24)
    objects = PassageQuerySet.as_manager()

    class Meta:
        ordering = ["parent", "number"]
        indexes = [
            VectorIndex("embedding", metric="cosine", name="passage_vec"),
            # Documents are in any language: no stemmer fits them all.
            TextIndex("text", language=None, name="passage_text"),
        ]

    def get_absolute_url(self) -> str:
        return reverse("library:passage", args=[self.pk])
