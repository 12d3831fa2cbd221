"""Stores of frameworks: theirs for PostgreSQL beside ours, through the frameworks' own calls."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.answers import Answer, AnsweredWay, Answerer
from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS
from benchmarks.document_stores import PEERS, Documents, Keeper
from benchmarks.filters import check_found, found_table
from benchmarks.models import StoredColumns, StoredDocument, StoredWords
from benchmarks.own_stores import ByHand, OwnLangChain, OwnLlamaIndex
from benchmarks.peer_stores import KEY, Store
from benchmarks.questions import Condition, Question
from benchmarks.raw import connected
from benchmarks.report import Table, number
from benchmarks.search_way import SearchWay
from benchmarks.timing import TURN, Way, side_by_side
from hybrid_store.vectors import FloatArray

__all__ = ["tables"]

# Adding takes seconds: so many fewer rounds of it.
FEWER_ROUNDS = 3
MOST_ROWS = 5000
# Documents a call: as many nodes as an index of LlamaIndex inserts at once, and as many documents
# as `index()` of LangChain does.
MANY, FEW = 2048, 100
# What `nearest` looks at without a filter.
EFFORT = 100
# Metadata, with the column of the corpus whose values it has.
METADATA = {"half": "half", "tenth": "group", "percent": "percent"}
FILTERS = {"50 %": "half", "10 %": "tenth", "1 %": "percent"}


class Kept(Protocol):
    """What a `Keeper` does, here or in another process."""

    def fill(self, rows: int, size: int, indexed: bool) -> float: ...

    def index(self) -> float: ...

    def is_right(self, rows: int) -> bool: ...


@dataclass(frozen=True)
class Contender:
    """A store: what its adding and its searching are called, if they are measured."""

    add: str
    search: str
    kept: Kept
    way: Callable[[str, Question, Condition | None], SearchWay]
    is_ours: bool = False


def tables(bench: Bench) -> Iterator[Table]:
    """Raises `AssertionError` where documents are not stored as they were given, and after the
    table in which a search of ours has too few of them."""
    if not bench.has_pgvector:
        return
    with ExitStack() as stack:
        contenders = [*_own(bench, stack)]
        if bench.peers:
            contenders += _others(bench, stack)
        yield _ingest(bench, contenders)
        yield _loaded(bench, [each for each in contenders if each.search])
        bench.settle()
        yield from _searched(bench, [each for each in contenders if each.search])


def _documents(bench: Bench) -> Documents:
    columns = bench.corpus.columns
    metadata = {name: columns[column] for name, column in METADATA.items()}
    texts = [f"{row}: {text}" for row, text in enumerate(bench.corpus.texts, 1)]
    keys = np.arange(1, bench.rows + 1)
    return Documents(texts, bench.corpus.vectors, {KEY: keys, **metadata})


# Who is compared


def _own(bench: Bench, stack: ExitStack) -> Iterator[Contender]:
    documents, connection = _documents(bench), stack.enter_context(connected(bench))

    def contender(
        make: Callable[[], Store], add: str, search: str = "", is_ours: bool = True
    ) -> Contender:
        keeper = Keeper(make, documents, connection, "text")

        def way(label: str, question: Question, condition: Condition | None) -> SearchWay:
            return SearchWay(
                label, question, lambda v: keeper.search(v.tolist(), NEIGHBOURS, condition)
            )

        return Contender(add, search, keeper, way, is_ours)

    hand, adds = "psycopg 3 by hand", "**`DjangoVectorStore.add_documents`**"
    finds = "**`DjangoVectorStore.similarity_search_by_vector`**"
    columns = partial(OwnLangChain, bench, StoredColumns, [*METADATA])
    # The next one fills its table anew, which both search.
    yield contender(partial(ByHand, bench, EFFORT), "COPY BINARY by hand", hand, False)
    yield contender(
        partial(OwnLangChain, bench, StoredDocument), f"LangChain {adds}", f"LangChain {finds}"
    )
    yield contender(columns, f"LangChain {adds}, `fields`", f"LangChain {finds}, `fields`")
    yield contender(partial(OwnLangChain, bench, StoredWords), f"LangChain {adds}, `TextIndex`")
    yield contender(
        partial(OwnLlamaIndex, bench),
        "LlamaIndex **`DjangoVectorStore.add`**",
        "LlamaIndex **`DjangoVectorStore.query`**",
    )


class Remote:
    """A `Keeper` in another process."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer

    def fill(self, rows: int, size: int, indexed: bool) -> float:
        return float(self._call("fill", rows=rows, size=size, indexed=indexed))

    def index(self) -> float:
        return float(self._call("index"))

    def is_right(self, rows: int) -> bool:
        return bool(self._call("is_right", rows=rows))

    def way(self, label: str, question: Question, condition: Condition | None) -> SearchWay:
        def ask(vector: FloatArray) -> Answer:
            return self.answerer.ask(vector, method="search", count=NEIGHBOURS, condition=condition)

        return AnsweredWay(label, question, ask)

    def _call(self, method: str, **arguments: Any) -> Any:
        return self.answerer.call(method=method, **arguments)["result"]


