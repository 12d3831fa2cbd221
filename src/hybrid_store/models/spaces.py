"""Vectors of different embedding models are never compared, and never vanish silently."""

from __future__ import annotations

import logging
import shlex
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from hybrid_store.embedders import embedders
from hybrid_store.exceptions import SpaceMismatchError
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fingerprint import SPACE_DIGITS, space_digest

__all__ = [
    "UNKNOWN",
    "adopting",
    "in_space",
    "looked",
    "looked_at",
    "of_other_space",
    "of_unknown_origin",
    "other_at_an_end",
    "other_spaces",
    "refuse_other_spaces",
    "space_name",
]

logger = logging.getLogger("hybrid_store")

MOST_NAMED = 5
UNKNOWN = "unknown (no fingerprint)"

# Databases and fields looked at already: the warning is given once a process.
_looked_at: set[tuple[str, str, str]] = set()


def in_space(field: EmbeddingField) -> Q:
    """Rows whose vector belongs to the space that the field's embedder makes today."""
    return Q(**{f"{field.fingerprint_name}__startswith": field.space_prefix})


def of_other_space(field: EmbeddingField) -> Q:
    """Rows whose vector belongs to a space that is not today's."""
    return _held(field) & Q(**{f"{field.fingerprint_name}__isnull": False}) & ~in_space(field)


def of_unknown_origin(field: EmbeddingField) -> Q:
    """Rows whose vector has no fingerprint: written by hand, or before there was this field."""
    return _held(field) & Q(**{f"{field.fingerprint_name}__isnull": True})


def other_spaces(field: EmbeddingField, using: str) -> list[str]:
    """Names of the spaces, other than today's, that vectors of the whole table belong to."""
    digest = Left(field.fingerprint_name, SPACE_DIGITS)
    digests = _embedded(field, using).exclude(in_space(field)).values_list(digest).distinct()
    return [space_name(found) for (found,) in digests[:MOST_NAMED]]


def space_name(digest: str | None) -> str:
    """The configured space with that digest; databases only know digests."""
    if digest is None:
        return UNKNOWN
    for alias in embedders:
        try:
            space = embedders[alias].space
        except ImproperlyConfigured:
            continue
        if space_digest(space) == digest:
            return repr(space)
    return f"one that no configured embedder makes (digest {digest})"


def refuse_other_spaces(field: EmbeddingField, using: str) -> None:
    """Called when a search found nothing: raise if that is because of the space.

    It is not where any row of the table, filtered or not, has a vector of today's space.
    """
    if _embedded(field, using).filter(in_space(field)).exists():
        return
    found = other_spaces(field, using)
    if found:
        raise SpaceMismatchError(
            f"{field.label}: no vector belongs to the space {field.space!r}. "
            f"Spaces found: {', '.join(found)}. {_fix(field)}"
        )


def other_at_an_end(field: EmbeddingField, using: str) -> QuerySet[Any]:
    """The first and the last row with a vector, if that is of another space than today's.

    Generation goes by primary key, so a look at both ends of the table tells whether it still holds
    vectors of other spaces; it reads two rows.
    """
    embedded = _embedded(field, using)
    ends = Q(pk__in=_end(embedded, "pk")) | Q(pk__in=_end(embedded, "-pk"))
    return embedded.filter(ends).exclude(in_space(field))


def looked_at(field: EmbeddingField, using: str) -> bool:
    """Has this process had the answer already?"""
    return _key(field, using) in _looked_at


def looked(field: EmbeddingField, using: str, found: bool) -> None:
    """Keep the answer, and log a warning where there are vectors of other spaces."""
    _looked_at.add(_key(field, using))
    if found:
        logger.warning(
            "%s: some vectors do not belong to the space %r, and no search finds them. %s",
            field.label,
            field.space,
            _fix(field),
        )


def _key(field: EmbeddingField, using: str) -> tuple[str, str, str]:
    return using, str(connections[using].settings_dict["NAME"]), field.label


def _end(embedded: QuerySet[Any], order: str) -> QuerySet[Any]:
    """The key of the first row in that order; a composite key compares with querysets alone."""
    return embedded.order_by(order).values("pk")[:1]


def _embedded(field: EmbeddingField, using: str) -> QuerySet[Any]:
    rows: QuerySet[Any] = field.model._base_manager.using(using)
    return rows.filter(_held(field)).order_by()


def _held(field: EmbeddingField) -> Q:
    return Q(**{f"{field.name}__isnull": False})


def adopting(field: EmbeddingField) -> str:
    """The command that declares vectors of unknown origin to be today's."""
    return f"manage.py adopt_embeddings {field.label} --space {shlex.quote(field.space)}"


def _fix(field: EmbeddingField) -> str:
    return (
        f"Run 'manage.py generate_embeddings {field.label} --replace-spaces' to embed the rows "
        "anew, or set the embedder's SPACE back. Vectors of unknown origin that are good are kept "
        f"by: {adopting(field)}"
    )
