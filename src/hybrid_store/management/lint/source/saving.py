"""Embeddings that are computed where a row is saved."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.fields import of_vectors
from hybrid_store.management.lint.sources import Function, Source, parameters

__all__ = ["Embedding", "embeddings_in_saves"]

EMBEDS = re.compile(r"embed|vectori[sz]e|encode", re.IGNORECASE)
# `text.encode()` and `base64.b64encode()` embed nothing.
NO_EMBEDDING = re.compile(r"b64|base64|urlsafe|json|^str\.")
SIGNALS = {"post_save", "pre_save"}


class Embedding(NamedTuple):
    """`self.field = embed(...)`; `only_new` where rows that have a vector never get another,
    `always` where nothing is asked before."""

    node: ast.Assign
    field: str
    where: str
    only_new: bool
    always: bool


def embeddings_in_saves(source: Source, project: Project) -> Iterator[Embedding]:
    fields = {field.name for field in of_vectors(project)}
    for node in source.each(ast.Assign):
        target = node.targets[0]
        if not isinstance(target, ast.Attribute) or target.attr not in fields:
            continue
        where = _where(source, source.scope(node))
        if where and any(_embeds(source, part) for part in source.reached(node.value)):
            tests = _tests(source, node)
            only_new = any(_asks_for_none(test, target.attr) for test in tests)
            yield Embedding(node, target.attr, where, only_new, not tests)


def _where(source: Source, scope: ast.AST) -> str:
    """`save()` or the signal that calls the function; "" for other functions."""
    if not isinstance(scope, ast.FunctionDef):
        return ""
    if scope.name == "save" and "self" in parameters(scope):
        return "save()"
    return next((name for name in _received(source, scope) if name in SIGNALS), "")


def _received(source: Source, function: Function) -> Iterator[str]:
    for decorator in function.decorator_list:
        if source.called(decorator) == "receiver":
            for part in ast.walk(decorator):
                yield source.dotted(part).rpartition(".")[2]


def _embeds(source: Source, node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not (node.args or node.keywords):
        return False
    if all(isinstance(arg, ast.Constant) for arg in node.args) and not node.keywords:
        return False
    path = source.dotted(node.func)
    return bool(EMBEDS.search(path)) and not NO_EMBEDDING.search(path)


def _tests(source: Source, node: ast.AST) -> list[ast.expr]:
    """What is asked in the same function before a node is come to."""
    found, scope = [], source.scope(node)
    for above in source.above(node):
        if above is scope:
            break
        if isinstance(above, ast.If):
            found.append(above.test)
    returns = (
        part.test
        for part in ast.walk(scope)
        if isinstance(part, ast.If)
        and part.lineno < getattr(node, "lineno", 0)
        and any(isinstance(inner, ast.Return) for inner in part.body)
    )
    return [*found, *returns]


def _asks_for_none(test: ast.expr, field: str) -> bool:
    """Is the question only whether the row is new or has no vector yet?"""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_asks_for_none(value, field) for value in test.values)
    text = ast.unparse(test)
    owner = r"(?:self|instance)"
    asks = rf"not {owner}\.(?:{field}|pk|id)|{owner}\.(?:{field}|pk|id) is None|created"
    return bool(re.fullmatch(rf"{asks}|{owner}\._state\.adding", text))
