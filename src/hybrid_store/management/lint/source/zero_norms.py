"""L010: a cosine divides by lengths that may be zero."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.keys import beginning
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.sources import Source

__all__ = ["ZeroNorm"]

NORM = "numpy.linalg.norm"
# What a function does about zeros, where it does something.
GUARDS = (ast.If, ast.IfExp, ast.Try, ast.BoolOp, ast.Assert)
GUARDING_CALLS = {"max", "maximum", "where", "clip", "divide", "nan_to_num", "errstate"}


class ZeroNorm(SourceRule):
    id = "L010"
    title = "a cosine divides by the length of a vector that may be zero"
    severity = WARNING
    fix = (
        'Use CosineDistance("embedding", vector) in the query, which leaves all-zero vectors out, '
        "or return early where a length is 0."
    )
    page = "reference/distances.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for node in source.each(ast.BinOp):
            if _divides_by_norms(source, node) and not _is_guarded(source, node):
                yield Spot(
                    node,
                    f"{beginning(ast.unparse(node), 80)} is NaN for an all-zero vector, and NaN "
                    "sorts anyhow",
                )


def _divides_by_norms(source: Source, node: ast.BinOp) -> bool:
    divisor = source.value_of(node.right)
    is_product = isinstance(divisor, ast.BinOp) and isinstance(divisor.op, ast.Mult)
    if not isinstance(node.op, ast.Div) or not is_product:
        return False
    norms = [part for part in source.reached(divisor) if _is_norm(source, part)]
    return len(norms) > 1


def _is_norm(source: Source, node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and source.dotted(node.func) == NORM


def _is_guarded(source: Source, node: ast.BinOp) -> bool:
    scope = source.scope(node)
    return any(
        isinstance(part, GUARDS)
        or source.called(part) in GUARDING_CALLS
        or (isinstance(part, ast.comprehension) and part.ifs)
        for part in ast.walk(scope)
    )
