"""Searching: the ten nearest documents, of all and of a tenth of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from django.db.models import Model, QuerySet
from pgvector.django import CosineDistance

from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS
from benchmarks.models import Document, PgvectorDocument, TutorialDocument
from benchmarks.questions import Question, everything, one_group
from benchmarks.report import Table, times
from benchmarks.search_way import Find, SearchWay
from benchmarks.timing import TURN, side_by_side
from hybrid_store.vectors import FloatArray

__all__ = [
    "Search",
    "dot_a_row",
    "finder",
    "nearest",
    "one_product",
    "pgvector_deferred",
    "pgvector_nearest",
    "tables",
    "tuned",
]

Search: TypeAlias = Callable[[QuerySet[Any], FloatArray], list[Any]]


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


def tuned(**options: Any) -> Search:
    """Ours with other settings."""

    def search(documents: QuerySet[Any], vector: FloatArray) -> list[Any]:
        ranked: Any = documents
        return list(ranked.nearest(vector).tuned(**options)[:NEIGHBOURS])

    return search


def pgvector_nearest(documents: QuerySet[Any], vector: FloatArray) -> list[Any]:
    """The way of pgvector's README."""
    return list(documents.order_by(CosineDistance("embedding", vector))[:NEIGHBOURS])


def pgvector_deferred(documents: QuerySet[Any], vector: FloatArray) -> list[Any]:
    """The same without reading the vectors of the rows found, as ours does."""
    return pgvector_nearest(documents.defer("embedding"), vector)


def tables(bench: Bench) -> Iterator[Table]:
    """The documents are loaded already, without an index over their vectors."""
    questions = [everything(bench.corpus), one_group(bench.corpus)]
    exact = [side_by_side(_exact(bench, question), bench.rounds) for question in questions]
    indexed: list[Sequence[SearchWay]] = [[], []]
    if bench.ops.supports_vector_index:
        yield _build(bench)
        indexed = [
            side_by_side(_indexed(bench, question), bench.searches, turn=TURN)
            for question in questions
        ]
    for question, *ways in zip(questions, exact, indexed, strict=True):
        title = f"The {NEIGHBOURS} nearest {question.label}, {bench.database}"
        yield times(title, [*chain.from_iterable(ways)])


def finder(alias: str, question: Question, model: type[Model], search: Search) -> Find:
    """Searches the documents of a model that the question asks about."""
    return lambda vector: [hit.pk for hit in search(question.chosen(model, alias), vector)]


def _exact(bench: Bench, question: Question) -> list[SearchWay]:
    way = partial(_way, bench, question, exact=True)
    ways = [
        way("tutorials: `.all()`, a dot a row", TutorialDocument, dot_a_row),
        way("tutorials: `values_list`, one product", TutorialDocument, one_product),
        way("**`nearest(vector)[:10]`**, exact", Document, nearest),
    ]
    if bench.has_pgvector:
        ways.append(way("pgvector.django, exact", PgvectorDocument, pgvector_nearest))
    if question.condition is None:
        ways.append(_limit(bench, question))
    return ways


def _indexed(bench: Bench, question: Question) -> list[SearchWay]:
    way = partial(_way, bench, question, exact=not bench.has_pgvector)
    if not bench.has_pgvector:
        return [way("**`nearest(vector)[:10]`**, `VectorIndex`", Document, nearest)]
    return [
        way("**`nearest(vector)[:10]`**, HNSW", Document, nearest),
        way("pgvector.django, HNSW", PgvectorDocument, pgvector_nearest),
        way("pgvector.django, HNSW, vector deferred", PgvectorDocument, pgvector_deferred),
    ]


def _way(
    bench: Bench,
    question: Question,
    label: str,
    model: type[Model],
    search: Search,
    exact: bool,
) -> SearchWay:
    find = finder(bench.alias, question, model, search)
    return SearchWay(label, question, find, exact=exact)


def _limit(bench: Bench, question: Question) -> SearchWay:
    """No exact search can be faster without reading fewer bytes than all vectors have."""
    vectors = bench.corpus.vectors

    def find(vector: FloatArray) -> list[int]:
        scores = vectors @ vector
        return [int(i) + 1 for i in np.argpartition(scores, -NEIGHBOURS)[-NEIGHBOURS:]]

    return SearchWay("(one product over vectors in memory)", question, find, exact=True)


def _build(bench: Bench) -> Table:
    seconds = bench.build_vector_index(Document)
    title = f"Building the index over {bench.rows:,} rows, {bench.database}"
    if bench.has_pgvector:
        return Table(title, ["", "s"], [["HNSW", f"{seconds:.1f}"]])
    started = time.perf_counter()
    nearest(Document.objects.using(bench.alias), bench.corpus.queries[0])
    seconds += time.perf_counter() - started
    return Table(title, ["", "s"], [["with the first search", f"{seconds:.2f}"]])
