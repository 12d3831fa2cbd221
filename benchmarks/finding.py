"""Finding work: ten stale rows in a large table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from django.db.models import Value

from benchmarks.bench import Bench
from benchmarks.models import Entry
from benchmarks.report import Table, times
from benchmarks.timing import Way, side_by_side
from hybrid_store.models import freshness
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.finding import Finder
from hybrid_store.sync.leases import LEASE_SECONDS, Leases
from hybrid_store.sync.sources import source_reader
from hybrid_store.vectors import Vector

__all__ = ["tables"]

STALE = 10
BATCH = 10_000


def tables(bench: Bench) -> Iterator[Table]:
    """`bench.rows` short texts, all of them embedded but ten that were edited since."""
    expected = _fill(bench)
    ways = [
        _way("hashing every text in Python", lambda: _compared_in_python(bench), expected),
        _way("**`generate_embeddings`**, finding them", lambda: _found(bench), expected),
    ]
    side_by_side(ways, min(bench.rounds, 5))
    title = f"Finding {STALE} stale rows among {bench.rows:,}, {bench.database}"
    yield times(title, ways, "found")


def _way(label: str, run: Callable[[], set[int]], expected: set[int]) -> Way[set[int]]:
    return Way(label, lambda number: run(), lambda number, found: float(found == expected))


def _fill(bench: Bench) -> set[int]:
    """Keys of the rows that are stale."""
    bench.recreate(Entry)
    entries, field = Entry.objects.using(bench.alias), embedding_field(Entry)
    for start in range(0, bench.rows, BATCH):
        numbers = range(start, min(start + BATCH, bench.rows))
        entries.bulk_create([Entry(text=f"The text of entry {n}.") for n in numbers])
    stamp = freshness.Joined(Value(field.space_prefix), freshness.content(field))
    vector = Vector([1.0] * field.dimensions)
    entries.update(**{field.name: vector, field.fingerprint_name: stamp})
    keys = list(entries.order_by("pk").values_list("pk", flat=True)[:: bench.rows // STALE])
    entries.filter(pk__in=keys).update(text="edited")
    bench.settle()
    return set(keys)


def _compared_in_python(bench: Bench) -> set[int]:
    field = embedding_field(Entry)
    rows = Entry.objects.using(bench.alias).values_list("pk", "text", field.fingerprint_name)
    prefix = field.space_prefix
    return {
        key
        for key, text, stored in rows.iterator(chunk_size=BATCH)
        if stored != prefix + hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    }


def _found(bench: Bench) -> set[int]:
    field = embedding_field(Entry)
    reader = source_reader(field, bench.alias)
    finder = Finder(reader, Leases(field, bench.alias, LEASE_SECONDS))
    return {row.pk for rows in finder.chunks(1000, None) for row in rows}