def _others(bench: Bench, stack: ExitStack) -> Iterator[Contender]:
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        _documents(bench).save(Path(file.name))
        for name, peer in PEERS.items():
            answerer = Answerer(bench, "benchmarks.document_peer", name, file.name)
            stack.callback(answerer.close)
            remote = Remote(answerer)
            yield Contender(peer.add, peer.search, remote, remote.way)


# What is measured


class Filling(Way[float]):
    """A way whose rounds give the seconds they took."""

    def took(self, result: float, seconds: float) -> float:
        return result


def _ingest(bench: Bench, contenders: Sequence[Contender]) -> Table:
    rows = min(bench.rows, MOST_ROWS)
    cells = {each.add: [each.add] for each in contenders}
    plans = {
        f"{size:,} a call{', HNSW' if indexed else ''}": (size, indexed)
        for indexed in (False, True)
        for size in (MANY, FEW)
    }
    for size, indexed in plans.values():
        ways = [_filling(each, rows, size, indexed) for each in contenders]
        for way in side_by_side(ways, max(bench.rounds // FEWER_ROUNDS, 1), warm_up=False):
            cells[way.label].append(f"{rows / way.median:,.0f}")
    title = f"Adding {rows:,} documents, documents/s, {bench.database}"
    return Table(title, ["", *plans], [*cells.values()])


def _filling(each: Contender, rows: int, size: int, indexed: bool) -> Filling:
    return Filling(
        each.add,
        lambda number: each.kept.fill(rows, size, indexed),
        lambda number, seconds: float(each.kept.is_right(rows)),
    )


def _loaded(bench: Bench, contenders: Sequence[Contender]) -> Table:
    """Leaves all documents in the stores, with an index."""
    rows = []
    for each in contenders:
        filled, indexed = each.kept.fill(bench.rows, MANY, False), each.kept.index()
        rate = bench.rows / filled
        rows.append([each.add, f"{rate:,.0f}", number(filled), number(indexed)])
    title = f"Adding {bench.rows:,} documents, {MANY:,} a call, then the index, {bench.database}"
    return Table(title, ["", "documents/s", "s", "index, s"], rows)


def _searched(bench: Bench, contenders: Sequence[Contender]) -> Iterator[Table]:
    corpus = bench.corpus
    yield _answered(bench, contenders, Question(corpus, "all", corpus.queries), None)
    for share, name in FILTERS.items():
        condition = Condition(METADATA[name], "exact", 1)
        question = Question(corpus, share, corpus.queries, condition)
        yield _answered(bench, contenders, question, condition._replace(column=name))


def _answered(
    bench: Bench,
    contenders: Sequence[Contender],
    question: Question,
    condition: Condition | None,
) -> Table:
    ways = [each.way(each.search, question, condition) for each in contenders]
    # What was loaded last is in memory, and what was loaded first may be no longer.
    for way in ways:
        for place in range(bench.searches):
            way.run(place)
    side_by_side(ways, bench.searches, turn=TURN)
    filtered = f" under a filter: {question.label}" if condition else ""
    title = f"The {NEIGHBOURS} nearest documents{filtered}, of {bench.rows:,}, {bench.database}"
    for way, each in zip(ways, contenders, strict=True):
        if each.is_ours:
            check_found(way)
    return found_table(title, ways)
