"""Storing passages: those of a row in one transaction, and only if its text is still theirs."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from django.db import connections, transaction
from django.db.models import F, QuerySet

from hybrid_store.backends import vector_ops
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.models import freshness
from hybrid_store.models.chunks import PARENT, Chunking, Piece
from hybrid_store.models.unsplit import expected
from hybrid_store.sync.sources import SourceText, read_texts
from hybrid_store.sync.statements import key_values

__all__ = ["PassageWriter", "Stored", "Written", "stored_passages"]

Split: TypeAlias = Sequence[tuple[SourceText, list[Piece]]]

AT_ONCE = 500


@dataclass(frozen=True)
class Written:
    """What became of a batch, in rows of the parent; and in passages."""

    rows: int
    changed: int
    added: int
    kept: int
    removed: int


class Place(NamedTuple):
    """What a passage says of itself beside its text; in the order of `PLACE`."""

    number: int
    total: int
    start: int
    end: int
    source_fingerprint: str


PLACE = Place._fields


class Stored(NamedTuple):
    """A passage that is in the database."""

    pk: Any
    text: str
    place: Place


@dataclass
class Changes:
    """What has to be done to the passages of a batch."""

    added: list[Any] = field(default_factory=list)
    removed: list[Any] = field(default_factory=list)
    """Primary keys."""
    kept: int = 0
    placed: list[tuple[Place, Any]] = field(default_factory=list)
    """New places of passages that stay, with their primary keys."""
    renumbered: list[Any] = field(default_factory=list)
    """Primary keys of those whose numbers change."""
    greatest_number: int = 0

    def keep(self, passage: Stored, place: Place) -> None:
        self.kept += 1
        if place != passage.place:
            self.placed.append((place, passage.pk))
        if place.number != passage.place.number:
            self.renumbered.append(passage.pk)
        self.greatest_number = max(self.greatest_number, place.number, passage.place.number)


class PassageWriter:
    """Writes the passages of one `Chunking` into one database."""

    def __init__(self, chunking: Chunking, using: str) -> None:
        self.chunking = chunking
        self.using = using
        self.text = chunking.text
        self.passages: QuerySet[Any] = chunking.model._base_manager.using(using)
        self.parents: QuerySet[Any] = self.text.model._base_manager.using(using)

    def write(self, split: Split) -> Written:
        """Bring the passages of the rows up to date; a row whose text has changed is left."""
        with transaction.atomic(using=self.using):
            unchanged = self._locked(split)
            changes = self._changes(unchanged)
            self._apply(changes)
        return Written(
            rows=len(unchanged),
            changed=len(split) - len(unchanged),
            added=len(changes.added),
            kept=changes.kept,
            removed=len(changes.removed),
        )

    def added(self, split: Split) -> list[Piece]:
        """The passages that are not stored yet, so that they have to be embedded."""
        stored = self._stored(split)
        return [
            piece
            for text, pieces in split
            for piece, match in matched(pieces, stored[text.pk])
            if match is None
        ]

    def _locked(self, split: Split) -> Split:
        """Those of the rows that say now what was split, and say it until the transaction ends."""
        keys = [text.pk for text, _ in split]
        parents = self.parents.filter(pk__in=keys).order_by("pk")
        # In the order in which a row and its passages are deleted: neither waits for the other.
        passages = self.passages.filter(**{f"{PARENT}__in": keys}).order_by("pk")
        vector_ops(connections[self.using]).lock(passages, parents)
        now = self._contents(parents)
        return [(text, pieces) for text, pieces in split if now.get(text.pk) == text.content]

    def _contents(self, parents: QuerySet[Any]) -> dict[Any, str]:
        if callable(self.text.source):
            return {text.pk: text.content for text in read_texts(self.text, parents)}
        return dict(parents.values_list("pk", freshness.content(self.text)))

    def _stored(self, split: Split) -> dict[Any, list[Stored]]:
        return stored_passages(self.chunking, self.passages, [text.pk for text, _ in split])

    def _changes(self, split: Split) -> Changes:
        changes, stored = Changes(), self._stored(split)
        for text, pieces in split:
            fingerprint = expected(self.chunking, text.text, text.content)
            removed = {passage.pk: passage for passage in stored[text.pk]}
            for number, (piece, match) in enumerate(matched(pieces, stored[text.pk])):
                place = Place(number, len(pieces), piece.start, piece.end, fingerprint)
                if match is None:
                    changes.added.append(self._passage(text.pk, piece, place))
                else:
                    changes.keep(removed.pop(match.pk), place)
            changes.removed += removed
        return changes

    def _passage(self, parent: Any, piece: Piece, place: Place) -> Any:
        key = {self.chunking.parent.attname: parent}
        return self.chunking.model(text=piece.text, **key, **place._asdict())

    def _apply(self, changes: Changes) -> None:
        for rows in self._rows(changes.removed):
            rows.delete()
        # No two passages of a row may have one number, not even while they change places.
        for rows in self._rows(changes.renumbered):
            rows.update(number=F("number") + changes.greatest_number + 1)
        self._place(changes.placed)
        self.passages.bulk_create(changes.added, batch_size=AT_ONCE)

    def _rows(self, keys: Sequence[Any]) -> Iterator[QuerySet[Any]]:
        for start in range(0, len(keys), AT_ONCE):
            yield self.passages.filter(pk__in=keys[start : start + AT_ONCE])

    def _place(self, placed: Sequence[tuple[Place, Any]]) -> None:
        if not placed:
            return
        connection = connections[self.using]
        meta = self.chunking.model._meta
        columns = [Column.of(meta.get_field(name), connection) for name in PLACE]  # type: ignore[arg-type]
        keys = [Column.of(key, connection) for key in meta.pk_fields]
        vector_ops(connection).update_rows(
            RowUpdate(meta.db_table, columns, keys),
            [(*place, *key_values(meta.pk_fields, pk, connection)) for place, pk in placed],
        )


def stored_passages(
    chunking: Chunking, passages: QuerySet[Any], parents: Sequence[Any]
) -> dict[Any, list[Stored]]:
    """The passages of rows with these keys, in their order."""
    found: dict[Any, list[Stored]] = {key: [] for key in parents}
    rows = passages.filter(**{f"{PARENT}__in": parents}).order_by("number")
    for parent, pk, text, *place in rows.values_list(chunking.parent.attname, "pk", "text", *PLACE):
        found[parent].append(Stored(pk, text, Place(*place)))
    return found


def matched(
    pieces: Sequence[Piece], stored: Sequence[Stored]
) -> Iterator[tuple[Piece, Stored | None]]:
    """Each piece with a stored passage that has its text, if there is one left."""
    left: dict[str, deque[Stored]] = defaultdict(deque)
    for passage in stored:
        left[passage.text].append(passage)
    for piece in pieces:
        same = left.get(piece.text)
        yield piece, same.popleft() if same else None
