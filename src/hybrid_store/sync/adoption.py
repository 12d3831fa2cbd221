"""Adoption: take over vectors that were computed before, instead of buying them again.

A vector without a fingerprint is of unknown origin and found by no search. Whoever knows which
model made it can say so; a sample is embedded anew to see whether that is true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, NamedTuple

import numpy as np
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Q, QuerySet, Value

from hybrid_store.backends import vector_ops
from hybrid_store.exceptions import AdoptionError
from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.paths import in_own_table
from hybrid_store.sync.sources import SourceText, source_reader
from hybrid_store.vectors import Vector

__all__ = ["MIN_SIMILARITY", "SAMPLE", "Adoption", "AdoptionReport", "Comparison"]

SAMPLE = 10
MIN_SIMILARITY = 0.99
"""Another run, version or precision of one model stays above; other models are far below."""
CHUNK = 500


class Comparison(NamedTuple):
    """A sampled row and the cosine similarity of its stored to its new vector."""

    pk: Any
    similarity: float


@dataclass
class AdoptionReport:
    """What an adoption did, in rows; `unusable` are keys of vectors that are none."""

    stamped: int = 0
    blank: int = 0
    unusable: list[Any] = dataclass_field(default_factory=list)


class Adoption:
    """Declares the vectors of unknown origin of one `EmbeddingField` to be current.

    `space` is the user's statement of what made them, and must be the field's; `AdoptionError`
    otherwise. Vectors that have a fingerprint are never touched.
    """

    def __init__(self, field: EmbeddingField, space: str, *, using: str = DEFAULT_DB_ALIAS) -> None:
        if space != field.space:
            raise AdoptionError(
                f"{field.label}: the vectors are said to belong to the space {space!r}, but the "
                f"embedder {field.embedder_alias!r} makes vectors of {field.space!r}. Configure "
                "the embedder that made them, with its SPACE if it differs from the default."
            )
        self.field = field
        self.using = using
        self.reader = source_reader(field, using)

    @property
    def rows(self) -> QuerySet[Any]:
        """Rows with a vector of unknown origin."""
        held = Q(**{f"{self.field.name}__isnull": False})
        return self.reader.rows.filter(held, **{f"{self.field.fingerprint_name}__isnull": True})

    def compare(self, sample: int = SAMPLE) -> list[Comparison]:
        """Embed the texts of up to `sample` rows anew, the least similar first.

        The rows are spread evenly over the table; rows without text or vector are left out. The
        embedder is called once, outside of any transaction.
        """
        texts, stored = self._sampled(sample)
        if not texts:
            return []
        fresh = self.field.embedder.embed([text.text for text in texts])
        compared = (
            Comparison(text.pk, _similarity(stored[text.pk], vector))
            for text, vector in zip(texts, fresh, strict=True)
        )
        return sorted(compared, key=lambda comparison: comparison.similarity)

    def _sampled(self, sample: int) -> tuple[list[SourceText], dict[Any, Vector]]:
        rows = self.rows.filter(pk__in=self._spread_keys(sample))
        stored = self._vectors(rows)
        return [text for text in self.reader.read(rows) if self._is_usable(text, stored)], stored

    def _spread_keys(self, sample: int) -> list[Any]:
        rows = self.rows if callable(self.field.source) else self._with_text(self.rows)
        # From the first row to the last: a table's ends may have been filled by different models.
        places = set(np.linspace(0, rows.count() - 1, sample).round().tolist())
        keys = rows.order_by("pk").values_list("pk", flat=True).iterator()
        return [key for place, key in enumerate(keys) if place in places]

    def _with_text(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(~freshness.blank(self.field))

    def stamp(self, stamped: Callable[[int], None] | None = None) -> AdoptionReport:
        """Stamp every vector as the embedding of what its row says now.

        A vector that is all zero or not finite, and a row without text, are left as they are.
        Works in batches: what was stamped stays stamped, and another run takes the rest. `stamped`
        is called with the rows of every batch.
        """
        report = AdoptionReport()
        for keys in self._batches(report):
            rows = self._write(keys)
            report.stamped += rows
            if stamped is not None:
                stamped(rows)
        return report

    def _batches(self, report: AdoptionReport) -> Iterator[list[Any]]:
        """Keys of rows that can be stamped; the others are added to `report`."""
        rows = self.rows.order_by("pk")
        texts = self.reader.read(rows[:CHUNK])
        while texts:
            stored = self._vectors(self.rows.filter(pk__in=[text.pk for text in texts]))
            report.blank += sum(text.is_blank for text in texts)
            report.unusable += [key for key, vector in stored.items() if not _is_sound(vector)]
            keys = [text.pk for text in texts if self._is_usable(text, stored)]
            if keys:
                yield keys
            texts = self.reader.read(rows.filter(pk__gt=texts[-1].pk)[:CHUNK])

    def _vectors(self, rows: QuerySet[Any]) -> dict[Any, Vector]:
        return dict(rows.order_by("pk").values_list("pk", self.field.attname))

    @staticmethod
    def _is_usable(text: SourceText, stored: dict[Any, Vector]) -> bool:
        return text.pk in stored and not text.is_blank and _is_sound(stored[text.pk])

    def _write(self, keys: Sequence[Any]) -> int:
        """Stamp the rows that are still unstamped; the count of them."""
        rows = self.rows.filter(pk__in=keys)
        if not in_own_table(self.field):
            return self._write_one_by_one(rows)
        prefix = Value(self.field.space_prefix)
        expected = freshness.Joined(prefix, freshness.content(self.field))
        return self._with_text(rows).update(**{self.field.fingerprint_name: expected})

    def _write_one_by_one(self, rows: QuerySet[Any]) -> int:
        """For texts that the UPDATE itself cannot see: of related rows, or of Python."""
        with transaction.atomic(using=self.using):
            vector_ops(connections[self.using]).lock(rows)
            return sum(
                self.rows.filter(pk=text.pk).update(
                    **{self.field.fingerprint_name: self.field.space_prefix + text.content}
                )
                for text in self.reader.read(rows)
                if not text.is_blank
            )


def _is_sound(vector: Vector) -> bool:
    array = vector.to_numpy()
    return bool(array.any() and np.isfinite(array).all())


def _similarity(stored: Vector, fresh: Any) -> float:
    left = stored.to_numpy().astype(np.float64)
    right = np.asarray(fresh, dtype=np.float64)
    # Neither is 0: see `_is_sound`.
    lengths = np.linalg.norm(left) * np.linalg.norm(right)
    return float(left @ right / lengths)  # vector-lint: ignore[L010]
