"""Filters: the ten nearest of those that a WHERE keeps, by a column with an index and without."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.data import NEIGHBOURS
from benchmarks.filters import fill
from benchmarks.models import FilteredDocument
from benchmarks.questions import Condition, Question
from benchmarks.report import Table
from benchmarks.sqlite.limit import against_limit
from benchmarks.sqlite.models import TutorialFiltered
from benchmarks.sqlite.trial import FILTERED, Trial
from benchmarks.sqlite.ways import asked, measured, ours, peer_ways, tutorial_ways

__all__ = ["tables"]

COLUMNS = {"half": "50 %", "group": "10 %", "percent": "1 %"}


def tables(bench: Trial) -> Iterator[Table]:
    """The very same table is asked twice."""
    fill(bench)
    ratios: list[float] = []
    yield from _tables(bench, "an indexed column", ratios)
    _drop_indexes(bench)
    yield from _tables(bench, "a column that is not indexed", ratios)
    bench.note(FILTERED, max(ratios))


def _tables(bench: Trial, by: str, ratios: list[float]) -> Iterator[Table]:
    """Adds to `ratios` how many times as long as the limit ours took."""
    corpus = bench.corpus
    with asked(bench, FilteredDocument) as peers:
        for column, share in COLUMNS.items():
            label = f"{share} of {bench.rows:,} rows, by {by}"
            question = Question(corpus, label, corpus.queries, Condition(column, "exact", 1))
            limit, ways = measured(
                bench,
                ours(bench, question, FilteredDocument),
                [
                    *peer_ways(peers, question, "vec0", "function"),
                    *tutorial_ways(bench, question, TutorialFiltered),
                ],
            )
            title = f"The {NEIGHBOURS} nearest under a filter: {label}, {bench.database}"
            yield against_limit(title, limit, ways)
            ratios.append(ways[0].median / limit.median)


def _drop_indexes(bench: Trial) -> None:
    table = FilteredDocument._meta.db_table
    with bench.connection.cursor() as cursor:
        stored = bench.connection.introspection.get_constraints(cursor, table)
        for name, constraint in stored.items():
            if constraint["index"] and set(constraint["columns"]) <= COLUMNS.keys():
                cursor.execute(f"DROP INDEX {bench.connection.ops.quote_name(name)}")
    bench.settle()
