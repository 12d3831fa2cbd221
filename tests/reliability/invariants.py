"""What must hold of a database after anything that may have happened to it.

    rows = check_invariants(Book)                    # raises AssertionError, naming rows
    assert rows.stale == set()
    check_paid(server.answered, needed=texts)        # nothing was paid for twice

Nothing of the engine is believed: texts are rendered, digests made and vectors computed anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Model

from hybrid_store.embedders import BaseEmbedder
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.models import freshness
from hybrid_store.models.coverage import coverage
from hybrid_store.models.embedding import EmbeddingField, embedding_field
from hybrid_store.models.fingerprint import fingerprint, space_prefix
from hybrid_store.models.keys import key_text
from hybrid_store.models.states import failed_rows
from hybrid_store.models.work import EmbeddingWork

__all__ = ["Rows", "check_invariants", "check_paid", "spaces_in", "text_of"]

# A vector in half precision differs by less, that of another text by more.
TOLERANCE = 1e-3
LISTED = 5


@dataclass
class Rows:
    """Primary keys of all rows, each in exactly one state."""

    current: set[Any] = field(default_factory=set)
    stale: set[Any] = field(default_factory=set)
    failed: set[Any] = field(default_factory=set)
    blank: set[Any] = field(default_factory=set)

    @property
    def all(self) -> set[Any]:
        return self.current | self.stale | self.failed | self.blank


def check_invariants(
    embedding: type[Model] | EmbeddingField,
    *,
    using: str = "default",
    earlier: Iterable[str] = (),
    embedders: Sequence[BaseEmbedder] = (),
    by_hand: Collection[Any] = (),
    running: bool = False,
) -> Rows:
    """Check I1 to I5 for an embedding, or for a model's only one; returns the state of every row.

    `earlier` are texts that rows had before, `embedders` those used before beside the field's own:
    a vector may still be that of an old text, in an old space, if its fingerprint says so.
    `by_hand` are keys of rows whose vectors the test has written, without fingerprints. While a run
    is `running`, or after one was killed, there may be leases.
    """
    chosen = embedding if isinstance(embedding, EmbeddingField) else embedding_field(embedding)
    table = list(chosen.model._base_manager.using(using).order_by("pk"))
    texts = {row.pk: text_of(chosen, row) for row in table}
    if chosen.embed_if is not None:
        wanted = set(_keys(chosen.model._base_manager.using(using).filter(chosen.embed_if)))
        texts = {pk: text if pk in wanted else "" for pk, text in texts.items()}
    records = list(
        EmbeddingWork.objects.using(using).filter(
            model=chosen.model._meta.label, column=chosen.column
        )
    )
    _check_vectors(
        chosen,
        [row for row in table if row.pk not in by_hand],
        {*texts.values(), *earlier},
        [chosen.embedder, *embedders],
    )
    rows = _states(chosen, table, texts, records)
    _check_database_agrees(chosen, using, rows)
    _check_records(chosen, rows, records, running)
    return rows


def check_paid(answered: Sequence[str], needed: Iterable[str], *, lost: int = 0) -> int:
    """Check I6: of the texts that a server has answered, each of the `needed` is there, no other,
    and at most `lost` more than once: those of the batches in flight when a process was killed.

    Returns how many were paid for again.
    """
    wanted, paid = set(needed), Counter(answered)
    _none(wanted - paid.keys(), "texts were needed and never answered")
    _none(paid.keys() - wanted, "texts were paid for that nobody needed")
    again = paid.total() - len(paid)
    twice = [text for text, times in paid.items() if times > 1]
    assert again <= lost, f"{again} texts were paid for again, {lost} at most: {twice[:LISTED]}"
    return again


def text_of(chosen: EmbeddingField, row: Any) -> str:
    """What the row says, rendered here and not by the database."""
    if callable(chosen.source):
        return str(chosen.source(row) or "")
    return "\n".join(_part(row, name.split("__")) for name in chosen.source_names)


def _part(row: Any, path: Sequence[str]) -> str:
    for name in path:
        row = None if row is None else getattr(row, name)
    if row is None:
        return ""
    return row.hex if isinstance(row, UUID) else str(row)


# The vectors (I2, I4 and I5)


def _check_vectors(
    chosen: EmbeddingField,
    table: Sequence[Any],
    known: Collection[str],
    embedders: Sequence[BaseEmbedder],
) -> None:
    """Every vector is what the embedder of its fingerprint's space makes of its text."""
    marks = {row.pk: getattr(row, chosen.fingerprint_name) for row in table}
    vectors = {row.pk: getattr(row, chosen.attname) for row in table}
    halves = [pk for pk, mark in marks.items() if (mark is None) != (vectors[pk] is None)]
    _none(halves, "rows have a vector or a fingerprint, but not both")
    checked: set[Any] = {pk for pk, mark in marks.items() if mark is None}
    for embedder in embedders:
        named = {fingerprint(embedder.space, text): text for text in known}
        keys = [pk for pk, mark in marks.items() if mark in named and pk not in checked]
        _check_equal(
            chosen,
            keys,
            [vectors[pk] for pk in keys],
            _expected(embedder, [named[marks[pk]] for pk in keys]),
        )
        checked.update(keys)
    _none(marks.keys() - checked, "fingerprints name no text that the row has or had")


