"""Distances in Python: which are used on which field, and what an expression of one means.

The classes of this package and those of `pgvector.django` have the same names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.querysets import model_of
from hybrid_store.management.lint.sources import Source, constant, keyword
from hybrid_store.models.functions import METRICS

__all__ = ["DISTANCE", "METRIC_OF", "SIMILARITY", "Meanings", "Use", "meaning", "meanings", "uses"]

# Of an expression: the least is nearest, or the greatest is.
DISTANCE, SIMILARITY = "distance", "similarity"
# Expressions within others are followed so far.
DEPTH = 10
FLIPPED = {DISTANCE: SIMILARITY, SIMILARITY: DISTANCE}
METRIC_OF = {distance.__name__: metric for metric, distance in METRICS.items()}
# Expressions that keep the order of the first one in them.
WRAPPERS = {"ExpressionWrapper", "Cast", "Coalesce", "Round", "Min", "Max", "Avg"}

Meanings: TypeAlias = Mapping[str, str | None]
"""Name of an annotation -> what it means; None for something else."""


@dataclass(frozen=True)
class Use:
    """A distance in the code, on the field of that name, or on a cast of it; `model` is "" where
    nothing says whose field it is."""

    source: Source
    node: ast.Call
    metric: str
    field: str
    is_cast: bool
    model: str


@lru_cache(maxsize=1)
def uses(project: Project) -> list[Use]:
    return [use for source in project.sources for use in _uses(source)]


def _uses(source: Source) -> Iterator[Use]:
    for call in source.each(ast.Call):
        metric = METRIC_OF.get(source.called(call))
        if metric and call.args:
            is_cast = source.called(call.args[0]) == "Cast"
            path = _field_path(source, call.args[0])
            *relations, name = path.split("__")
            if name:
                model = "" if relations else _compared(source, call)
                yield Use(source, call, metric, name, is_cast, model)


def _compared(source: Source, call: ast.Call) -> str:
    """The model of the queryset that a distance is given to."""
    above = [node for node in source.above(call) if isinstance(node, ast.Call)]
    return next(filter(None, (model_of(source, node.func) for node in above)), "")


def _field_path(source: Source, node: ast.expr) -> str:
    """What is named by `"movie__embedding"`, `F("embedding")` or `Cast("embedding", ...)`."""
    if isinstance(node, ast.Call) and source.called(node) in {"F", "Cast"} and node.args:
        return _field_path(source, node.args[0])
    name = constant(source.value_of(node))
    return name if isinstance(name, str) else ""


def meaning(source: Source, node: ast.AST, named: Meanings, depth: int = DEPTH) -> str | None:
    """What an expression means, where the annotations have the meanings `named`."""
    node = source.value_of(node)
    if not depth:
        return None
    if isinstance(node, ast.Call):
        return _of_call(source, node, named, depth - 1)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return FLIPPED.get(meaning(source, node.operand, named, depth - 1) or "")
    return _of_arithmetic(source, node, named, depth - 1) if isinstance(node, ast.BinOp) else None


def _of_call(source: Source, call: ast.Call, named: Meanings, depth: int) -> str | None:
    name = source.called(call)
    if name in METRIC_OF:
        return DISTANCE
    first = call.args[0] if call.args else keyword(call, "expression")
    if name == "F":
        return named.get(str(constant(first)))
    return meaning(source, first, named, depth) if name in WRAPPERS and first else None


def _of_arithmetic(source: Source, node: ast.BinOp, named: Meanings, depth: int) -> str | None:
    left, right = (meaning(source, side, named, depth) for side in (node.left, node.right))
    if left and right:
        return None
    # `1 - d`, `1 / (1 + d)` and `d * -1` turn the order round.
    turned = isinstance(node.op, ast.Sub | ast.Div) and bool(right)
    if isinstance(node.op, ast.Mult):
        turned = _is_negative(node.right if left else node.left)
    found = left or right
    return FLIPPED.get(found or "") if turned else found


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def meanings(source: Source, scope: ast.AST | None = None) -> dict[str, str | None]:
    """The annotations made in a function, or in the whole file."""
    found: dict[str, str | None] = {}
    # What a chain of calls annotates first ends first.
    for call in sorted(source.each(ast.Call), key=_end):
        if scope is None or source.scope(call) is scope:
            found.update(_annotations(source, call, found))
    return found


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def _annotations(source: Source, call: ast.Call, named: Meanings) -> dict[str, str | None]:
    name = source.called(call)
    if name in {"annotate", "alias"}:
        known = dict(named)
        for given in call.keywords:
            if given.arg:
                known[given.arg] = meaning(source, given.value, known)
        return known
    if name == "nearest":
        distance = constant(keyword(call, "distance_as")) or DISTANCE
        return {str(distance): DISTANCE, SIMILARITY: SIMILARITY}
    return {}
