"""L013: a loop writes rows back whole after it has embedded them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.fields import of_vectors
from hybrid_store.management.lint.source.querysets import Loop, loops
from hybrid_store.management.lint.sources import Source, keyword

__all__ = ["WholeRowSaved"]


class WholeRowSaved(SourceRule):
    id = "L013"
    title = "a loop sets vectors and saves whole rows"
    severity = WARNING
    fix = (
        'Save what has changed: save(update_fields=["embedding"]), or bulk_update() for many; '
        "manage.py generate_embeddings does it in batches for an EmbeddingField."
    )
    page = "howto/generate.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        fields = {field.name for field in of_vectors(project)}
        for loop in loops(source):
            nodes = [part for body in loop.body for part in ast.walk(body)]
            written = {name for node in nodes for name in _written(node, loop, fields)}
            save = next((node for node in nodes if _is_whole_save(node, loop)), None)
            if written and save is not None:
                yield Spot(
                    save,
                    f"save() writes every column of {loop.model} as it was before "
                    f"{', '.join(sorted(written))} was computed: edits made meanwhile are undone",
                )


def _written(node: ast.AST, loop: Loop, fields: set[str]) -> Iterator[str]:
    for target in node.targets if isinstance(node, ast.Assign) else ():
        if isinstance(target, ast.Attribute) and _is_row(target.value, loop):
            yield from {target.attr} & fields


def _is_whole_save(node: ast.AST, loop: Loop) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"save", "asave"}
        and _is_row(node.func.value, loop)
        and keyword(node, "update_fields") is None
    )


def _is_row(node: ast.AST, loop: Loop) -> bool:
    return isinstance(node, ast.Name) and node.id in loop.names