def _expected(embedder: BaseEmbedder, texts: Sequence[str]) -> Any:
    """What the embedder makes of the texts: the tests have it hash, in process or on a server."""
    params = {"MODEL": embedder.model, "DIMENSIONS": embedder.dimensions}
    prefixed = [embedder.document_prefix + text for text in texts]
    return HashingEmbedder("expected", params).embed(prefixed)


def _check_equal(
    chosen: EmbeddingField, keys: Sequence[Any], stored: Sequence[Any], expected: Any
) -> None:
    found = [np.asarray(vector, dtype=np.float64) for vector in stored]
    shape = (chosen.dimensions,)
    _none([k for k, v in zip(keys, found, strict=True) if v.shape != shape], "wrong dimensions")
    _none([k for k, v in zip(keys, found, strict=True) if not np.isfinite(v).all()], "not finite")
    _none([k for k, v in zip(keys, found, strict=True) if not v.any()], "zero vectors")
    wrong = [
        key
        for key, vector, right in zip(keys, found, expected, strict=True)
        if not np.allclose(vector, right, atol=TOLERANCE)
    ]
    _none(wrong, "vectors are not those of the text that the fingerprint names")


# The states (I1)


def _states(
    chosen: EmbeddingField,
    table: Sequence[Any],
    texts: dict[Any, str],
    records: Sequence[EmbeddingWork],
) -> Rows:
    rows = Rows()
    failed = {(record.key, record.fingerprint) for record in records if record.failed_at}
    for row in table:
        mark = getattr(row, chosen.fingerprint_name)
        due = fingerprint(chosen.space, texts[row.pk])
        if not texts[row.pk].strip():
            (rows.blank if mark is None else rows.stale).add(row.pk)
        elif mark == due and getattr(row, chosen.attname) is not None:
            rows.current.add(row.pk)
        elif (key_text(chosen.model, row.pk), due) in failed:
            rows.failed.add(row.pk)
        else:
            rows.stale.add(row.pk)
    return rows


def _check_database_agrees(chosen: EmbeddingField, using: str, rows: Rows) -> None:
    """What the package says about the rows is what they are."""
    table = chosen.model._base_manager.using(using)
    assert set(_keys(freshness.stale_rows(table.all(), chosen))) == rows.stale | rows.failed
    assert set(_keys(failed_rows(table.all(), chosen))) == rows.failed
    counted = coverage(table.all(), chosen.name)
    assert counted.rows == len(rows.all)
    assert (counted.current, counted.blank) == (len(rows.current), len(rows.blank))
    assert (counted.stale, counted.failed) == (len(rows.stale | rows.failed), len(rows.failed))


def _keys(queryset: Any) -> list[Any]:
    return list(queryset.values_list("pk", flat=True))


# The records (I3)


def _check_records(
    chosen: EmbeddingField, rows: Rows, records: Sequence[EmbeddingWork], running: bool
) -> None:
    keys = [record.key for record in records]
    _none([key for key, times in Counter(keys).items() if times > 1], "rows have two records")
    unexplained = [record.key for record in records if record.failed_at and not record.reason]
    _none(unexplained, "rows have failed without a reason")
    if running:
        return
    _none([record.key for record in records if record.token or record.lease_until], "leases left")
    idle = [record.key for record in records if not record.failed_at]
    _none(idle, "records are of rows neither in flight nor failed")
    there = {key_text(chosen.model, pk) for pk in rows.all}
    _none(set(keys) - there, "records are of rows that do not exist")
    done = {key_text(chosen.model, pk) for pk in rows.current | rows.blank}
    _none(set(keys) & done, "records are of rows that need no work")


def spaces_in(chosen: EmbeddingField, using: str = "default") -> set[str]:
    """Prefixes of the fingerprints stored: one for each space that vectors belong to."""
    marks = chosen.model._base_manager.using(using).values_list(chosen.fingerprint_name, flat=True)
    return {mark[: len(space_prefix(""))] for mark in marks if mark}


def _none(found: Iterable[Any], fault: str) -> None:
    listed = list(found)
    shown = ", ".join(map(repr, listed[:LISTED]))
    assert not listed, f"{len(listed)} {fault}: {shown}"
