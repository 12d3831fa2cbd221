"""L009: every row is read, and compared in Python."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.querysets import Loop, loops, names_in
from hybrid_store.management.lint.sources import Source

__all__ = ["ComparedInPython"]

# Functions of two vectors, in NumPy, SciPy, scikit-learn, sentence-transformers and projects.
COMPARING = {
    *("dot", "vdot", "inner", "cosine", "euclidean", "cosine_similarity", "cosine_distance"),
    *("cos_sim", "pytorch_cos_sim", "dot_score", "calculate_similarity", "similarity"),
}


class ComparedInPython(SourceRule):
    id = "L009"
    title = "every row is read and compared in Python"
    severity = WARNING
    fix = (
        'Let the database search: .order_by(CosineDistance("embedding", vector))[:10], or '
        "nearest(vector)[:10] of a HybridQuerySet; filters compose with both."
    )
    page = "topics/search.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for loop in loops(source):
            if (node := _comparison(source, loop)) is not None:
                yield Spot(
                    loop.node,
                    f"every search reads all rows of {loop.model} to compare them one by one at "
                    f"line {node.lineno}",
                )


def _comparison(source: Source, loop: Loop) -> ast.expr | None:
    """Where something of a row is compared with something that is not."""
    names = _derived(loop)
    for node in (part for body in loop.body for part in ast.walk(body)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            sides = [node.left, node.right]
        elif isinstance(node, ast.Call) and source.called(node) in COMPARING:
            sides = node.args[:2]
        else:
            continue
        if sorted(bool(names & names_in(side)) for side in sides) == [False, True]:
            return node
    return None


def _derived(loop: Loop) -> set[str]:
    """The names of a row, and those that are given something of it in the loop."""
    names = set(loop.names)
    for node in (part for body in loop.body for part in ast.walk(body)):
        if isinstance(node, ast.Assign) and names & names_in(node.value):
            names |= {name for target in node.targets for name in names_in(target)}
    return names
