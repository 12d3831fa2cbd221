"""L014: an index is declared for another distance than the code orders by."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.distances import uses
from hybrid_store.management.lint.sources import Source, constant, keyword

__all__ = ["IndexOfOtherMetric"]

METHODS = {"HnswIndex", "IvfflatIndex"}
# As operator classes of pgvector name them: `vector_cosine_ops`.
METRICS = {"cosine": "cosine", "l2": "l2", "l1": "l1", "ip": "inner_product"}


class DeclaredIndex(NamedTuple):
    """An index over the field of that name; `models` are the classes that it stands in."""

    node: ast.Call
    field: str
    metric: str
    models: set[str]


class IndexOfOtherMetric(SourceRule):
    id = "L014"
    title = "an index is for another distance than the code uses"
    fix = (
        "Give the index the operator class of the distance that the code orders by, such as "
        'opclasses=["vector_cosine_ops"] for CosineDistance.'
    )
    page = "howto/tune-index.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        declared = {(field.model, field.name) for field in project.fields}
        indexes = list(_indexes(source))
        for index in indexes:
            known = {other.metric for other in indexes if other.field == index.field}
            # Not those of another model that has a field of that name.
            used = [
                use
                for use in uses(project)
                if use.field == index.field
                and (use.model in index.models or (use.model, use.field) not in declared)
            ]
            other = next((use for use in used if use.metric not in known), None)
            if other is not None and not any(use.metric == index.metric for use in used):
                yield Spot(
                    index.node,
                    f"the index over {index.field} orders by {index.metric}, the code by "
                    f"{other.metric} at {other.source.at(other.node)}: it is never used",
                )


def _indexes(source: Source) -> Iterator[DeclaredIndex]:
    for call in source.each(ast.Call):
        fields, classes = keyword(call, "fields"), keyword(call, "opclasses")
        if source.called(call) in METHODS:
            name, operators = _first(fields), _first(classes)
            metric = METRICS.get(operators.split("_")[1] if "_" in operators else "")
            if metric:
                above = source.above(call)
                models = {node.name for node in above if isinstance(node, ast.ClassDef)}
                yield DeclaredIndex(call, name, metric, models)


def _first(node: ast.expr | None) -> str:
    """The first text of a list; "" where there is none."""
    elements = node.elts if isinstance(node, ast.List | ast.Tuple) else []
    return str(constant(elements[0])) if elements else ""
