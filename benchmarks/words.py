"""Words: the best rows by words, by meaning and by both, of rare words and of common ones."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from statistics import median
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, Model

from benchmarks import notes
from benchmarks.bench import Bench
from benchmarks.data import GROUPS, NEIGHBOURS
from benchmarks.embedder import NearEmbedder
from benchmarks.models import Note, SearchNote
from benchmarks.report import Table, number
from benchmarks.timing import TURN, Way, side_by_side
from benchmarks.word_queries import KINDS, QUERIES, word_queries
from hybrid_store.backends.sqlite.text.source import WordTable
from hybrid_store.backends.texts import TextSpec
from hybrid_store.models import search
from hybrid_store.models.text_index import text_index

__all__ = ["tables"]

GROUP = 3
FILTERS: Mapping[str, Mapping[str, int]] = {
    "": {},
    f", {100 // GROUPS} % of them by an indexed column": {"group": GROUP},
    f", {100 // GROUPS} % of them by a column that is not indexed": {"group_unindexed": GROUP},
}
MANY = 100
# Rows whose scores differ by no more of them than this are as good as each other.
TIE = 1e-6
# What words that most rows have may add to a score, for which SQLite leaves them out.
LEFT_OUT = 1e-5

Find = Callable[[str], list[int]]
"""Takes a query; gives the keys of rows, the best first."""


def tables(bench: Bench) -> Iterator[Table]:
    """Raises `AssertionError` where a search by words on SQLite is not exact."""
    NearEmbedder.vectors = bench.corpus.queries
    yield from notes.tables(bench)
    rounds = QUERIES * max(bench.rounds // 3, 1)
    queries = word_queries(bench.corpus.texts, partial(bench.ops.texts.terms, _spec()))
    agreements: list[list[str]] = []
    for label, condition in FILTERS.items():
        kinds: dict[str, Sequence[Way[Any]]] = {}
        for kind in KINDS:
            question = WordQuestion(bench, queries[kind], condition)
            ways = kinds[kind] = _ways(question)
            side_by_side(ways, rounds, turn=TURN)
            agreements.append([f"{kind}{label}", *_agreement(question, ways)])
        yield _times(f"The best of {bench.rows:,} texts{label}, {bench.database}", kinds)
    title = f"Rows found that are the best by BM25, of {bench.rows:,} texts, {bench.database}"
    columns = ["", "rows with a word", f"best {NEIGHBOURS}", "least", f"best {MANY}", "least"]
    yield Table(title, columns, agreements)


@dataclass(frozen=True)
class Best:
    """What an exact search gives: how many rows have any of the words, and by how many best rows
    are wanted, those that are right."""

    count: int
    right: Mapping[int, set[int]]


@dataclass(frozen=True)
class WordQuestion:
    """Queries, and what a column of the rows has to be, if anything."""

    bench: Bench
    queries: Sequence[str]
    condition: Mapping[str, int]

    def query(self, number: int) -> str:
        return self.queries[number % len(self.queries)]

    def chosen(self, model: type[Model]) -> Any:
        return model._default_manager.using(self.bench.alias).filter(**self.condition)

    @cached_property
    def bests(self) -> list[Best]:
        """Query by query, of all rows with any word: no slice tells how few are wanted."""
        return [self._best(query) for query in self.queries]

    def _best(self, query: str) -> Best:
        found = search(self.chosen(Note), query, mode="text")
        order: list[tuple[int, float]] = [*found.values_list("pk", "score")]
        return Best(len(order), {k: self._right(order, k) for k in (NEIGHBOURS, MANY)})

    def _right(self, order: list[tuple[int, float]], wanted: int) -> set[int]:
        """The first rows, and those that tie with the last of them."""
        last = order[:wanted][-1][1] if order else 0.0
        slack = TIE * last + (0 if self.bench.has_pgvector else LEFT_OUT)
        tied = {key for key, score in order[wanted:] if abs(score - last) <= slack}
        return tied | {key for key, _ in order[:wanted]}

    def share(self, wanted: int, number: int, found: list[int]) -> float:
        """Of the best rows that are wanted, how many were found."""
        best = self.bests[number % len(self.queries)]
        right = best.right[wanted].intersection(found)
        return len(right) / min(wanted, best.count) if best.count else 1.0


def _ways(question: WordQuestion) -> list[Way[Any]]:
    """Those by words, which are judged, come first."""
    bench = question.bench
    way = partial(_way, question)
    text, best = partial(_found, question, mode="text"), f"[:{NEIGHBOURS}]`**"
    return [
        _judged(question, f'**`search(text, mode="text"){best}', text(), NEIGHBOURS),
        _judged(question, f'**`search(text, mode="text")[:{MANY}]`**', text(wanted=MANY), MANY),
        way(f'**`search(text, mode="vector"){best}', _found(question, mode="vector")),
        way(f"**`search(text){best}", _found(question)),
        way("Django's `SearchRank`", _search_rank(question))
        if bench.has_pgvector
        else way("(FTS5 in SQL, `ORDER BY rank`)", _fts5(question)),
    ]


def _way(question: WordQuestion, label: str, find: Find) -> Way[Any]:
    return Way(label, lambda number: find(question.query(number)), lambda number, found: 1.0)


def _judged(question: WordQuestion, label: str, find: Find, wanted: int) -> Way[Any]:
    """Exact on SQLite."""
    return Way(
        label,
        lambda number: find(question.query(number)),
        partial(question.share, wanted),
        exact=not question.bench.has_pgvector,
    )


def _found(question: WordQuestion, wanted: int = NEIGHBOURS, **options: Any) -> Find:
    """Ours."""
    rows = question.chosen(Note)
    return lambda query: [row.pk for row in search(rows, query, **options)[:wanted]]


def _search_rank(question: WordQuestion) -> Find:
    """The way of Django's documentation, without reading the columns that ours does not read."""
    rows = question.chosen(SearchNote).defer("embedding", "search")

    def find(query: str) -> list[int]:
        words = [SearchQuery(word, config="english") for word in query.split()]
        asked: Any = reduce(operator.or_, words)
        ranked = rows.filter(search=asked).annotate(rank=SearchRank(F("search"), asked))
        return [row.pk for row in ranked.order_by("-rank")[:NEIGHBOURS]]

    return find


