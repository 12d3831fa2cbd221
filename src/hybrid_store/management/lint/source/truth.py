"""L007: the truth of an array is asked, which NumPy refuses to tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from hybrid_store.management.lint.keys import beginning
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.sources import Source

__all__ = ["TruthOfArray"]

ARRAYS = {f"numpy.{name}" for name in ("array", "asarray", "frombuffer", "zeros", "ones")}


class TruthOfArray(SourceRule):
    id = "L007"
    title = "the truth of an array is asked"
    fix = "Ask what is meant: `is not None`, or `.any()` for an array that is not all zero."
    page = "reference/fields.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        names = project.of_kind("VectorField", "HalfVectorField") & {
            field.name for field in project.fields if field.is_pgvectors
        }
        for node in _asked(source):
            if _is_array(source, node) or (_is_attribute(node, names) and gives_arrays()):
                shown = beginning(ast.unparse(node), 60)
                yield Spot(
                    node,
                    f"`{shown}` is asked whether it is true: NumPy raises ValueError for an array "
                    "of more than one number",
                )


def gives_arrays() -> bool:
    """Does a field of pgvector.django give arrays? Since 0.5 it gives lists."""
    try:
        major, minor, *_ = version("pgvector").split(".")
    except PackageNotFoundError:
        return True
    return (int(major), int(minor)) < (0, 5)


def _asked(source: Source) -> Iterator[ast.expr]:
    """The expressions whose truth decides."""
    for node in source.each(ast.If, ast.IfExp, ast.While, ast.Assert):
        yield from _operands(node.test)


def _operands(test: ast.expr) -> Iterator[ast.expr]:
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _operands(value)
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _operands(test.operand)
    else:
        yield test


def _is_array(source: Source, node: ast.expr) -> bool:
    value = source.value_of(node)
    return isinstance(value, ast.Call) and source.dotted(value.func) in ARRAYS


def _is_attribute(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in names
