"""L005: new rows get a random vector, which looks like an embedding and is none."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.fields import default_parts, of_vectors
from hybrid_store.management.lint.sources import Source

__all__ = ["RandomDefault"]

RANDOM_FLOATS = {f"random.{name}" for name in ("random", "uniform", "gauss", "normalvariate")}


class RandomDefault(SourceRule):
    id = "L005"
    title = "the default of a vector is random"
    fix = (
        "Use null=True and no default; search leaves rows without a vector out. Find the random "
        "ones that are stored by a conversion with ConvertVectorColumn."
    )
    page = "howto/adopt.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for field in (field for field in of_vectors(project) if field.source is source):
            for part in default_parts(project, field):
                if name := _random_call(part.source, part.node):
                    yield Spot(
                        field.call,
                        f"{field.model}.{field.name} begins as {name}() at "
                        f"{part.source.at(part.node)}: searches find rows that were never embedded",
                    )
                    break


def _random_call(source: Source, node: ast.AST) -> str:
    """The name of what is called; "" for what is not random, and for what is done with it."""
    name = source.dotted(node.func) if isinstance(node, ast.Call) else ""
    is_random = name.startswith("numpy.random.") or name in RANDOM_FLOATS
    is_first = "()" not in name.removeprefix("numpy.random.default_rng()")
    return name if is_random and is_first and not name.endswith("default_rng") else ""
