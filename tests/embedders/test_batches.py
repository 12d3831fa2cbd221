"""Dividing a list into requests."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.embedders.batches import Limit, divided

SIZES = st.lists(st.integers(min_value=0, max_value=10), max_size=30)
MOST = st.integers(min_value=1, max_value=20)


@given(sizes=SIZES, most_items=MOST, most=MOST)
def test_lists_are_in_order_as_long_as_possible_and_not_too_large(
    sizes: list[int], most_items: int, most: int
) -> None:
    ones = [1] * len(sizes)
    lists = list(divided(sizes, Limit(most_items, ones), Limit(most, sizes)))
    assert [size for part in lists for size in part] == sizes
    for part in lists:
        assert 1 <= len(part) <= most_items
        assert sum(part) <= most or len(part) == 1
    for part, following in pairwise(lists):
        assert len(part) == most_items or sum(part) + following[0] > most


def test_an_item_above_a_limit_is_alone() -> None:
    sizes = [1, 9, 1, 1]
    assert list(divided("abcd", Limit(3, sizes))) == [["a"], ["b"], ["c", "d"]]


def test_without_limits_there_is_one_list() -> None:
    assert list(divided("abc")) == [["a", "b", "c"]]
    assert list(divided("")) == []
