"""Fusing rankings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import SearchError
from hybrid_store.ranking import FUSIONS, alpha_weights, rrf, weighted
from hybrid_store.ranking.fusion import scaled

Ranking: TypeAlias = list[tuple[Any, float]]

NAMES = sorted(FUSIONS)
# Sums of whole numbers and halves are exact, so what should be equal is.
SCORES = st.integers(-50, 50).map(float)
WEIGHTS = st.integers(0, 8).map(lambda eighths: eighths / 8)


def ranking(scores: dict[int, float]) -> Ranking:
    return sorted(scores.items(), key=lambda item: -item[1])


LEGS = st.dictionaries(st.integers(0, 15), SCORES, max_size=10).map(ranking)


@st.composite
def cases(draw: st.DrawFn, most: int = 4) -> tuple[list[Ranking], list[float]]:
    """Rankings and their weights, of which at least one is not 0."""
    legs = draw(st.lists(LEGS, min_size=1, max_size=most))
    weights = [draw(WEIGHTS) for _ in legs]
    weights[draw(st.integers(0, len(legs) - 1))] = 1.0
    return legs, weights


def naive_rrf(legs: Sequence[Ranking], weights: Sequence[float], key: int) -> float:
    places = [[each for each, _ in leg].index(key) + 1 if key in dict(leg) else 0 for leg in legs]
    mean = sum(weights) / len(weights)
    return sum(w / mean / (60 + place) for w, place in zip(weights, places, strict=True) if place)


def naive_weighted(legs: Sequence[Ranking], weights: Sequence[float], key: int) -> float:
    total = 0.0
    for leg, weight in zip(legs, weights, strict=True):
        scores = dict(leg)
        if key in scores:
            low, high = min(scores.values()), max(scores.values())
            total += weight * (1.0 if low == high else (scores[key] - low) / (high - low))
    return total / sum(weights)


NAIVE: dict[str, Any] = {"rrf": naive_rrf, "weighted": naive_weighted}


def test_reciprocal_rank_fusion_by_hand() -> None:
    legs: list[Ranking] = [[("a", 9), ("b", 8)], [("b", 0.7), ("c", 0.1)]]
    assert rrf(legs, [1, 1]) == [("b", 1 / 62 + 1 / 61), ("a", 1 / 61), ("c", 1 / 62)]


def test_half_of_each_is_plain_reciprocal_rank_fusion() -> None:
    legs = [[(1, 2.0), (2, 1.0)], [(2, 5.0), (3, 4.0)]]
    assert rrf(legs, alpha_weights(0.5)) == rrf(legs, [1, 1])


def test_weighted_by_hand() -> None:
    legs: list[Ranking] = [[("a", 9), ("b", 8), ("c", 5)], [("c", 0.5), ("d", 0.5)]]
    assert weighted(legs, [3, 1]) == [("a", 0.75), ("b", 0.5625), ("c", 0.25), ("d", 0.25)]


def test_ties_go_by_the_best_rank_then_by_the_first_appearance() -> None:
    first, second = [("x", 2.0), ("b", 1.0), ("c", 1.0)], [("c", 9.0), ("y", 4.0), ("z", 3.0)]
    # Only b and y have rank 2 and no other: b is in the first leg.
    assert [key for key, _ in rrf([first, second], [1, 1])] == ["c", "x", "b", "y", "z"]
    # x is first in the first leg, c is first in the second: both are 1.
    assert [key for key, _ in weighted([first[:1], second[:1]], [1, 1])] == ["x", "c"]


@pytest.mark.parametrize("name", NAMES)
def test_of_equal_scores_the_one_of_the_better_rank_comes_first(name: str) -> None:
    # After a row that is in both: three of the same value at ranks 3, 2 and 2.
    legs = [[("k", 5.0), ("l", 5.0), ("a", 5.0)], [("k", 5.0), ("b", 5.0)]]
    order = [key for key, _ in FUSIONS[name](legs, [1, 1])]
    assert order == ["k", "l", "b", "a"]


@pytest.mark.parametrize("name", NAMES)
@given(case=cases())
def test_every_key_has_the_score_of_the_formula(name: str, case: Any) -> None:
    legs, weights = case
    fused = FUSIONS[name](legs, weights)
    assert {key for key, _ in fused} == {key for leg in legs for key, _ in leg}
    assert len(fused) == len(dict(fused))
    for key, score in fused:
        assert score == pytest.approx(NAIVE[name](legs, weights, key), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", NAMES)
@given(case=cases())
def test_the_result_is_ordered_as_promised(name: str, case: Any) -> None:
    legs, weights = case
    ranks: dict[int, float] = {}
    for leg, weight in zip(legs, weights, strict=True):
        for rank, (key, _) in enumerate(leg, 1):
            ranks[key] = min(ranks.get(key, math.inf), rank if weight else math.inf)
    appearance = {key: place for place, key in enumerate(ranks)}
    fused = FUSIONS[name](legs, weights)
    assert fused == sorted(fused, key=lambda item: (-item[1], ranks[item[0]], appearance[item[0]]))


@pytest.mark.parametrize("name", NAMES)
@given(case=cases(most=3))
def test_the_order_of_the_legs_does_not_count(name: str, case: Any) -> None:
    legs, weights = case
    expected = dict(FUSIONS[name](legs, weights))
    for order in permutations(range(len(legs))):
        permuted = [legs[place] for place in order], [weights[place] for place in order]
        assert dict(FUSIONS[name](*permuted)) == expected


@pytest.mark.parametrize("name", NAMES)
@given(case=cases(), data=st.data())
def test_a_better_place_in_a_leg_never_lowers_a_row(name: str, case: Any, data: Any) -> None:
    legs, weights = case
    number = data.draw(st.sampled_from([n for n, leg in enumerate(legs) if leg] or [0]))
    leg = legs[number]
    if not leg:
        return
    place = data.draw(st.integers(0, len(leg) - 1))
    target = data.draw(st.integers(0, place))
    key = leg[place][0]
    # It takes the score of the row whose place it takes, or a greater one.
    raised = (key, leg[target][1] + data.draw(st.integers(0, 9)))
    better = [*leg[:target], raised, *(item for item in leg[target:] if item[0] != key)]
    changed = [better if n == number else each for n, each in enumerate(legs)]
    before, after = FUSIONS[name](legs, weights), FUSIONS[name](changed, weights)
    assert dict(after)[key] >= dict(before)[key] - 1e-15
    assert above(after, key) <= above(before, key)


def above(fused: Ranking, key: int) -> set[int]:
    """The keys that are better, leaving ties to the rules for ties."""
    score = dict(fused)[key]
    return {other for other, others in fused if others > score + 1e-12}


@pytest.mark.parametrize("name", NAMES)
@given(vector=LEGS, text=LEGS)
def test_alpha_of_1_and_0_is_one_leg_followed_by_the_rest(
    name: str, vector: Ranking, text: Ranking
) -> None:
    for alpha, leg, other in ((1, vector, text), (0, text, vector)):
        fused = [key for key, _ in FUSIONS[name]([vector, text], alpha_weights(alpha))]
        order = [key for key, _ in leg]
        assert fused == order + [key for key, _ in other if key not in order]


@given(case=cases(), factor=st.sampled_from([0.25, 2.0, 1024.0]), shift=st.integers(-100, 100))
def test_weighted_does_not_depend_on_scales(case: Any, factor: float, shift: int) -> None:
    legs, weights = case
    number = len(legs) // 2
    moved = [(key, score * factor + shift) for key, score in legs[number]]
    changed = [moved if n == number else leg for n, leg in enumerate(legs)]
    assert weighted(changed, weights) == weighted(legs, weights)


@given(case=cases())
def test_reciprocal_ranks_do_not_depend_on_scores(case: Any) -> None:
    legs, weights = case
    bare = [[(key, 0.0) for key, _ in leg] for leg in legs]
    assert rrf(bare, weights) == rrf(legs, weights)


@pytest.mark.parametrize("name", NAMES)
@given(case=cases(), factor=st.sampled_from([0.5, 4.0]))
def test_only_the_proportion_of_the_weights_counts(name: str, case: Any, factor: float) -> None:
    legs, weights = case
    assert FUSIONS[name](legs, [factor * w for w in weights]) == FUSIONS[name](legs, weights)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_counts_at_its_first_place(name: str) -> None:
    once = [("a", 3.0), ("b", 2.0), ("c", 1.0)]
    twice = [("a", 3.0), ("b", 2.0), ("a", 1.5), ("b", 1.0), ("c", 1.0)]
    assert FUSIONS[name]([twice], [1]) == FUSIONS[name]([once], [1])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fused_to_nothing(name: str) -> None:
    assert FUSIONS[name]([], []) == []
    assert FUSIONS[name]([[], []], [1, 0]) == []
    assert [key for key, _ in FUSIONS[name]([[], [("a", 1.0)]], [1, 1])] == ["a"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_refused(name: str, score: float) -> None:
    with pytest.raises(SearchError, match=rf"^Ranking 2 gives 'b' the score {score}: .*leave"):
        FUSIONS[name]([[("a", 1.0)], [("a", 2.0), ("b", score)]], [1, 1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1.0], "2 rankings have 1 weights"),
        ([1.0, -0.5], r"The weights are \[1.0, -0.5\]: give finite ones of 0 or more"),
        ([1.0, math.nan], "give finite ones"),
        ([1.0, math.inf], "give finite ones"),
        ([0.0, 0.0], "All weights are 0"),
    ],
)
def test_bad_weights_are_refused(name: str, weights: list[float], sentence: str) -> None:
    with pytest.raises(SearchError, match=sentence):
        FUSIONS[name]([[("a", 1.0)], []], weights)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, math.nan, "0.5", None, True])
def test_alpha_is_a_share(alpha: Any) -> None:
    with pytest.raises(SearchError, match=r"^alpha is .*: give a number from 0, the words alone"):
        alpha_weights(alpha)


@given(st.lists(SCORES, max_size=9))
def test_scaled_scores_go_from_0_to_1_in_the_same_order(scores: list[float]) -> None:
    found = scaled(scores)
    if len(set(scores)) > 1:
        assert (min(found), max(found)) == (0, 1)
    else:
        assert found == [1.0] * len(scores)
    assert sorted(range(len(scores)), key=scores.__getitem__) == sorted(
        range(len(scores)), key=found.__getitem__
    )
