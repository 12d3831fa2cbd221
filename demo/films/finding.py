"""Searches for films, and what to tell the visitor where they cannot be made."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import F

from films.models import Film
from hybrid_store.exceptions import (
    EmbedderError,
    HybridStoreError,
    InvalidEmbedderError,
    MissingExtraError,
    SpaceMismatchError,
)
from hybrid_store.models import HybridQuerySet

__all__ = ["by_text", "ranked"]

logger = logging.getLogger(__name__)

# About how many characters of a description are shown.
EXCERPT = 170


class NothingEmbeddedError(Exception):
    """No film can be found by meaning."""


# Why films cannot be found by meaning, when they may be by words.
NO_MEANING = (
    NothingEmbeddedError,
    EmbedderError,
    InvalidEmbedderError,
    MissingExtraError,
    SpaceMismatchError,
)


def by_text(films: HybridQuerySet[Film], text: str, mode: str, most: int) -> dict[str, Any]:
    """The films that a text finds, at most so many, and the `mode` that they are found by.

    Where they cannot be found by meaning they are found by words, and `no_meaning` says why.
    """
    if mode == "text":
        return ranked(lambda: found(films, text, mode)[:most]) | {"mode": mode}
    try:
        check_embedded()
        return {**shown(found(films, text, mode)[:most]), "mode": mode}
    except NO_MEANING as error:
        logger.warning("A search by meaning failed: %s", error)
        return by_text(films, text, "text", most) | {"no_meaning": str(error)}
    except HybridStoreError as error:
        return failure(error)


def found(films: HybridQuerySet[Film], text: str, mode: str) -> HybridQuerySet[Any]:
    """The films with their places, their similarity, and the words that were found marked."""
    hits = films.search(text, mode=mode).annotate(similarity=1.0 - F("distance"))
    return hits if mode == "vector" else hits.highlight("title", "description", length=EXCERPT)


def check_embedded() -> None:
    if not Film.objects.filter(embedding__isnull=False).exists():
        raise NothingEmbeddedError("No film has been embedded: run manage.py generate_embeddings.")


def ranked(films: Callable[[], Iterable[Film]]) -> dict[str, Any]:
    """The films that a search finds, or what to tell about why it cannot find them."""
    try:
        return shown(films())
    except HybridStoreError as error:
        return failure(error)


def shown(films: Iterable[Film]) -> dict[str, Any]:
    """The films, and the milliseconds that they took: the embedding of a text among them."""
    started = time.perf_counter()
    rows = list(films)
    milliseconds = round(1000 * (time.perf_counter() - started))
    unembedded = Film.objects.filter(embedding__isnull=True).exists()
    return {"films": rows, "milliseconds": milliseconds, "unembedded": unembedded}


def failure(error: HybridStoreError) -> dict[str, Any]:
    logger.warning("A search failed: %s", error)
    return {"films": [], "failure": str(error)}
