"""Searching: the ten nearest documents, of all and of a tenth of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from django.db.models import Model, QuerySet
from pgvector.django import CosineDistance

from benchmarks.bench import Bench
from benchmarks.data import GROUPS, NEIGHBOURS, QUERIES
from benchmarks.models import Document, PgvectorDocument, TutorialDocument
from benchmarks.report import Table, times
from benchmarks.timing import Way, side_by_side
from hybrid_store.vectors import FloatArray

__all__ = ["dot_a_row", "nearest", "one_product", "tables"]

Search: TypeAlias = Callable[[QuerySet[Any], FloatArray], list[Any]]

GROUP = 3


def dot_a_row(documents: QuerySet[Any], vector: FloatArray) -> list[Any]:
    """The tutorials' way: read every object, compare it in Python."""
    scored = [
        (float(np.dot(np.frombuffer(document.embedding, dtype=np.float32), vector)), document)
        for document in documents
    ]
    scored.sort(key=lambda pair: pair[0], reverse=True)
    return [document for _, document in scored[:NEIGHBOURS]]


def one_product(documents: QuerySet[Any], vector: FloatArray) -> list[Any]:
    """The better tutorials' way: read keys and vectors only, compare them in one product."""
    keys, blobs = zip(*documents.values_list("pk", "embedding"), strict=True)
    matrix = np.frombuffer(b"".join(blobs), dtype=np.float32).reshape(len(keys), -1)
    scores = matrix @ vector
    best = np.argpartition(scores, -NEIGHBOURS)[-NEIGHBOURS:]
    found = documents.defer("embedding").in_bulk([keys[i] for i in best])
    return [found[keys[i]] for i in best[np.argsort(-scores[best])]]


def nearest(documents: QuerySet[Any], vector: FloatArray) -> list[Any]:
    """Ours."""
    ranked: Any = documents
    return list(ranked.nearest(vector)[:NEIGHBOURS])


def pgvector_nearest(documents: QuerySet[Any], vector: FloatArray) -> list[Any]:
    """The way of pgvector's README."""
    return list(documents.order_by(CosineDistance("embedding", vector))[:NEIGHBOURS])


def pgvector_deferred(documents: QuerySet[Any], vector: FloatArray) -> list[Any]:
    """The same without reading the vectors of the rows found, as ours does."""
    return pgvector_nearest(documents.defer("embedding"), vector)


def tables(bench: Bench) -> Iterator[Table]:
    """The documents are loaded already, without an index over their vectors."""
    exact = {group: side_by_side(_exact(bench, group), bench.rounds) for group in (None, GROUP)}
    indexed: dict[int | None, Any] = {None: [], GROUP: []}
    if bench.ops.supports_vector_index:
        yield _build(bench)
        # Fast enough for every query, whose recall differs.
        rounds = max(bench.rounds, QUERIES)
        indexed = {group: side_by_side(_hnsw(bench, group), rounds) for group in indexed}
    of = f"of {bench.rows:,} rows, {bench.database}"
    yield times(f"The {NEIGHBOURS} nearest {of}", [*exact[None], *indexed[None]])
    title = f"The {NEIGHBOURS} nearest under a filter that keeps {1 / GROUPS:.0%} {of}"
    yield times(title, [*exact[GROUP], *indexed[GROUP]])


def _exact(bench: Bench, group: int | None) -> list[Way[list[int]]]:
    way = partial(_way, bench, group)
    ways = [
        way("tutorials: `.all()`, a dot a row", TutorialDocument, dot_a_row),
        way("tutorials: `values_list`, one product", TutorialDocument, one_product),
        way("**`nearest(vector)[:10]`**, exact", Document, nearest),
    ]
    if bench.has_pgvector:
        ways.append(way("pgvector.django, exact", PgvectorDocument, pgvector_nearest))
    if group is None:
        ways.append(_limit(bench))
    return ways


def _hnsw(bench: Bench, group: int | None) -> list[Way[list[int]]]:
    way = partial(_way, bench, group, exact=False)
    return [
        way("**`nearest(vector)[:10]`**, HNSW", Document, nearest),
        way("pgvector.django, HNSW", PgvectorDocument, pgvector_nearest),
        way("pgvector.django, HNSW, vector deferred", PgvectorDocument, pgvector_deferred),
    ]


def _way(
    bench: Bench,
    group: int | None,
    label: str,
    model: type[Model],
    search: Search,
    exact: bool = True,
) -> Way[list[int]]:
    def run(number: int) -> list[int]:
        documents = model._default_manager.using(bench.alias)
        chosen = documents.all() if group is None else documents.filter(group=group)
        return [document.pk for document in search(chosen, bench.corpus.query(number))]

    def judge(number: int, found: list[int]) -> float:
        return bench.corpus.recall(number, found, group)

    return Way(label, run, judge, exact=exact)


def _limit(bench: Bench) -> Way[list[int]]:
    """No exact search can be faster without reading fewer bytes than all vectors have."""
    vectors = bench.corpus.vectors

    def run(number: int) -> list[int]:
        scores = vectors @ bench.corpus.query(number)
        return [int(i) + 1 for i in np.argpartition(scores, -NEIGHBOURS)[-NEIGHBOURS:]]

    return Way("(one product over vectors in memory)", run, bench.corpus.recall)


def _build(bench: Bench) -> Table:
    started = time.perf_counter()
    bench.build_vector_index()
    seconds = time.perf_counter() - started
    title = f"Building the index over {bench.rows:,} rows, {bench.database}"
    return Table(title, ["", "s"], [["HNSW", f"{seconds:.1f}"]])
