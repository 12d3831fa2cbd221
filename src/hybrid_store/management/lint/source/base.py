"""The base of rules that read Python."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from hybrid_store.management.lint.findings import Finding, Rule
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.sources import Source

__all__ = ["SourceRule", "Spot"]


class Spot(NamedTuple):
    """A node at fault; `fix` is that of the rule where it is empty."""

    node: ast.AST
    detail: str
    fix: str = ""


class SourceRule(Rule):
    """Looks at one file after the other."""

    @abstractmethod
    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        """The spots in one file; what other files declare is asked of the project."""

    def findings(self, project: Project) -> Iterator[Finding]:
        for source in project.sources:
            for spot in self.look(source, project):
                if not source.ignores(self.id, spot.node):
                    yield self.finding(source.at(spot.node), spot.detail, spot.fix)
