"""L008: bytes are read by a function that NumPy has taken back."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.sources import Source, constant, keyword

__all__ = ["FromString"]


class FromString(SourceRule):
    id = "L008"
    title = "bytes are read by numpy.fromstring"
    fix = "Use np.frombuffer(data, dtype=np.float32), with the float type that was written."
    page = "howto/adopt.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for call in source.each(ast.Call):
            separator = constant(keyword(call, "sep"))
            if source.dotted(call.func) == "numpy.fromstring" and not separator:
                yield Spot(call, "np.fromstring of bytes raises ValueError since NumPy 2.3")
