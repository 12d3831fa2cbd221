"""Filters in OpenAI's form: what makes none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.contrib.openai_api.filters import filter_of
from hybrid_store.contrib.retrieval.filters import MOST_DEPTH, Condition, Group, Operator, where
from hybrid_store.contrib.retrieval.layout import layout
from hybrid_store.exceptions import FilterError
from tests.contrib.models import Paper

COLUMNS = layout(Paper, fields=["year"])
ONE = {"type": "eq", "key": "kind", "value": "a"}


def nested(levels: int) -> Any:
    given: Any = ONE
    for _ in range(levels - 1):
        given = {"type": "and", "filters": [given]}
    return given


def test_filters_are_those_of_all_stores() -> None:
    one = Condition(("kind",), Operator.EQ, "a")
    other = Condition(("year",), Operator.NOT_IN, [2000])
    either = {"type": "or", "filters": [ONE, {"type": "nin", "key": "year", "value": [2000]}]}
    assert filter_of(either, COLUMNS) == Group("or", [one, other])
    assert filter_of(nested(MOST_DEPTH), COLUMNS)


REFUSED = [
    "all",
    [],
    {},
    {"type": ["eq"], "key": "kind", "value": "a"},
    {"type": "like", "key": "kind", "value": "a"},
    {"type": "not", "filters": [ONE]},
    {"type": "or", "filters": []},
    {"type": "or", "filters": ONE},
    {"type": "and", "filters": [ONE, None]},
    {"type": "eq", "key": "kind"},
    {"type": "eq", "key": "kind", "value": None},
    {"type": "eq", "key": "kind", "value": ["a"]},
    {"type": "eq", "key": "kind", "value": {"$ne": 1}},
    {"type": "eq", "key": "kind", "value": "a", "filters": []},
    {"type": "eq", "key": ["kind"], "value": "a"},
    {"type": "eq", "key": "kind", "value": "\x00"},
    {"type": "eq", "key": "kind", "value": "\ud800"},
    {"type": "eq", "key": "kind\x00", "value": "a"},
    {"type": "in", "key": "kind", "value": "abc"},
    {"type": "in", "key": "kind", "value": [["a"]]},
    {"type": "in", "key": "kind", "value": [None]},
    {"type": "gt", "key": "draft", "value": True},
    {"type": "eq", "key": "year", "value": "many"},
    {"type": "eq", "key": "year", "value": 10**400},
    {"type": "eq", "key": "kind", "value": 1e300},
    {"type": "eq", "key": "kind", "value": float("inf")},
    nested(MOST_DEPTH + 1),
]


@pytest.mark.parametrize("wrong", REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_what_makes_no_condition_is_refused_without_names_of_ours(wrong: Any) -> None:
    with pytest.raises(FilterError) as raised:
        filter_of(wrong, COLUMNS)
    assert "Paper" not in str(raised.value)
    assert "Field" not in str(raised.value)


kinds = st.sampled_from(["eq", "nin", "and", "or", "like"])
keys = st.sampled_from(["kind", "year", "", 1, None])
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
values = scalars | st.lists(scalars, max_size=3)
conditions = st.fixed_dictionaries({"type": kinds, "key": keys, "value": values}) | values
groups = st.recursive(
    conditions,
    lambda parts: st.fixed_dictionaries({"type": kinds, "filters": st.lists(parts, max_size=3)}),
    max_leaves=6,
)


@given(asked=groups)
def test_whatever_is_given_is_a_filter_or_is_refused(asked: Any) -> None:
    try:
        found = filter_of(asked, COLUMNS)
    except FilterError:
        return
    assert where(found, COLUMNS)
