"""L015: the key of a provider stands in the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hybrid_store.management.lint.keys import keys_in, without_keys
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.sources import Source

__all__ = ["KeyInCode"]


class KeyInCode(SourceRule):
    id = "L015"
    title = "an API key stands in the code"
    fix = (
        "Revoke the key, which everyone who has the code has; read the new one from the "
        "environment, as every embedder does where no API_KEY is set."
    )
    page = "topics/security.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for node in source.each(ast.Constant):
            for key in keys_in(node.value) if isinstance(node.value, str) else ():
                shown = without_keys(key)
                yield Spot(
                    node, f"a key of a provider stands here ({shown} of {len(key)} characters)"
                )
