"""Measures of rankings, and how sure they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.ranking import MEASURES, difference, mean
from hybrid_store.ranking.quality import BLOCK, ndcg, recall, reciprocal_rank

GAINS = {"a": 3, "b": 2, "c": 1, "n": 0, "m": -1}

RANKINGS = st.lists(st.integers(0, 12), unique=True, max_size=12)
JUDGED = st.dictionaries(st.integers(0, 12), st.integers(-1, 4), max_size=12).filter(
    lambda gains: any(gain > 0 for gain in gains.values())
)


def test_ndcg_by_hand() -> None:
    best = 3 + 2 / math.log2(3) + 1 / 2
    assert ndcg("abc", GAINS, 10) == 1
    assert ndcg("xbnac", GAINS, 10) == pytest.approx(
        (2 / math.log2(3) + 3 / math.log2(5) + 1 / math.log2(6)) / best
    )
    # Only the first two places count, in the best order as well.
    assert ndcg("cabxy", GAINS, 2) == pytest.approx((1 + 3 / math.log2(3)) / (3 + 2 / math.log2(3)))


def test_recall_by_hand() -> None:
    assert recall("axnb", GAINS, 10) == pytest.approx(2 / 3)
    assert recall("axnb", GAINS, 3) == pytest.approx(1 / 3)
    assert recall("", GAINS, 3) == 0


def test_reciprocal_rank_by_hand() -> None:
    assert reciprocal_rank("nxbc", GAINS, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank("nxbc", GAINS, 2) == 0


@pytest.mark.parametrize("name", MEASURES)
@given(ranked=RANKINGS, gains=JUDGED, k=st.integers(1, 14))
def test_measures_are_from_0_to_1_and_the_best_order_has_the_most(
    name: str, ranked: list[int], gains: dict[int, int], k: int
) -> None:
    best = sorted(gains, key=lambda key: -gains[key])
    figure = MEASURES[name](ranked, gains, k)
    assert 0 <= figure <= MEASURES[name](best, gains, k) <= 1


@pytest.mark.parametrize("name", MEASURES)
@given(ranked=RANKINGS, gains=JUDGED, k=st.integers(1, 14), data=st.data())
def test_moving_a_relevant_key_up_past_one_that_is_not_never_harms(
    name: str, ranked: list[int], gains: dict[int, int], k: int, data: Any
) -> None:
    if len(ranked) < 2:
        return
    place = data.draw(st.integers(1, len(ranked) - 1))
    if gains.get(ranked[place], 0) < gains.get(ranked[place - 1], 0):
        return
    better = ranked.copy()
    better[place - 1 : place + 1] = [ranked[place], ranked[place - 1]]
    assert MEASURES[name](better, gains, k) >= MEASURES[name](ranked, gains, k) - 1e-12


@pytest.mark.parametrize("name", MEASURES)
def test_where_nothing_is_relevant_there_is_no_measure(name: str) -> None:
    with pytest.raises(ValueError, match="No key is relevant"):
        MEASURES[name]("ab", {"a": 0, "b": -1}, 10)


def test_the_interval_is_that_of_the_normal_distribution(seed: int) -> None:
    values = np.random.default_rng(seed).normal(3, 2, size=400)
    estimate = mean(values)
    error = values.std() / math.sqrt(400)
    assert estimate.mean == pytest.approx(values.mean())
    assert estimate.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert estimate.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)
    narrow = mean(values, level=0.5)
    assert narrow.high == pytest.approx(values.mean() + 0.674 * error, abs=0.15 * error)


def test_the_same_figures_have_the_same_interval() -> None:
    values = [0.1, 0.5, 0.9, 0.2]
    assert mean(values) == mean(values)
    assert mean([0.3] * 5) == pytest.approx((0.3, 0.3, 0.3))
    assert mean([0.4]) == (0.4, 0.4, 0.4)


def test_samples_are_drawn_in_blocks() -> None:
    """As many in all, whether one block holds them or not."""
    values = np.linspace(0, 1, BLOCK // 2)
    estimate = mean(values, samples=5)
    assert estimate.low < estimate.mean < estimate.high
    assert estimate.high - estimate.low < 0.01


def test_differences_are_paired() -> None:
    hard_and_easy = np.tile([0.0, 1.0], 50)
    better = hard_and_easy + np.tile([0.01, 0.02, 0.03], 34)[:100]
    estimate = difference(better, hard_and_easy)
    assert estimate.mean == pytest.approx(0.02, abs=1e-3)
    assert estimate.low > 0.01
    opposite = difference(hard_and_easy, better)
    assert opposite == pytest.approx((-estimate.mean, -estimate.high, -estimate.low))


def test_figures_of_no_or_of_other_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="of one query at least"):
        mean([])
    with pytest.raises(ValueError, match="2 and 1 figures are not of the same queries"):
        difference([1, 2], [3])
