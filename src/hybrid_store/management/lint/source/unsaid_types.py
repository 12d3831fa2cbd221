"""L002: the float type of stored bytes is left to what happens to be given."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.stored_bytes import UNSAID, writes
from hybrid_store.management.lint.sources import Source

__all__ = ["FloatTypeUnsaid"]


class FloatTypeUnsaid(SourceRule):
    id = "L002"
    title = "vectors are written as bytes of a float type that nothing says"
    severity = WARNING
    fix = "Say it: np.asarray(vector, dtype=np.float32).tobytes()."
    page = "howto/adopt.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for write in writes(project):
            if write.source is source and write.float_type == UNSAID:
                yield Spot(
                    write.node,
                    f"{ast.unparse(write.node)} makes 8 bytes a number of a list, and 4 of a "
                    f"float32 array: {write.field} may come to hold both",
                )
