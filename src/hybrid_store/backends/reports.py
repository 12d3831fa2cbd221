"""What a database says of itself."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Ailment", "Extension"]


@dataclass(frozen=True)
class Ailment:
    """Something that is wrong in a database, or only `slow`, and what to do about it."""

    subject: str
    detail: str
    fix: str
    slow: bool = False


@dataclass(frozen=True)
class Extension:
    """A database extension as the server reports it; `version` is None when it is not created."""

    name: str
    version: str | None
    schema: str | None = None
    available: str | None = None
    oldest_safe: str | None = None
