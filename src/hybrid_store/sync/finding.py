"""Finding the rows that need work, in batches by primary key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.spaces import of_other_space, of_unknown_origin, other_at_an_end
from hybrid_store.models.states import without_blocked
from hybrid_store.sync.leases import Leases
from hybrid_store.sync.sources import SourceReader, SourceText

__all__ = ["Finder"]


class Finder:
    """The rows of one embedding that one run may work on.

    Rows whose vector belongs to another space, or is of unknown origin, are left alone unless
    `replace_spaces`: somebody may have paid for them. So are rows that other runs hold, and those
    that failed and are not due, unless `retry_failed`. With `keys`, no rows but those.
    """

    def __init__(
        self,
        reader: SourceReader,
        leases: Leases,
        *,
        replace_spaces: bool = False,
        retry_failed: bool = False,
        keys: Sequence[Any] | None = None,
    ) -> None:
        self.reader = reader
        self.leases = leases
        self.replace_spaces = replace_spaces
        self.retry_failed = retry_failed
        self.keys = keys

    @property
    def field(self) -> EmbeddingField:
        return self.reader.field

    def count(self) -> int:
        """Rows that need work now."""
        return self.reader.count_stale(self._allowed(reading=True), any_space=self.replace_spaces)

    def chunk(self, after: Any, size: int) -> list[SourceText]:
        """Up to `size` rows that need work, by primary key, behind `after` if that is not None.

        Rows that stay stale are not met again by whoever goes on behind the last row of a chunk.
        With a callable source, failed rows that are not due are among them: no claim gets those.
        """
        return self._chunk(self._allowed(), after, size)

    def _chunk(self, rows: QuerySet[Any], after: Any, size: int) -> list[SourceText]:
        rows = rows.order_by("pk")
        if after is not None:
            rows = rows.filter(pk__gt=after)
        return self.reader.find_stale(rows, size, any_space=self.replace_spaces)

    def chunks(self, size: int, limit: int | None) -> Iterator[list[SourceText]]:
        """All rows that need work, or the first `limit` of them, up to `size` at a time."""
        rows, after, left = self._allowed(reading=True), None, limit
        while left != 0:
            chunk = self._chunk(rows, after, size if left is None else min(size, left))
            if not chunk:
                return
            yield chunk
            if len(chunk) < size:
                return
            after = chunk[-1].pk
            left = None if left is None else left - len(chunk)

    def left_alone(self) -> tuple[int, int]:
        """Rows whose vector belongs to another space, and rows whose vector is of unknown origin,
        that are not replaced."""
        if self.replace_spaces:
            return 0, 0
        field = self.field
        # Counting reads the whole table, and in most tables there is nothing to count.
        if not other_at_an_end(field, self.reader.using).exists():
            return 0, 0
        kinds = of_other_space(field), of_unknown_origin(field)
        other, unknown = (self._rows.filter(kind).count() for kind in kinds)
        return other, unknown

    @property
    def _rows(self) -> QuerySet[Any]:
        rows = self.reader.rows
        return rows if self.keys is None else rows.filter(pk__in=self.keys)

    def _allowed(self, *, reading: bool = False) -> QuerySet[Any]:
        rows = self._rows
        if not self.replace_spaces:
            rows = rows.exclude(of_other_space(self.field)).exclude(of_unknown_origin(self.field))
        return without_blocked(
            rows,
            self.field,
            self.leases.now(),
            token=self.leases.token,
            retry_failed=self.retry_failed,
            reading=reading,
        )
