"""What the objects of an index of words are called, and how names stand in SQL."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hybrid_store.backends.texts import TextSpec

__all__ = ["FUNCTIONS", "Names", "filled", "key_columns", "literal", "name_of", "part_of", "quoted"]

FUNCTIONS = ("words", "tokens", "document", "average", "write")
PREFIX = "hybrid_store_{kind}_"
# PostgreSQL cuts names behind 63 bytes.
LONGEST = 63 - max(len(PREFIX.format(kind=kind)) for kind in FUNCTIONS)
DIGEST = 8


def quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def literal(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


def filled(template: str, parts: Mapping[str, str]) -> str:
    """A template with parts of SQL in the place of their names, as in "<name>"."""
    return re.sub(r"<(\w+)>", lambda found: parts[found[1]], template).strip()


def part_of(index: str) -> str:
    """What names have of the name of an index: all of it, or enough and a digest."""
    if len(index.encode()) <= LONGEST:
        return index
    digest = hashlib.md5(index.encode(), usedforsecurity=False).hexdigest()[:DIGEST]
    kept = index.encode()[: LONGEST - DIGEST - 1].decode(errors="ignore")
    return f"{kept}_{digest}"


def name_of(kind: str, index: str) -> str:
    """What a thing of an index is called: a function, the table ("text"), or another one."""
    return PREFIX.format(kind=kind) + part_of(index)


def key_columns(spec: TextSpec) -> list[str]:
    """The columns of the primary key in the table of an index."""
    return [f"key{place}" for place in range(len(spec.keys))]


@dataclass(frozen=True)
class Names:
    """The names of an index that is made in a schema, as SQL."""

    spec: TextSpec
    schema: str

    def __call__(self, kind: str = "text") -> str:
        """A name with its schema: functions are called with any search path."""
        return f"{quoted(self.schema)}.{self.bare(kind)}"

    def bare(self, kind: str = "text") -> str:
        return quoted(name_of(kind, self.spec.name))

    @property
    def index(self) -> str:
        """The GIN index, which Django renames with the `TextIndex`."""
        return f"{quoted(self.schema)}.{quoted(self.spec.name)}"

    @property
    def keys(self) -> list[str]:
        return key_columns(self.spec)
