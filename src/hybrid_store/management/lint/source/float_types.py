"""L001: bytes are written as numbers of one float type, and read as another."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.stored_bytes import UNSAID, Access, reads_of, writes
from hybrid_store.management.lint.sources import Source

__all__ = ["FloatTypesDiffer"]


class FloatTypesDiffer(SourceRule):
    id = "L001"
    title = "vectors are written in one float type and read in another"
    fix = (
        "Write np.asarray(vector, dtype=np.float32).tobytes(), and convert what is stored by "
        "ConvertVectorColumn in a migration."
    )
    page = "howto/adopt.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        written = writes(project)
        for write in written:
            known = reads_of(project, write.field or "")
            other = next((read for read in known if _differ(write, read, written)), None)
            if write.source is source and other is not None:
                yield Spot(
                    write.node,
                    f"{write.field} is written as {write.float_type}, and read as "
                    f"{other.float_type} at {other.source.at(other.node)}: "
                    f"{_consequence(write, other)}",
                )


def _differ(write: Access, read: Access, written: list[Access]) -> bool:
    only_one = len({access.field for access in written}) == 1
    same_field = read.field == write.field or (read.field is None and only_one)
    return same_field and UNSAID != write.float_type != read.float_type


def _consequence(write: Access, read: Access) -> str:
    bits = {name: int(name.removeprefix("float")) for name in (write.float_type, read.float_type)}
    return f"384 numbers come back as {384 * bits[write.float_type] // bits[read.float_type]}"
