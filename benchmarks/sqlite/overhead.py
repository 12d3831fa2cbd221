"""Overhead: what the ORM adds to the statement of a search, in a table of few rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS, Corpus
from benchmarks.questions import Question, everything
from benchmarks.report import Table, costs
from benchmarks.search import finder, nearest
from benchmarks.search_way import SearchWay
from benchmarks.sqlite.models import FewDocument
from benchmarks.sqlite.trial import ORM, Trial
from benchmarks.sqlite.ways import OURS
from benchmarks.timing import TURN, side_by_side
from hybrid_store.vectors import FloatArray

__all__ = ["tables"]

FEW_ROWS = 10


def tables(bench: Trial) -> Iterator[Table]:
    few = replace(bench, corpus=Corpus(FEW_ROWS))
    few.fill(FewDocument)
    few.build_vector_index(FewDocument)
    ways = side_by_side(_ways(few), bench.searches, turn=TURN)
    yield costs(f"The {NEIGHBOURS} nearest of {FEW_ROWS} rows, {bench.database}", ways)
    few.note(ORM, (ways[-1].median - ways[0].median) * 1000)


def _ways(bench: Bench) -> list[SearchWay]:
    question = everything(bench.corpus)
    rows = FewDocument.objects.using(bench.alias)
    sql, params = _sent(bench, question)
    vector, raw = params[0], bench.connection.connection

    def by_hand(near: FloatArray) -> list[int]:
        given = [near.tobytes() if value == vector else value for value in params]
        return [key for key, *_ in raw.execute(sql.replace("%s", "?"), given)]

    def by_cursor(near: FloatArray) -> list[int]:
        given = [near.tobytes() if value == vector else value for value in params]
        with bench.connection.cursor() as cursor:
            cursor.execute(sql, given)
            return [key for key, *_ in cursor.fetchall()]

    def plain(near: FloatArray) -> list[int]:
        return [row.pk for row in rows.defer("embedding").order_by("title")[:NEIGHBOURS]]

    def values(near: FloatArray) -> list[int]:
        return [key for key, _ in rows.nearest(near).values_list("pk", "title")[:NEIGHBOURS]]

    found = {
        "sqlite3 by hand, the SQL of `nearest`": by_hand,
        "Django's cursor, the SQL of `nearest`": by_cursor,
        '`order_by("title")[:10]`, objects': plain,
        '**`nearest(vector).values_list("pk", "title")[:10]`**': values,
        OURS: finder(bench.alias, question, FewDocument, nearest),
    }
    return [SearchWay(label, question, find, exact=True) for label, find in found.items()]


def _sent(bench: Bench, question: Question) -> tuple[str, list[Any]]:
    """The last statement of a search for the first vector, with its parameters."""
    sent: list[tuple[str, list[Any]]] = []

    def watch(execute: Callable[..., Any], sql: str, params: Any, *others: Any) -> Any:
        sent.append((sql, [*params]))
        return execute(sql, params, *others)

    documents = question.chosen(FewDocument, bench.alias)
    with bench.connection.execute_wrapper(watch):
        nearest(documents, question.vector(0))
    return sent[-1]
