"""Hostile filters, through every operator of every framework: exactly the rows that they mean, or
the framework's own error, and never one of the database.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from operator import ge, gt, le, lt
from typing import Any

import pytest
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from pydantic import ValidationError

from hybrid_store.contrib.langchain import DjangoVectorStore as LangChainStore
from hybrid_store.contrib.langchain.filters import OPERATORS as LANGCHAIN_OPERATORS
from hybrid_store.contrib.langchain.filters import filter_of
from hybrid_store.contrib.llamaindex import DjangoVectorStore as LlamaIndexStore
from hybrid_store.contrib.mcp.server import Wanted
from hybrid_store.contrib.retrieval.collection import collection
from hybrid_store.contrib.retrieval.filters import Condition, Operator
from hybrid_store.contrib.retrieval.layout import Record
from hybrid_store.exceptions import FilterError
from tests.contrib.models import Paper

# Before it is imported, as in its own tests.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

from haystack.errors import FilterError as HaystackFilterError

from hybrid_store.contrib.haystack import DjangoDocumentStore as HaystackStore
from hybrid_store.contrib.haystack.filters import COMPARED

TEXTS = [
    *("x' OR '1'='1", '"; DROP TABLE contrib_paper; --', "a') OR 1=1 --", "%s", "%", "_", "\\"),
    *("_connector", "a__b__password", "owner__password", "pk", "$", "$.a", "$eq", "{text}", "{}"),
    *("[0]", "kind", "'", '"', "é\U0001f600", "\x00", "\ud800", "a" * 10_000, "1", "true", "null"),
]
NUMBERS = [0, -1, 1.5, 2**31, 2**63, -(2**63) - 1, 10**400, True, False]
NO_NUMBERS = [math.nan, math.inf, -math.inf]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


ODD: list[Any] = [None, [], {}, [[]], {"a": 1}, nested(10_000), object(), {1, 2}]
VALUES = [*TEXTS, *NUMBERS, *NO_NUMBERS, *ODD]
KEYS = [key for key in TEXTS if key not in ("kind", "pk")]
ROWS: dict[str, dict[str, Any]] = {"a": {"kind": "essay"}, "b": {"kind": 7, "tags": ["x"]}, "c": {}}


def llamaindex(key: str, operator: str, value: Any) -> Any:
    # What its own types would refuse or change is let through.
    part = MetadataFilter.model_construct(key=key, value=value, operator=FilterOperator(operator))
    filters = MetadataFilters.model_construct(filters=[part], condition=FilterCondition.AND)
    return LlamaIndexStore(Paper.objects.all()).get_nodes(filters=filters)


def langchain(key: str, operator: str, value: Any) -> Any:
    found = collection(Paper.objects.all())
    return [*found.records(found.rows(filter_of({key: {operator: value}})))]


def haystack(key: str, operator: str, value: Any) -> Any:
    given = {"field": f"meta.{key}", "operator": operator, "value": value}
    return HaystackStore(Paper.objects.all()).filter_documents(given)


def plain(key: str, operator: str, value: Any) -> Any:
    found = collection(Paper.objects.all())
    return [*found.records(found.rows(Condition((key,), Operator(operator), value)))]


def by_mcp(key: str, operator: str, value: Any) -> Any:
    """As the server makes conditions of what a client sends."""
    wanted = Wanted.model_validate({"key": key, "operator": operator, "value": value})
    return plain(wanted.key, wanted.operator, wanted.value)


Ask = Callable[[str, str, Any], Any]
MCP_OPERATORS = [*Wanted.model_fields["operator"].annotation.__args__]  # type: ignore[union-attr]
FRAMEWORKS: dict[str, tuple[Ask, list[str], type[Exception] | tuple[type[Exception], ...]]] = {
    "llamaindex": (llamaindex, [one.value for one in FilterOperator], FilterError),
    "langchain": (langchain, [*LANGCHAIN_OPERATORS], FilterError),
    "haystack": (haystack, [*COMPARED], HaystackFilterError),
    "mcp": (by_mcp, MCP_OPERATORS, (FilterError, ValidationError)),
    "collection": (plain, [one.value for one in Operator], FilterError),
}
# They hold for rows without the value, too.
NEGATIVE = {"!=", "nin", "not in", "$ne", "$nin", "is_empty", "is empty"}
LISTS = {"in", "nin", "not in", "any", "all", "$in", "$nin", "between", "$between"}


CASES = [(name, operator) for name, (_, known, _) in FRAMEWORKS.items() for operator in known]


@pytest.fixture(scope="module")
def papers(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Kept for all of them: they only read."""
    with django_db_blocker.unblock():
        made = collection(Paper.objects.all(), embedded_by="default").write(
            [Record(key, key, metadata, [1.0] * 384) for key, metadata in ROWS.items()]
        )
        yield
        Paper.objects.filter(pk__in=made).delete()


