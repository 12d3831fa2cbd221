"""L101: a column holds float64, which is garbage where float32 is read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hybrid_store.management.lint.data.base import SampleRule, Spot, converting, share
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.source.stored_bytes import reads_of
from hybrid_store.management.lint.vectors import Held
from hybrid_store.operations.blobs import is_sane

__all__ = ["StoredAsFloat64"]


class StoredAsFloat64(SampleRule):
    id = "L101"
    title = "bytes are float64 vectors, and senseless as float32"
    fix = (
        'Put ConvertVectorColumn("{model}", "{name}", VectorField(dimensions={size})) into a '
        "migration, which reads both; until then read with dtype=np.float64."
    )
    page = "howto/adopt.md"

    def judge(self, held: Held, column: Column, database: Database) -> Iterator[Spot]:
        count = held.forms["float64"]
        if count and not _is_read_so(column, database):
            bytes_, wrong = 8 * held.size, 2 * held.size
            senseless = _senseless(held)
            yield Spot(
                column,
                f"{share(count, held)} are float64: {bytes_:,} bytes make sense as {held.size} "
                f"numbers; read as float32 they are {wrong}, {senseless:.0%} of them absurd",
                converting(self.fix, held, column),
            )


def _is_read_so(column: Column, database: Database) -> bool:
    """Does all of the code that reads the field read float64?"""
    found = reads_of(database.project, column.field.name)
    return {read.float_type for read in found} == {"float64"}


def _senseless(held: Held) -> float:
    """The share of numbers that are too large or too small for an embedding, as float32."""
    data = b"".join(array.astype("<f8").tobytes() for _, array in held.vectors)
    with np.errstate(invalid="ignore"):
        numbers = np.frombuffer(data, dtype="<f4")
        sane = [is_sane(numbers[place : place + 1]) for place in range(min(numbers.size, 10_000))]
    return 1 - float(np.mean(sane))
