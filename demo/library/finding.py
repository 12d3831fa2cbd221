"""Searches in somebody's documents, and what to tell where they cannot be made."""

from __future__ import annotations

import logging
from typing import Any

from django.db.models import F, QuerySet

from hybrid_store.exceptions import (
    EmbedderError,
    HybridStoreError,
    InvalidEmbedderError,
    MissingExtraError,
    SpaceMismatchError,
)
from library.models import Document, Passage, Person
from library.places import place

__all__ = ["NO_MEANING", "NothingEmbeddedError", "by_text", "related"]

logger = logging.getLogger(__name__)

MOST = 20
RELATED = 5
# About how many characters of a passage are shown.
EXCERPT = 260


class NothingEmbeddedError(Exception):
    """None of somebody's passages can be found by meaning."""


# Why documents cannot be found by meaning, when they may be by words.
NO_MEANING = (
    NothingEmbeddedError,
    EmbedderError,
    InvalidEmbedderError,
    MissingExtraError,
    SpaceMismatchError,
)


def by_text(user: Person, text: str, mode: str) -> dict[str, Any]:
    """Those of a person's documents that a text finds, and the `mode` that they are found by.

    Where they cannot be found by meaning they are found by words, and `no_meaning` says why.
    """
    try:
        if mode != "text":
            _check_embedded(user)
        return {"found": _found(user, text, mode), "mode": mode}
    except NO_MEANING as error:
        logger.warning("A search by meaning failed: %s", error)
        return by_text(user, text, "text") | {"no_meaning": str(error)}
    except HybridStoreError as error:
        logger.warning("A search failed: %s", error)
        return {"found": [], "mode": mode, "failure": str(error)}


def related(user: Person, passage: Passage) -> list[Any]:
    """The passages of a person's documents that are most like one, as far as that is known."""
    shown = Passage.objects.visible_to(user).select_related("parent")
    try:
        return _placed(shown.defer("embedding", "parent__text").nearest(passage)[:RELATED])
    except HybridStoreError as error:
        logger.info("No related passages: %s", error)
        return []


def _found(user: Person, text: str, mode: str) -> list[Any]:
    hits = Document.objects.visible_to(user).defer("text").search_by_passage(text, mode=mode)
    hits = hits.annotate(similarity=1.0 - F("distance"))
    if mode != "vector":
        hits = hits.highlight("text", length=EXCERPT)
    documents: list[Any] = list(hits[:MOST])
    for document in documents:
        passage = document.passage
        document.place = place(document.pages, passage.start, passage.end)
    return documents


def _placed(passages: QuerySet[Passage]) -> list[Any]:
    rows: list[Any] = list(passages)
    for passage in rows:
        passage.place = place(passage.parent.pages, passage.start, passage.end)
    return rows


def _check_embedded(user: Person) -> None:
    if not Passage.objects.visible_to(user).filter(embedding__isnull=False).exists():
        raise NothingEmbeddedError("None of your documents has been embedded yet.")
