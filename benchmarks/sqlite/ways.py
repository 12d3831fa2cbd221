"""Ways of searching the documents of a SQLite file: ours, others, and the tutorials'."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from django.db.models import Model

from benchmarks.answers import AnsweredWay, Answerer
from benchmarks.data import NEIGHBOURS
from benchmarks.questions import Question
from benchmarks.search import dot_a_row, finder, nearest, one_product
from benchmarks.search_way import SearchWay
from benchmarks.sqlite.limit import limit_way
from benchmarks.sqlite.trial import Trial
from benchmarks.timing import TURN, Way, side_by_side
from hybrid_store.backends.sqlite.engine.kernels import kernel
from hybrid_store.vectors import FloatArray

__all__ = [
    "OURS",
    "TUTORIALS",
    "VEC_FUNCTION",
    "asked",
    "measured",
    "ours",
    "peer_ways",
    "product_way",
    "tutorial_ways",
]

OURS = "**`nearest(vector)[:10]`**"
TUTORIALS = "tutorials: `.all()`, a dot a row"
VEC_FUNCTION = "sqlite-vec, `vec_distance_cosine` in the model's table"
LABELS = {
    "faiss": "faiss `IndexFlatIP`",
    "function": VEC_FUNCTION,
    "vec0": "sqlite-vec, `vec0` table",
}
NUMPY = "NumPy"
KERNELS = ("numkong", NUMPY) if importlib.util.find_spec("numkong") else (NUMPY,)
# Slow ways compare so many rows in all, within the rounds there are.
MOST_ROWS = 1_500_000


def measured(
    bench: Trial, fast: Sequence[SearchWay], slow: Sequence[SearchWay]
) -> tuple[Way[Any], Sequence[SearchWay]]:
    """The limit of the machine beside the ways; those that take long are asked less often."""
    limit = limit_way(bench.corpus)
    side_by_side([limit, *fast], bench.searches, turn=TURN)
    kernel.cache_clear()
    side_by_side(slow, max(min(bench.rounds, MOST_ROWS // bench.rows), 1))
    return limit, [*fast, *slow]


def ours(bench: Trial, question: Question, model: type[Model]) -> list[SearchWay]:
    """One for each kernel, the fastest first."""
    find = finder(bench.alias, question, model, nearest)
    return [
        SearchWay(f"{OURS}, {name}", question, find, exact=True, prepare=partial(_choose, name))
        for name in KERNELS
    ]


def _choose(name: str) -> None:
    """Let the engine look for its kernel again, as it would with numkong or without."""
    kernel.cache_clear()
    hidden = {"numkong": None} if name == NUMPY else None
    with patch.dict(sys.modules, hidden) if hidden else nullcontext():
        kernel()


def product_way(bench: Trial, question: Question) -> SearchWay:
    vectors = bench.corpus.vectors

    def find(vector: FloatArray) -> list[int]:
        scores = vectors @ vector
        best = np.argpartition(scores, -NEIGHBOURS)[-NEIGHBOURS:]
        return [int(place) + 1 for place in best[np.argsort(-scores[best])]]

    return SearchWay("NumPy, one product over vectors in memory", question, find, exact=True)


def tutorial_ways(bench: Trial, question: Question, model: type[Model]) -> list[SearchWay]:
    searches = {TUTORIALS: dot_a_row, "tutorials: `values_list`, one product": one_product}
    return [
        SearchWay(label, question, finder(bench.alias, question, model, search), exact=True)
        for label, search in searches.items()
    ]


@contextmanager
def asked(bench: Trial, model: type[Model]) -> Iterator[Answerer | None]:
    """The process of the peers, which have read the table of a model; None if not wanted."""
    if not bench.peers:
        yield None
        return
    file, table = str(bench.connection.settings_dict["NAME"]), model._meta.db_table
    answerer = Answerer(bench, "benchmarks.sqlite.peer", file, table)
    try:
        yield answerer
    finally:
        answerer.close()


def peer_ways(answerer: Answerer | None, question: Question, *names: str) -> list[SearchWay]:
    if answerer is None:
        return []
    given: dict[str, Any] = {"count": NEIGHBOURS, "condition": question.condition}
    return [
        AnsweredWay(LABELS[name], question, partial(answerer.ask, peer=name, **given))
        for name in names
    ]
