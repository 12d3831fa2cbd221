"""What a database says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Ailment", "Extension", "Fact", "TableReport"]


@dataclass(frozen=True)
class Fact:
    """What a database can do, in words; `fix` is what would make it better."""

    subject: str
    detail: str
    fix: str = ""


@dataclass(frozen=True)
class TableReport:
    """The bytes that a table takes, None where that is not known, and those of its indexes.

    `notes` are words about how it is written and looked after.
    """

    bytes: int | None = None
    indexes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ailment:
    """Something that is wrong in a database, or only `slow`, and what to do about it."""

    subject: str
    detail: str
    fix: str
    slow: bool = False


@dataclass(frozen=True)
class Extension:
    """A database extension as the server reports it; `version` is None when it is not created.

    `grant` is what lets the database user into its schema, where that is closed; `lead` what makes
    the search path lead there, where it does not. Both are None where nothing is to be done.
    """

    name: str
    version: str | None
    schema: str | None = None
    available: str | None = None
    oldest_safe: str | None = None
    grant: str | None = None
    lead: str | None = None

    @property
    def is_usable(self) -> bool:
        return self.version is not None and self.grant is None

    @property
    def is_safe(self) -> bool:
        """False for versions with faults that `oldest_safe` has no more."""
        return _numbers(self.version or "") >= _numbers(self.oldest_safe or "")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
