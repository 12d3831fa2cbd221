"""Filters on documents: what they find, and what they refuse."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from hybrid_store.contrib.retrieval.columns import Column, FieldColumn, JSONColumn
from hybrid_store.contrib.retrieval.filters import (
    MOST_CONDITIONS,
    MOST_DEPTH,
    Condition,
    Filter,
    Group,
    Operator,
    where,
)
from hybrid_store.exceptions import FilterError
from tests.contrib.models import Paper

KEYS = ["a", "0", 'quo"te', "back\\slash", "per%cent", "é", "a.b", "' OR 1=1 --"]
MISSING = object()


class Metadata:
    """Keys of the metadata; "field:name" for a field of the model, "a/b" for a path."""

    def column(self, path: tuple[str, ...]) -> Column:
        if path[0].startswith("field:"):
            return FieldColumn(Paper, path[0].removeprefix("field:"))
        return JSONColumn(Paper, "metadata", path)


def found(*parts: Filter, connector: str = "and") -> set[str]:
    query = where(Group(connector, parts), Metadata())
    return {paper.pk for paper in Paper.objects.filter(query)}


def condition(key: str, operator: str, value: Any = None) -> Condition:
    return Condition(tuple(key.split("/")), Operator(operator), value)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, -2.5]),
    st.sampled_from(["", "a", "b", "B", "1", "true", "é", "2020-01-01"]),
)
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(st.just("b"), scalars))


class TestMetadata(HypothesisTestCase):
    @given(
        documents=st.lists(st.dictionaries(st.sampled_from(KEYS), values), max_size=6),
        key=st.sampled_from(KEYS),
        operator=st.sampled_from(["==", "!=", "in", "not in", "contains", "any", "all", "exists"]),
        asked=st.lists(scalars, min_size=1, max_size=3),
    )
    def test_conditions_hold_as_in_python(
        self, documents: list[dict[str, Any]], key: str, operator: str, asked: list[Any]
    ) -> None:
        Paper.objects.bulk_create(
            Paper(pk=str(number), metadata=metadata) for number, metadata in enumerate(documents)
        )
        value = asked if operator in {"in", "not in", "any", "all"} else asked[0]
        expected = {
            str(number)
            for number, metadata in enumerate(documents)
            if REFERENCES[operator](metadata.get(key), value)
        }
        assert found(condition(key, operator, value)) == expected

    @given(
        documents=st.lists(st.dictionaries(st.just("a"), values), max_size=8),
        sign=st.sampled_from([">", ">=", "<", "<="]),
        value=st.one_of(st.integers(-3, 3), st.sampled_from([0.5, "a", "b", "B", "é", "2020"])),
    )
    def test_only_values_of_a_kind_are_compared(
        self, documents: list[dict[str, Any]], sign: str, value: Any
    ) -> None:
        Paper.objects.bulk_create(
            Paper(pk=str(number), metadata=metadata) for number, metadata in enumerate(documents)
        )
        expected = {
            str(number)
            for number, metadata in enumerate(documents)
            if is_comparable(metadata.get("a"), value) and SIGNS[sign](metadata["a"], value)
        }
        assert found(condition("a", sign, value)) == expected


def same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return not isinstance(left, list | dict) and bool(left == right)


def among(left: Any, right: list[Any]) -> bool:
    return any(same(left, value) for value in right)


def has(left: Any, right: Any) -> bool:
    return right is not None and isinstance(left, list) and among(right, left)


REFERENCES: dict[str, Any] = {
    "==": same,
    "!=": lambda left, right: not same(left, right),
    "in": among,
    "not in": lambda left, right: not among(left, right),
    "contains": has,
    "any": lambda left, right: any(has(left, value) for value in right),
    "all": lambda left, right: all(has(left, value) for value in right),
    "exists": lambda left, right: (left is not None) is bool(right),
}
SIGNS: dict[str, Any] = {
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}


def is_comparable(left: Any, right: Any) -> bool:
    kinds = (str,) if isinstance(right, str) else (int, float)
    return isinstance(left, kinds) and not isinstance(left, bool)


@pytest.mark.django_db
class TestConditions:
    @pytest.fixture(autouse=True)
    def _papers(self) -> None:
        rows: dict[str, dict[str, Any]] = {
            "one": {"metadata": {"a": {"b": {"c": 1}}, "title": "Red\nApple", "n": [1, 2]}},
            "two": {"metadata": {"a": {"b": 2}, "title": "green pear", "n": []}, "year": 2020},
            "three": {"metadata": {"a": [{"b": 3}], "title": "100 % sure", "n": ""}},
            "four": {"metadata": {}, "text": "Quince", "is_open": True},
        }
        Paper.objects.bulk_create(Paper(pk=key, **values) for key, values in rows.items())

    def test_paths_lead_into_objects(self) -> None:
        assert found(condition("a/b/c", "==", 1)) == {"one"}
        assert found(condition("a/b", "==", 2)) == {"two"}
        assert found(condition("a/b", "exists", True)) == {"one", "two"}
        assert found(condition("a/0", "exists", True)) == set()

    def test_texts_are_matched(self) -> None:
        assert found(condition("title", "has text", "pear")) == {"two"}
        assert found(condition("title", "has text", "Pear")) == set()
        assert found(condition("title", "has text in any case", "PEAR")) == {"two"}
        assert found(condition("title", "has text", " % ")) == {"three"}
        assert found(condition("title", "has text", ".*")) == set()
        assert found(condition("title", "like", "Red%")) == {"one"}
        assert found(condition("title", "like", "%pear")) == {"two"}
        assert found(condition("title", "like", "pear")) == set()
        assert found(condition("title", "ilike", "GREEN_PEAR")) == {"two"}
        assert found(condition("title", "like", r"100 \% %")) == {"three"}
        assert found(condition("field:text", "ilike", "q%e")) == {"four"}

    def test_what_is_empty_is_missing_or_has_nothing_in_it(self) -> None:
        assert found(condition("n", "is empty")) == {"two", "three", "four"}
        assert found(condition("field:text", "is empty")) == {"one", "two", "three"}
        assert found(condition("field:year", "is empty")) == {"one", "three", "four"}

    def test_between_is_with_its_ends(self) -> None:
        assert found(condition("a/b", "between", [2, 3])) == {"two"}
        assert found(condition("field:year", "between", (2019, 2020))) == {"two"}

    def test_groups_are_nested(self) -> None:
        red, pear = condition("title", "has text", "Red"), condition("title", "has text", "pear")
        assert found(red, pear) == set()
        assert found(red, pear, connector="or") == {"one", "two"}
        assert found(red, pear, connector="not") == {"three", "four"}
        assert found(Group("not", [Group("or", [red]), pear])) == {"three", "four"}
        assert found() == {"one", "two", "three", "four"}

    def test_values_are_bound(self) -> None:
        for hostile in ("x' OR '1'='1", "%s", "{text}", "x'); DROP TABLE x; --"):
            assert found(condition("title", "==", hostile)) == set()
            assert found(condition(hostile, "==", "x")) == set()
            assert found(condition("title", "has text", hostile)) == set()
            assert found(condition("n", "contains", hostile)) == set()


@pytest.mark.django_db
def test_fields_take_values_of_their_type() -> None:
    code, moment = uuid.uuid4(), datetime(2020, 1, 2, 3, tzinfo=UTC)
    Paper.objects.create(
        pk="a", year=2020, published=moment, is_open=False, price=Decimal("1.50"), code=code
    )
    for name, value in [
        ("year", 2020),
        ("year", "2020"),
        ("year", 2020.0),
        ("published", moment),
        ("published", "2020-01-02T03:00:00Z"),
        ("published", timezone.make_naive(moment).isoformat()),
        ("is_open", False),
        ("price", 1.5),
        ("price", "1.50"),
        ("code", str(code)),
        ("code", code),
    ]:
        assert found(condition(f"field:{name}", "==", value)) == {"a"}, name
        assert found(condition(f"field:{name}", "!=", value)) == set(), name
    assert found(condition("field:year", ">", 2019.5)) == {"a"}
    assert found(condition("field:published", "<", date(2020, 1, 3))) == {"a"}
    assert found(condition("field:year", ">", None)) == set()
    assert found(condition("field:year", "<", 2**40)) == {"a"}
    assert found(condition("field:year", "in", [2**40])) == set()
    assert found(condition("field:year", "in", [None, 1])) == set()
    assert found(condition("field:year", "not in", [None])) == {"a"}


@pytest.mark.django_db
def test_fractions_are_between_integers() -> None:
    numbers = [-1, 0, 1, 2]
    Paper.objects.bulk_create(Paper(pk=str(number), year=number) for number in numbers)
    for fraction in (-0.5, 0.5, 1.0, 1.5):
        for sign, holds in {**SIGNS, "==": same, "!=": lambda left, right: left != right}.items():
            expected = {str(number) for number in numbers if holds(number, fraction)}
            assert found(condition("field:year", sign, fraction)) == expected, (sign, fraction)
    assert found(condition("field:year", "in", [0.5, 1.0])) == {"1"}


REFUSED = [
    (condition("field:year", "<", float("inf")), "is no finite number of at most 64 bits"),
    (condition("field:year", "==", float("nan")), "is no finite number of at most 64 bits"),
    (condition("field:year", "in", [2**63]), "is no finite number of at most 64 bits"),
    (condition("field:year", "==", str(2**63)), "is no finite number of at most 64 bits"),
    (condition("a", "==", -(2**63) - 1), "is no finite number of at most 64 bits"),
    (condition("a", "<", 10**400), "is no finite number of at most 64 bits"),
    (condition("a", ">", True), "is neither greater nor smaller"),
    (condition("a", ">", [1]), "is no text: give one"),
    (condition("a", "==", {"b": 1}), "is no text: give one"),
    (condition("a", "==", "\x00"), "has characters that no text in a database has"),
    (condition("a", "==", "\ud800"), "has characters that no text in a database has"),
    (condition("a\x00", "==", 1), "has characters that no text in a database has"),
    (condition("a", "in", "abc"), "is no list of values"),
    (condition("a", "between", [1]), "1 values are between no two"),
    (condition("a", "like", 1), "is no text"),
    (condition("field:year", "==", "many"), "Paper.year: 'many' is no value of a IntegerField"),
    (condition("field:year", "==", True), "is no value of a"),
    (condition("field:is_open", "==", 1), "is no value of a BooleanField"),
    (condition("field:year", "==", [1]), "is not one value"),
    (condition("field:published", "==", 1), "is no value of a DateTimeField"),
    (condition("field:published", "<", "0001-01-01T00:00+23:59"), "is no value of a DateTimeField"),
    (condition("field:code", "==", "x"), "is no value of a UUIDField"),
    (condition("field:year", "any", [1]), "holds one value, no list"),
    (Group("xor", [condition("a", "==", 1)]), "use one of 'and', 'or', 'not'"),
    (Group("and", [Group("or", [])]), "joins nothing by 'or'"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_what_makes_no_condition_is_refused(given: Filter, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        where(given, Metadata())


def test_filters_have_limits() -> None:
    one = condition("a", "==", 1)
    deep: Filter = one
    for _ in range(MOST_DEPTH - 1):
        deep = Group("not", [deep])
    assert where(deep, Metadata()) != Q()
    for large in (
        Group("and", [deep]),
        Group("and", [one] * MOST_CONDITIONS),
        condition("a", "in", [*range(MOST_CONDITIONS + 1)]),
    ):
        with pytest.raises(FilterError, match="at most 1000 conditions and values, nested at"):
            where(large, Metadata())
