"""What people asked of their documents, and what they were answered."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from library.models import Passage, Person

__all__ = ["Chat", "Citation", "Turn"]


class ChatQuerySet(models.QuerySet["Chat"]):
    def visible_to(self, user: Person) -> ChatQuerySet:
        """The chats that a person may see: their own."""
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


class Chat(models.Model):
    """Questions that follow each other."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="chats")
    begun = models.DateTimeField(auto_now_add=True)

    objects = ChatQuerySet.as_manager()

    class Meta:
        ordering = ["-begun", "-pk"]

    def __str__(self) -> str:
        first = self.turns.first()
        return first.question if first else "A new chat"

    def get_absolute_url(self) -> str:
        return reverse("chat:chat", args=[self.pk])


class Turn(models.Model):
    """A question, and its answer as far as it has come."""

    class State(models.TextChoices):
        ASKED = "asked", "not answered yet"
        ANSWERING = "answering", "being answered"
        ANSWERED = "answered", "answered"
        CUT_OFF = "cut off", "cut off"
        FAILED = "failed", "failed"

    chat = models.ForeignKey(Chat, models.CASCADE, related_name="turns")
    question = models.CharField(max_length=1000)
    answer = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    # The language model that wrote the answer; empty where it was put together from passages.
    model = models.CharField(max_length=200, blank=True)
    # What to tell about how its passages were found.
    note = models.CharField(max_length=500, blank=True)
    # What to tell about an answer that failed.
    trouble = models.CharField(max_length=500, blank=True)
    asked = models.DateTimeField(auto_now_add=True)
    # When somebody began to answer it; who answers knows itself by it.
    begun = models.DateTimeField(null=True)

    class Meta:
        ordering = ["asked", "pk"]

    def __str__(self) -> str:
        return self.question

    def get_absolute_url(self) -> str:
        return f"{reverse('chat:chat', args=[self.chat_id])}#turn-{self.pk}"


class Citation(models.Model):
    """The passage that a number in an answer stands for.

    The passage alone is kept, nothing of its text: what is shown of it is asked for anew, as the
    person who looks.
    """

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="citations")
    number = models.PositiveSmallIntegerField()
    passage: models.ForeignKey[Any, Any] = models.ForeignKey(
        Passage, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["turn", "number"], name="chat_citation_number")
        ]

    def __str__(self) -> str:
        return f"[{self.number}]"
