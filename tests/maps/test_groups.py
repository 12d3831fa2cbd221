"""Values become few groups, each with a colour."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.maps.colours import COLOURS
from hybrid_store.maps.groups import CATEGORIES, STEPS, grouped

integers = st.integers(-(2**63), 2**63 - 1)
values = st.lists(
    st.none()
    | st.text(max_size=3)
    | integers
    | st.floats()
    | st.booleans()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates(),
    max_size=60,
)
numbers = st.lists(st.none() | integers | st.floats(), max_size=60)


def names(found: Any) -> list[tuple[str, int]]:
    return [(group.name, group.rows) for group in found.groups]


@given(values | numbers)
def test_every_row_has_one_of_few_groups(given_: list[Any]) -> None:
    found = grouped(given_, {})
    assert len(found.of) == len(given_)
    assert len(found.groups) <= CATEGORIES + 2
    assert Counter(found.of.tolist()) == Counter(
        {place: group.rows for place, group in enumerate(found.groups)}
    )
    assert {group.colour for group in found.groups} <= set(COLOURS)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_greater_numbers_are_in_no_earlier_step(given_: list[float]) -> None:
    steps = grouped(sorted(given_), {}).of.tolist()
    assert steps == sorted(steps)


def test_frequent_texts_are_categories_and_the_rest_is_another() -> None:
    found = grouped([f"{n:02}" for n in range(15) for _ in range(n + 1)] + [None, ""], {})
    assert names(found)[:2] == [("14", 15), ("13", 14)]
    assert names(found)[-2:] == [("other", 6), ("no value", 2)]
    assert [group.colour for group in found.groups][-3:] == ["category-11", "other", "none"]


def test_choices_are_shown_by_what_they_are_called() -> None:
    assert names(grouped([1, 2, 1], {1: "Draft", 2: "Published"})) == [
        ("Draft", 2),
        ("Published", 1),
    ]


def test_few_different_numbers_are_steps_over_the_whole_scale_of_colours() -> None:
    found = grouped([3, 1, None, 2, 3], {})
    assert names(found) == [("1", 1), ("2", 1), ("3", 2), ("no value", 1)]
    assert [group.colour for group in found.groups] == ["step-0", "step-4", "step-7", "none"]
    assert found.of.tolist() == [2, 0, 3, 1, 2]


def test_many_numbers_are_in_steps_of_a_round_width_with_open_ends() -> None:
    years = [1902, *range(1960, 2020), *range(1960, 2020), 2090]
    found = [name for name, _ in names(grouped(years, {}))]
    assert found == [
        "below 1970",
        *("1970 to 1979", "1980 to 1989", "1990 to 1999", "2000 to 2009"),
        "2010 and above",
    ]


@pytest.mark.parametrize(
    ("given_", "first"),
    [
        ([n / 100 for n in range(100)], "0 to 0.2"),
        ([Decimal(n) for n in range(100)], "0 to 19"),
        ([date(1900 + n, 1, 1) for n in range(100)], "1900 to 1919"),
        ([*range(9)], "0"),
        ([*range(-9, 9)], "-10 to -6"),
    ],
)
def test_steps_are_called_by_their_ends(given_: list[Any], first: str) -> None:
    found = grouped(given_, {})
    assert found.groups[0].name == first
    assert 2 <= len(found.groups) <= STEPS


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), Decimal("nan")])
def test_what_is_no_finite_number_is_no_value(value: Any) -> None:
    assert names(grouped([value, 1, 2], {})) == [("1", 1), ("2", 1), ("no value", 1)]


def test_truths_are_no_numbers() -> None:
    assert names(grouped([True, False, True], {})) == [("True", 2), ("False", 1)]
