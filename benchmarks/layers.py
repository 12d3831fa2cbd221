"""Layers: what each layer between a program and the index adds to a search."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db.models import Model

from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS
from benchmarks.models import Document, PgvectorDocument
from benchmarks.questions import Question, everything, one_group
from benchmarks.raw import RawSearch
from benchmarks.report import Table, costs
from benchmarks.search import (
    Search,
    finder,
    nearest,
    pgvector_deferred,
    pgvector_nearest,
    tuned,
)
from benchmarks.search_way import SearchWay
from benchmarks.searchers import searcher_ways
from benchmarks.timing import TURN, side_by_side
from hybrid_store.models.policy import first_scan
from hybrid_store.models.tuning import Tuning
from hybrid_store.vectors import FloatArray

__all__ = ["orm_way", "raw_ways", "tables"]

DEFAULT_EF_SEARCH = 40


def tables(bench: Bench) -> Iterator[Table]:
    if not bench.has_pgvector:
        return
    bench.fill(Document)
    bench.build_vector_index(Document)
    for question in (everything(bench.corpus), one_group(bench.corpus)):
        ways = [*_ways(bench, question), *searcher_ways(bench, question)]
        side_by_side(ways, bench.searches, turn=TURN)
        yield costs(
            f"Layers of a search for the {NEIGHBOURS} nearest {question.label}, {bench.database}",
            ways,
        )


def orm_way(
    bench: Bench,
    question: Question,
    label: str,
    model: type[Model],
    search: Search,
    alias: str = "",
) -> SearchWay:
    return SearchWay(label, question, finder(alias or bench.alias, question, model, search))


def raw_ways(bench: Bench, model: type[Model], question: Question) -> list[SearchWay]:
    """By psycopg 3, so that what is above it can be told from the database's part."""
    raw = RawSearch(bench, model, question)
    scan = first_scan(NEIGHBOURS, question.condition is not None, Tuning())
    assert scan is not None
    return [
        SearchWay(f"psycopg 3 by hand, {effort}", question, raw.plain(effort))
        for effort in (DEFAULT_EF_SEARCH, scan.effort)
    ] + [SearchWay("psycopg 3 by hand, the SQL of `nearest`", question, raw.same())]


def _ways(bench: Bench, question: Question) -> list[SearchWay]:
    way = partial(orm_way, bench, question)
    bound = bench.variant("bound", server_side_binding=True)
    wider = bench.variant("ef100", options="-c hnsw.ef_search=100")
    return [
        *raw_ways(bench, Document, question),
        SearchWay(
            '**`nearest(vector).values_list("pk", "title")[:10]`**',
            question,
            _values_finder(bench.alias, question),
        ),
        way("**`nearest(vector)[:10]`**", Document, nearest),
        way("**`nearest(vector)[:10]`**, server-side binding", Document, nearest, bound),
        way("**`tuned(ef_search=40)`**", Document, tuned(ef_search=DEFAULT_EF_SEARCH)),
        way("pgvector.django, 40", PgvectorDocument, pgvector_nearest),
        way("pgvector.django, vector deferred, 40", PgvectorDocument, pgvector_deferred),
        way("pgvector.django, vector deferred, 100", PgvectorDocument, pgvector_deferred, wider),
    ]


def _values_finder(alias: str, question: Question) -> Any:
    def find(vector: FloatArray) -> list[int]:
        documents: Any = question.chosen(Document, alias)
        return [pk for pk, _ in documents.nearest(vector).values_list("pk", "title")[:NEIGHBOURS]]

    return find
