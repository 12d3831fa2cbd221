"""Verification: read every stored vector back and say what is wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from hashlib import blake2b
from typing import Any

import numpy as np
from django.db import DEFAULT_DB_ALIAS

from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fingerprint import SPACE_DIGITS
from hybrid_store.models.spaces import space_name
from hybrid_store.sync.sources import SourceText, source_reader
from hybrid_store.vectors import Vector

__all__ = ["Verification", "verify"]

CHUNK = 500


@dataclass
class Verification:
    """What was found: rows read, rows without a vector, and keys by fault."""

    field: EmbeddingField
    vectors: int = 0
    missing: int = 0
    blank: int = 0
    faults: dict[str, list[Any]] = dataclass_field(default_factory=lambda: defaultdict(list))

    @property
    def ok(self) -> bool:
        return not self.faults


@dataclass
class _Repeats:
    """Vectors seen, by digest, to find one vector stored for different texts."""

    first: dict[bytes, tuple[Any, str | None]] = dataclass_field(default_factory=dict)

    def of(self, vector: Vector, pk: Any, content: str) -> Any:
        """The key of an earlier row with this vector and another text, or None."""
        digest = blake2b(vector.to_numpy().tobytes(), digest_size=16).digest()
        earlier, text = self.first.setdefault(digest, (pk, content))
        return None if text == content else earlier


def verify(field: EmbeddingField, *, using: str = DEFAULT_DB_ALIAS) -> Verification:
    """Check every row of an embedding; reads the whole column once, in chunks."""
    found, repeats = Verification(field), _Repeats()
    for text, vector, fingerprint in _rows(field, using):
        if vector is None:
            found.blank += text.is_blank
            found.missing += not text.is_blank
            continue
        found.vectors += 1
        for fault in _faults(field, text, vector, fingerprint):
            found.faults[fault].append(text.pk)
        if repeats.of(vector, text.pk, text.content) is not None:
            found.faults["the vector is that of a row with another text"].append(text.pk)
    return found


def _rows(
    field: EmbeddingField, using: str
) -> Iterator[tuple[SourceText, Vector | None, str | None]]:
    reader = source_reader(field, using)
    rows = reader.rows.order_by("pk")
    texts: list[SourceText] = []
    while True:
        texts = reader.read((rows.filter(pk__gt=texts[-1].pk) if texts else rows)[:CHUNK])
        if not texts:
            return
        keys = [text.pk for text in texts]
        stored = reader.rows.filter(pk__in=keys).values_list(
            "pk", field.attname, field.fingerprint_name
        )
        pairs = {pk: pair for pk, *pair in stored}
        for text in texts:
            if text.pk in pairs:
                vector, fingerprint = pairs[text.pk]
                yield text, vector, fingerprint


def _faults(
    field: EmbeddingField, text: SourceText, vector: Vector, fingerprint: str | None
) -> Iterator[str]:
    array = vector.to_numpy()
    if len(vector) != field.dimensions:
        yield f"the vector has {len(vector)} dimensions instead of {field.dimensions}"
    if not np.isfinite(array).all():
        yield "the vector holds NaN or infinity"
    elif vector.is_zero():
        yield "the vector is all zero"
    if fingerprint is None:
        yield "the vector is of unknown origin (no fingerprint)"
    elif not fingerprint.startswith(field.space_prefix):
        yield f"the vector belongs to the space {space_name(fingerprint[:SPACE_DIGITS])}"
    elif not fingerprint.endswith(text.content):
        yield "the text has changed since it was embedded"
