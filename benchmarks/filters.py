"""Filters: what an index that knows nothing of them leaves of the ten nearest rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from benchmarks.bench import Bench
from benchmarks.data import GROUPS, NEIGHBOURS, SOURCES, Corpus
from benchmarks.layers import orm_way
from benchmarks.models import FilteredDocument, PgvectorFilteredDocument, Source
from benchmarks.questions import Condition, Question
from benchmarks.report import Table, number
from benchmarks.search import nearest, pgvector_deferred, tuned
from benchmarks.search_way import SearchWay
from benchmarks.searchers import searcher_ways
from benchmarks.timing import TURN, side_by_side

__all__ = ["check_found", "fill", "found_table", "tables"]

LEAST_RECALL = 0.95
# The share of rows at an end of the positions.
END = 0.05
# A filter is against the queries if what it keeps is as far from them as this; an index that looks
# at fewer rows finds nothing.
LEAST_RANK = 200
JOIN = "source__group"


def tables(bench: Bench) -> Iterator[Table]:
    """Raises `AssertionError` after the table in which a search of ours has too few rows."""
    if not bench.has_pgvector:
        return
    fill(bench)
    for question in _questions(bench.corpus):
        ways = _ways(bench, question)
        side_by_side(ways, bench.searches, turn=TURN)
        title = f"The {NEIGHBOURS} nearest under a filter: {question.label}"
        yield found_table(f"{title}, of {bench.rows:,} rows, {bench.database}", ways)
        check_found(ways[0])


def _questions(corpus: Corpus) -> Iterator[Question]:
    at_random = {
        "50 %": "half",
        "10 %": "group",
        "1 %": "percent",
        "1 %, column not indexed": "percent_unindexed",
        "0.1 %": "permille",
        "10 %, by a join": JOIN,
    }
    for label, column in at_random.items():
        yield Question(corpus, label, corpus.queries, Condition(column, "exact", 1))
    positions = corpus.columns["position"]
    low, high = (float(edge) for edge in np.quantile(positions, [END, 1 - END]))
    vectors = corpus.queries_near(np.flatnonzero(positions >= high))
    near = Question(corpus, "5 %, near to the queries", vectors, Condition("position", "gte", high))
    far = Question(corpus, "5 %, far from the queries", vectors, Condition("position", "lte", low))
    assert _mean_rank(far) > LEAST_RANK
    yield from (near, far)


def _mean_rank(question: Question) -> float:
    """Of the rows that are right answers, among all rows."""
    assert question.eligible is not None
    ranks = []
    for vector in question.vectors:
        scores = question.corpus.vectors @ vector
        best = np.sort(scores[question.eligible])[-question.wanted :]
        ranks += [int((scores > score).sum()) for score in best]
    return float(np.mean(ranks))


def fill(bench: Bench) -> None:
    """The corpus in the table of `FilteredDocument`, with all its indexes."""
    if not bench.has_table(Source):
        bench.recreate(Source)
        numbers = range(1, SOURCES + 1)
        rows = [Source(pk=number, group=number % GROUPS) for number in numbers]
        Source.objects.using(bench.alias).bulk_create(rows)
    bench.fill(FilteredDocument)
    bench.build_vector_index(FilteredDocument)


def _ways(bench: Bench, question: Question) -> list[SearchWay]:
    way = partial(orm_way, bench, question)
    scans = {
        scan: bench.variant(scan, options=f"-c hnsw.iterative_scan={scan}_order")
        for scan in ("strict", "relaxed")
    }
    assert question.condition is not None
    others = [] if question.condition.column == JOIN else searcher_ways(bench, question)
    return [
        way("**`nearest(vector)[:10]`**", FilteredDocument, nearest),
        way("**`tuned(exact=True)`**", FilteredDocument, tuned(exact=True)),
        way("pgvector.django", PgvectorFilteredDocument, pgvector_deferred),
        *(
            way(
                f"pgvector.django, {scan} iterative scan",
                PgvectorFilteredDocument,
                pgvector_deferred,
                alias,
            )
            for scan, alias in scans.items()
        ),
        *others,
    ]


def found_table(title: str, ways: Sequence[SearchWay]) -> Table:
    """Recall, rows found and milliseconds."""
    rows = [
        [
            way.label,
            f"{way.accuracy:.3f}",
            f"{min(way.accuracies):.1f}",
            f"{np.mean(way.counts):.1f}",
            str(min(way.counts)),
            number(way.median * 1000),
            number(way.p95 * 1000),
        ]
        for way in ways
    ]
    return Table(title, ["", "recall", "least", "rows", "least", "ms", "p95 ms"], rows)


def check_found(ours: SearchWay) -> None:
    """Raises `AssertionError` where a search had too few rows, or not the nearest ones."""
    if min(ours.counts) < ours.question.wanted:
        raise AssertionError(f"{ours.question.label}: only {min(ours.counts)} rows were found.")
    if ours.accuracy < LEAST_RECALL:
        raise AssertionError(f"{ours.question.label}: the recall is only {ours.accuracy:.3f}.")
