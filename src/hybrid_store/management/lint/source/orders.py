"""Orders of querysets by a distance: what is ordered by, and whether the nearest come first."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.distances import (
    DISTANCE,
    SIMILARITY,
    Meanings,
    meaning,
    meanings,
)
from hybrid_store.management.lint.sources import Source

__all__ = ["Order", "orders"]


class Order(NamedTuple):
    """One argument of `order_by()`, or a `reverse()` behind it; `text` shows it."""

    node: ast.AST
    text: str
    means: str
    descends: bool

    @property
    def nearest_first(self) -> bool:
        return self.descends == (self.means == SIMILARITY)


def orders(source: Source, project: Project) -> Iterator[Order]:
    elsewhere = _named_elsewhere(project)
    for call in source.each(ast.Call):
        if source.called(call) == "order_by":
            named = {**elsewhere, **meanings(source, source.scope(call))}
            found = [order for arg in call.args[:1] for order in _ordered(source, arg, named)]
            yield from (order for order in found if not _reversals(source, call))
        elif source.called(call) == "reverse" and isinstance(call.func, ast.Attribute):
            named = {**elsewhere, **meanings(source, source.scope(call))}
            yield from _reversed(source, call, call.func, named)


@lru_cache(maxsize=1)
def _named_elsewhere(project: Project) -> dict[str, str | None]:
    """Names that mean the same in every annotation of the project, and are no field."""
    found = defaultdict(set)
    for source in project.sources:
        for name, means in meanings(source).items():
            found[name].add(means)
    fields = {field.name for field in project.fields}
    return {n: next(iter(m)) for n, m in found.items() if len(m) == 1 and n not in fields}


def _ordered(source: Source, arg: ast.expr, named: Meanings) -> Iterator[Order]:
    node, descends = source.value_of(arg), False
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        means = named.get(node.value.removeprefix("-"))
        descends = node.value.startswith("-")
    elif source.called(node) in {"desc", "asc"} and isinstance(node, ast.Call):
        expression = node.func.value if isinstance(node.func, ast.Attribute) else node
        means, descends = meaning(source, expression, named), source.called(node) == "desc"
    else:
        means = meaning(source, node, named)
    if means in {DISTANCE, SIMILARITY}:
        yield Order(arg, f"order_by({ast.unparse(arg)})", str(means), descends)


def _reversals(source: Source, call: ast.Call) -> bool:
    """Is the order turned round further along the chain of calls?"""
    count = 0
    below: ast.AST = call
    for node in source.above(call):
        if not isinstance(node, ast.Attribute | ast.Call):
            break
        if isinstance(node, ast.Call) and node.func is not below:
            break
        count += source.called(node) == "reverse"
        below = node
    return count % 2 == 1


def _reversed(
    source: Source, call: ast.Call, func: ast.Attribute, named: Meanings
) -> Iterator[Order]:
    for inner in _chain(source, func.value):
        if source.called(inner) == "order_by":
            for order in (o for arg in inner.args[:1] for o in _ordered(source, arg, named)):
                text = f"{order.text} and reverse()"
                yield Order(call, text, order.means, not order.descends)
            return


def _chain(source: Source, node: ast.AST) -> Iterator[ast.Call]:
    """The calls of `a.b().c()`, the last one first, through the names given on the way."""
    for _ in range(50):
        node = source.value_of(node)
        if isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call):
            yield node
            node = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        else:
            return
