"""Embeddings that are computed where a row is saved."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
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
        embeds = (part for part in source.reached(node.value) if _embeds(source, part, target))
        if where and (call := next(embeds, None)) is not None:
            tests = [*_tests(source, node), *_tests(source, call)]
            is_kept = target.attr not in _emptied(project)
            only_new = is_kept and any(_asks_for_none(test, target.attr) for test in tests)
            yield Embedding(node, target.attr, where, only_new, not tests)


@lru_cache(maxsize=1)
def _emptied(project: Project) -> set[str]:
    """What some of the code sets to None, as where a text has changed."""
    found = set()
    for source in project.sources:
        for node in source.each(ast.Assign):
            names = [each.attr for each in node.targets if isinstance(each, ast.Attribute)]
            found |= {*names} if _is_none(node.value) else set()
        for call in source.each(ast.Call):
            if source.called(call) == "update":
                found |= {str(given.arg) for given in call.keywords if _is_none(given.value)}
    return found


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


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


def _embeds(source: Source, node: ast.AST, target: ast.Attribute) -> bool:
    """What is made of the vector that the row has is no embedding."""
    if not isinstance(node, ast.Call) or not (node.args or node.keywords):
        return False
    if all(isinstance(arg, ast.Constant) for arg in node.args) and not node.keywords:
        return False
    path = source.dotted(node.func)
    if not EMBEDS.search(path) or NO_EMBEDDING.search(path):
        return False
    held = ast.unparse(target)
    parts = (part for part in source.reached(node) if isinstance(part, ast.Attribute))
    return not any(part.attr == target.attr and ast.unparse(part) == held for part in parts)


def _tests(source: Source, node: ast.AST) -> list[ast.expr]:
    """What is asked in the same function before a node is come to."""
    found, scope, below = [], source.scope(node), node
    for above in source.above(node):
        if above is scope:
            break
        if isinstance(above, ast.If | ast.IfExp):
            found.append(above.test)
        elif isinstance(above, ast.BoolOp) and above.values[0] is not below:
            found.append(_before_the_rest(above))
        below = above
    returns = (
        part.test
        for part in ast.walk(scope)
        if isinstance(part, ast.If)
        and part.lineno < getattr(node, "lineno", 0)
        and any(isinstance(inner, ast.Return) for inner in part.body)
    )
    return [*found, *returns]


def _before_the_rest(node: ast.BoolOp) -> ast.expr:
    """What has to be true of the first of several values for the others to be looked at."""
    first = node.values[0]
    return ast.UnaryOp(ast.Not(), first) if isinstance(node.op, ast.Or) else first


def _asks_for_none(test: ast.expr, field: str) -> bool:
    """Is the question only whether the row is new or has no vector yet?"""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_asks_for_none(value, field) for value in test.values)
    text = ast.unparse(test)
    owner = r"(?:self|instance)"
    asks = rf"not {owner}\.(?:{field}|pk|id)|{owner}\.(?:{field}|pk|id) is None|created"
    return bool(re.fullmatch(rf"{asks}|{owner}\._state\.adding", text))