def _fts5(question: WordQuestion) -> Find:
    """The shortest statement: no search by the same index can be faster."""
    name, note = WordTable(_spec()).name, Note._meta.db_table
    filtered = "".join(
        f' AND +rowid IN (SELECT id FROM {note} WHERE "{column}" = {value})'
        for column, value in question.condition.items()
    )
    sql = (
        f"SELECT rowid FROM {name} WHERE {name} MATCH %s{filtered} ORDER BY rank LIMIT {NEIGHBOURS}"
    )

    def find(query: str) -> list[int]:
        with question.bench.connection.cursor() as cursor:
            cursor.execute(sql, [" OR ".join(query.split())])
            return [key for (key,) in cursor.fetchall()]

    return find


def _spec() -> TextSpec:
    owner, index = text_index(Note)
    return index.spec(owner)


def _agreement(question: WordQuestion, ways: Sequence[Way[Any]]) -> list[str]:
    shares = ((f"{way.accuracy:.3f}", f"{min(way.accuracies):.2f}") for way in ways[:2])
    count = median(best.count for best in question.bests)
    return [f"{count:,.0f}", *(cell for pair in shares for cell in pair)]


def _times(title: str, kinds: Mapping[str, Sequence[Way[Any]]]) -> Table:
    rows = []
    for same in zip(*kinds.values(), strict=True):
        pairs = ((number(way.median * 1000), number(way.p95 * 1000)) for way in same)
        rows.append([same[0].label, *(cell for pair in pairs for cell in pair)])
    columns = [heading for kind in kinds for heading in (f"{kind}, ms", "p95")]
    return Table(title, ["", *columns], rows)
