"""Maximal marginal relevance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import SearchError
from hybrid_store.ranking import mmr

LAMBDAS = st.integers(0, 10).map(lambda tenths: tenths / 10)


@st.composite
def candidates(draw: st.DrawFn) -> tuple[Any, Any]:
    """Relevance and vectors of up to 12 rows, many of them equal, some of them zero."""
    count, width = draw(st.integers(0, 12)), draw(st.integers(1, 5))
    numbers = st.integers(-2, 2)
    rows = st.lists(numbers, min_size=width, max_size=width)
    vectors = draw(st.lists(rows, min_size=count, max_size=count))
    relevance = draw(st.lists(st.integers(-4, 4), min_size=count, max_size=count))
    return np.array(relevance) / 4, np.array(vectors, np.float32).reshape(count, width)


def cosine(one: Any, other: Any) -> float:
    lengths = math.sqrt(sum(x * x for x in one)) * math.sqrt(sum(x * x for x in other))
    product = sum(x * y for x, y in zip(one, other, strict=True))
    return round(product / lengths, 9) if lengths else 0.0


def naive(relevance: Any, vectors: Any, lambda_: float, count: int) -> list[int]:
    rows: list[list[float]] = vectors.astype(float).tolist()
    chosen: list[int] = []

    def gain(place: int) -> float:
        if not chosen:
            return float(relevance[place])
        redundancy = max(cosine(rows[place], rows[other]) for other in chosen)
        return float(lambda_ * relevance[place] - (1 - lambda_) * redundancy)

    while len(chosen) < min(count, len(rows)):
        left = [place for place in range(len(rows)) if place not in chosen]
        chosen.append(max(left, key=gain))
    return chosen


@given(candidates(), LAMBDAS, st.integers(0, 14))
def test_equals_the_naive_way(rows: tuple[Any, Any], lambda_: float, count: int) -> None:
    assert mmr(*rows, lambda_, count).tolist() == naive(*rows, lambda_, count)


@given(candidates(), st.integers(0, 14))
def test_lambda_of_1_is_the_order_of_relevance(rows: tuple[Any, Any], count: int) -> None:
    relevance, vectors = rows
    expected = np.argsort(-relevance, kind="stable")[:count]
    assert mmr(relevance, vectors, 1, count).tolist() == expected.tolist()


@given(candidates(), LAMBDAS)
def test_fewer_rows_are_the_first_of_more(rows: tuple[Any, Any], lambda_: float) -> None:
    whole = mmr(*rows, lambda_, 12).tolist()
    assert sorted(whole) == list(range(len(rows[0])))
    for count in range(len(whole)):
        assert mmr(*rows, lambda_, count).tolist() == whole[:count]


@given(candidates(), LAMBDAS, st.data())
def test_lengths_of_vectors_do_not_count(rows: tuple[Any, Any], lambda_: float, data: Any) -> None:
    relevance, vectors = rows
    lengths = [data.draw(st.sampled_from([0.125, 2.0, 1e10])) for _ in relevance]
    longer = vectors * np.array(lengths, np.float32)[:, None]
    assert mmr(relevance, longer, lambda_, 12).tolist() == mmr(*rows, lambda_, 12).tolist()


def test_a_repetition_waits_for_something_new() -> None:
    vectors = np.array([[1, 0], [1, 0.01], [0, 1]], np.float32)
    relevance = np.array([0.9, 0.89, 0.5])
    assert mmr(relevance, vectors, 0.5, 3).tolist() == [0, 2, 1]
    assert mmr(relevance, vectors, 0.9, 3).tolist() == [0, 1, 2]


def test_of_equals_the_first_place_comes_first(seed: int) -> None:
    """However many there are, and however a matrix product sums them."""
    row = np.random.default_rng(seed).standard_normal((1, 383)).astype(np.float32)
    vectors = np.repeat(row, 101, axis=0)
    assert mmr(np.full(101, 0.3), vectors, 0.5, 101).tolist() == list(range(101))


def test_what_is_given_stays_as_it_is() -> None:
    relevance, vectors = np.array([0.5, 0.4]), np.array([[3, 4], [0, 0]], np.float32)
    mmr(relevance, vectors, 0.3, 2)
    assert relevance.tolist() == [0.5, 0.4]
    assert vectors.tolist() == [[3, 4], [0, 0]]


@pytest.mark.parametrize("lambda_", [-0.1, 1.1, math.nan, "0.5", None, True])
def test_lambda_is_a_share(lambda_: Any) -> None:
    with pytest.raises(SearchError, match=r"^lambda_ is .*: give a number from 0, as different"):
        mmr(np.ones(1), np.ones((1, 2)), lambda_, 1)


@pytest.mark.parametrize(
    ("relevance", "vectors", "sentence"),
    [
        ([1, 1], [[1, 2]], r"shape \(2,\) does not fit vectors of the shape \(1, 2\)"),
        ([1, 1], [1, 2], "give one number and one vector a row"),
        ([1, math.nan], [[1, 2], [3, 4]], "The relevance of row 1 is not finite"),
        ([1, 1], [[1, math.inf], [3, 4]], "The vector of row 0 is not finite"),
    ],
)
def test_what_makes_no_sense_is_refused(relevance: Any, vectors: Any, sentence: str) -> None:
    with pytest.raises(SearchError, match=sentence):
        mmr(np.array(relevance, float), np.array(vectors, np.float32), 0.5, 1)
