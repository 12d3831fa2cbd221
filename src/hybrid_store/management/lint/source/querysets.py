"""Loops over all rows of a table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from hybrid_store.management.lint.sources import Source

__all__ = ["Loop", "loops", "model_of", "names_in"]

# Calls behind a manager after which a queryset still gives (nearly) every row.
KEEPS_ALL = {
    *("all", "iterator", "only", "defer", "values", "values_list", "order_by", "using"),
    *("select_related", "prefetch_related", "distinct"),
}
NARROWS = {"filter", "exclude"}
# Chains of calls are followed so far.
STEPS = 50
# What looks at rows one by one without a loop of its own.
SEEKERS = {"sorted", "max", "min", "nlargest", "nsmallest", "map"}


class Loop(NamedTuple):
    """`names` stand for a row of `model` in `body`; `node` is where the rows are asked for."""

    node: ast.AST
    model: str
    names: set[str]
    body: list[ast.AST]


def loops(source: Source) -> Iterator[Loop]:
    for node in source.each(ast.For, ast.AsyncFor):
        yield from _loop(source, node.iter, node.target, list(node.body))
    for comprehension in source.each(ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp):
        for part in comprehension.generators:
            yield from _loop(source, part.iter, part.target, [comprehension])
    for call in source.each(ast.Call):
        functions = [n for n in ast.iter_child_nodes(call) if isinstance(n, ast.Lambda)]
        functions += [k.value for k in call.keywords if isinstance(k.value, ast.Lambda)]
        if source.called(call) in SEEKERS and functions:
            for arg in call.args:
                yield from _loop(source, arg, functions[0].args, [functions[0].body])


def _loop(source: Source, rows: ast.AST, target: ast.AST, body: list[ast.AST]) -> Iterator[Loop]:
    model = _all_rows_of(source, rows)
    if model:
        counted = _counted(source, rows)
        yield Loop(rows, model, names_in(target) | (names_in(counted) if counted else set()), body)


def _counted(source: Source, node: ast.AST) -> ast.expr | None:
    """`rows` in `range(len(rows))`, of which the loop takes one at a time."""
    for name in ("range", "len"):
        if not isinstance(node, ast.Call) or source.called(node) != name or not node.args:
            return None
        node = node.args[-1]
    return node if isinstance(node, ast.expr) else None


def model_of(source: Source, node: ast.AST) -> str:
    """The model whose `objects` a chain of calls begins with; "" where that is not known."""
    for _ in range(STEPS):
        node = source.value_of(node)
        if isinstance(node, ast.Attribute) and node.attr == "objects":
            return source.dotted(node).split(".")[-2]
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        else:
            break
    return ""


def _all_rows_of(source: Source, node: ast.AST) -> str:
    """The model whose `objects` a chain of calls gives all of; "" for anything else."""
    node = source.value_of(_counted(source, node) or node)
    if source.called(node) in {"list", "enumerate"} and isinstance(node, ast.Call) and node.args:
        return _all_rows_of(source, node.args[0])
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if not _keeps_all(node, node.func.attr):
            return ""
        node = source.value_of(node.func.value)
    is_manager = isinstance(node, ast.Attribute) and node.attr == "objects"
    return source.dotted(node).split(".")[-2] if is_manager else ""


def _keeps_all(call: ast.Call, name: str) -> bool:
    """Conditions that only leave out rows without a vector count as none."""
    if name not in NARROWS:
        return name in KEEPS_ALL
    return not call.args and all(
        (given.arg or "").endswith("__isnull") or _is_nothing(given.value)
        for given in call.keywords
    )


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (None, "", b"")


def names_in(node: ast.AST) -> set[str]:
    return {
        part.arg if isinstance(part, ast.arg) else part.id
        for part in ast.walk(node)
        if isinstance(part, ast.arg | ast.Name)
    }
