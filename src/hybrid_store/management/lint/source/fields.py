"""Fields that hold vectors, and what their `default` makes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from hybrid_store.management.lint.project import DeclaredField, Project
from hybrid_store.management.lint.source.stored_bytes import writes
from hybrid_store.management.lint.sources import Source, keyword

__all__ = ["Part", "default_parts", "of_vectors"]

# Kinds of fields that hold vectors and little else, and those that may.
VECTOR_FIELDS = {"VectorField", "HalfVectorField", "EmbeddingField"}
OTHER_FIELDS = {"BinaryField", "ArrayField", "JSONField", "TextField"}
SHORT_NAMES = {"emb", "embs", "vec", "vecs"}


class Part(NamedTuple):
    """A node of what a default evaluates, and the file it is in."""

    source: Source
    node: ast.AST


def _is_named_as_vector(name: str) -> bool:
    is_short = not SHORT_NAMES.isdisjoint(name.lower().split("_"))
    return is_short or any(part in name.lower() for part in ("embed", "vector"))


@lru_cache(maxsize=1)
def of_vectors(project: Project) -> list[DeclaredField]:
    """The fields that hold vectors for certain, have a name that says so, or are given some."""
    written = {write.field for write in writes(project)}
    return [
        field
        for field in project.fields
        if field.kind in VECTOR_FIELDS
        or (field.kind in OTHER_FIELDS and _is_named_as_vector(field.name))
        or (field.kind == "BinaryField" and field.name in written)
    ]


def default_parts(project: Project, field: DeclaredField) -> Iterator[Part]:
    """All that is evaluated for a field's default, functions of the project included."""
    default = keyword(field.call, "default")
    if default is None:
        return
    made = default.body if isinstance(default, ast.Lambda) else default
    source, body = field.source, field.source.value_of(made)
    called = source.dotted(body.func if isinstance(body, ast.Call) else body)
    if found := project.function(called):
        source, body = found
    yield from (Part(source, node) for node in ast.walk(body))
