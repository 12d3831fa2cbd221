"""States hold the last vector of every key, in few segments."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.backends.sqlite.engine import state
from hybrid_store.backends.sqlite.engine.codes import encode
from hybrid_store.backends.sqlite.engine.log import Position
from hybrid_store.backends.sqlite.engine.state import Segment, State, gathered

MOST_ROWS = 16
some_keys = st.lists(st.integers(0, 60), unique=True, max_size=12).map(sorted)
START = Position(0, 0)


@pytest.fixture(autouse=True, scope="module")
def _few_rows() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "MOST_ROWS", MOST_ROWS)
        yield


def part(keys: list[int], number: int) -> Segment:
    """Rows whose vectors tell where they are from."""
    vectors = np.array([[100, number, key] for key in keys], np.float32).reshape(-1, 3)
    return Segment(np.array(keys, np.int64), encode(vectors))


def held(segments: Any) -> dict[int, bytes]:
    """Codes by their keys, each of which is there once."""
    found = [
        (int(key), segment.codes.values[place].tobytes())
        for segment in segments
        for place, key in enumerate(segment.keys)
        if not segment.codes.are_gone[place]
    ]
    assert len({key for key, _ in found}) == len(found)
    return dict(found)


@given(st.lists(some_keys, max_size=12))
def test_later_rows_replace_earlier_ones(lists: list[list[int]]) -> None:
    parts = [part(keys, number) for number, keys in enumerate(lists)]
    wanted = {key: code for each in parts for key, code in held([each]).items()}
    assert held(gathered(parts)) == wanted


@given(st.lists(st.tuples(some_keys, some_keys), max_size=20))
def test_changes_are_absorbed_by_few_segments(changes: list[tuple[list[int], list[int]]]) -> None:
    known = State(START, 0, ())
    wanted: dict[int, bytes] = {}
    for number, (written, removed) in enumerate(changes):
        there = part([key for key in written if key not in removed], number)
        wanted = {key: code for key, code in wanted.items() if key not in {*written, *removed}}
        wanted.update(held([there]))
        changed = np.unique(np.array([*written, *removed], np.int64))
        known = known.absorbing(START, 0, changed, gathered([there]))
        assert held(known.segments) == wanted
        lengths = [len(segment) for segment in known.segments]
        assert all(lengths)
        for before, after in pairwise(lengths):
            assert before >= min(2 * after, MOST_ROWS - after)
    assert held([*known.split(5)]) == wanted
    assert len(known.only(np.arange(20))) == sum(key < 20 for key in wanted)
