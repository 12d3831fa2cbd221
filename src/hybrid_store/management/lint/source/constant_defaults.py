"""L006: new rows all get the same vector."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hybrid_store.management.lint.keys import beginning
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.fields import default_parts, of_vectors
from hybrid_store.management.lint.sources import Source, constant

__all__ = ["ConstantDefault"]

FILLERS = {f"numpy.{name}" for name in ("zeros", "ones", "full", "empty")}
# A list that is written out is a vector from so many numbers on.
FEWEST = 3


class ConstantDefault(SourceRule):
    id = "L006"
    title = "the default of a vector is the same for every row"
    fix = "Use null=True and no default; search leaves rows without a vector out."
    page = "reference/fields.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for field in (field for field in of_vectors(project) if field.source is source):
            for part in default_parts(project, field):
                if _is_constant(part.source, part.node):
                    shown = beginning(ast.unparse(part.node), 60)
                    yield Spot(
                        field.call,
                        f"{field.model}.{field.name} begins as {shown}: rows that were never "
                        "embedded are all equally near, or have no distance",
                    )
                    break


def _is_constant(source: Source, node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return source.dotted(node.func) in FILLERS
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return any(_is_repeated(side) for side in (node.left, node.right))
    return (
        isinstance(node, ast.List) and len(node.elts) >= FEWEST and all(map(_is_number, node.elts))
    )


def _is_repeated(node: ast.AST) -> bool:
    """Is it `[0.0]` or `b"\\0"`?"""
    if isinstance(constant(node), bytes):
        return True
    return isinstance(node, ast.List) and len(node.elts) == 1 and _is_number(node.elts[0])


def _is_number(node: ast.AST) -> bool:
    return isinstance(constant(node), int | float)