@pytest.mark.django_db
@pytest.mark.usefixtures("papers")
@pytest.mark.parametrize(("framework", "operator"), CASES)
class TestOperators:
    def test_hostile_values(self, framework: str, operator: str) -> None:
        ask, _, refusal = FRAMEWORKS[framework]
        for value in VALUES:
            for given in (value, [value, value]) if operator in LISTS else (value,):
                found = answer(ask, refusal, "kind", operator, given)
                if found is not None:
                    assert found == expected(operator, given), (operator, shown(given))

    def test_hostile_keys(self, framework: str, operator: str) -> None:
        ask, _, refusal = FRAMEWORKS[framework]
        for key in KEYS:
            for given in ("essay", ["essay", "essay"], 7):
                found = answer(ask, refusal, key, operator, given)
                if found is not None:
                    assert found == ({*ROWS} if operator in NEGATIVE else set()), (operator, key)


def shown(value: Any) -> str:
    """Too deep or too long a value has none."""
    return type(value).__name__ if value in ODD else repr(value)[:80]


def answer(ask: Ask, refusal: Any, key: str, operator: str, value: Any) -> set[str] | None:
    """The keys of what is found; None where it is refused."""
    try:
        found = ask(key, operator, value)
    except refusal:
        return None
    return {getattr(one, "id_", None) or getattr(one, "id", None) or one.key for one in found}


def expected(operator: str, value: Any) -> set[str]:
    """As Python has it."""
    return {key for key, row in ROWS.items() if holds(operator, row.get("kind"), value)}


def holds(operator: str, stored: Any, value: Any) -> bool:
    name = NAMES.get(operator, operator)
    if name in SIGNS:
        return is_alike(stored, value) and bool(SIGNS[name](stored, value))
    # What asks for a part of a text, or for an element of a list, finds none of this.
    return name in MEANINGS and bool(MEANINGS[name](stored, value))


def is_alike(left: Any, right: Any) -> bool:
    kinds = (str,) if isinstance(right, str) else (int, float)
    return isinstance(left, kinds) and isinstance(right, kinds) and not isinstance(right, bool)


def same(left: Any, right: Any) -> bool:
    return left is right or (is_alike(left, right) and bool(left == right))


NAMES = {
    "$eq": "==",
    "$ne": "!=",
    "$in": "in",
    "$nin": "not in",
    "nin": "not in",
    "$gt": ">",
    "$gte": ">=",
    "$lt": "<",
    "$lte": "<=",
    "$exists": "exists",
    "$like": "like",
    "$ilike": "like",
    "ilike": "like",
    "is_empty": "is empty",
}
SIGNS: dict[str, Any] = {">": gt, ">=": ge, "<": lt, "<=": le}
MEANINGS: dict[str, Callable[[Any, Any], bool]] = {
    "==": same,
    "!=": lambda stored, value: not same(stored, value),
    "in": lambda stored, value: any(same(stored, one) for one in value),
    "not in": lambda stored, value: not any(same(stored, one) for one in value),
    "exists": lambda stored, value: (stored is not None) is bool(value),
    "is empty": lambda stored, value: stored is None,
    "like": lambda stored, value: isinstance(stored, str) and value == "%",
    "all": lambda stored, value: value == [],
}


FIELDS = ["owner", "year", "price", "published", "is_open", "code"]


@pytest.mark.django_db
@pytest.mark.usefixtures("papers")
@pytest.mark.parametrize("name", FIELDS)
def test_hostile_values_of_fields(name: str) -> None:
    """The rows have none, and an empty text as owner."""
    found = collection(Paper.objects.all(), fields=FIELDS)
    may_be_all = {
        "!=",
        "not in",
        "exists",
        "is empty",
        "==",
        "in",
        "<",
        "<=",
        "all",
        "like",
        "ilike",
    }
    for operator in Operator:
        for value in VALUES:
            try:
                rows = found.rows(Condition((name,), operator, value)).count()
            except FilterError:
                continue
            assert rows == 0 or (rows == 3 and operator in may_be_all), (operator, shown(value))


def nested_groups(make: Callable[[Any], Any], part: Any) -> Any:
    for _ in range(10_000):
        part = make(part)
    return part


def many_groups(framework: str, connector: str) -> Any:
    """10,000 groups, one in the other."""
    if framework == "llamaindex":
        condition = FilterCondition(connector)
        part = MetadataFilter(key="kind", value="essay")
        return nested_groups(
            lambda one: MetadataFilters.model_construct(filters=[one], condition=condition), part
        )
    if framework == "langchain":
        return nested_groups(lambda one: {f"${connector}": [one]}, {"kind": "essay"})
    return nested_groups(
        lambda one: {"operator": connector.upper(), "conditions": [one]},
        {"field": "meta.kind", "operator": "==", "value": "essay"},
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("papers")
@pytest.mark.parametrize("connector", ["and", "or", "not"])
@pytest.mark.parametrize("framework", ["llamaindex", "langchain", "haystack"])
def test_groups_without_end_are_refused(framework: str, connector: str) -> None:
    given = many_groups(framework, connector)
    asked: dict[str, Callable[[], Any]] = {
        "llamaindex": lambda: LlamaIndexStore(Paper.objects.all()).get_nodes(filters=given),
        "langchain": lambda: LangChainStore(Paper.objects.all()).delete(filter=given),
        "haystack": lambda: HaystackStore(Paper.objects.all()).delete_by_filter(given),
    }
    with pytest.raises(FRAMEWORKS[framework][2], match=r"deeply|too large"):
        asked[framework]()
    assert Paper.objects.count() == len(ROWS)
