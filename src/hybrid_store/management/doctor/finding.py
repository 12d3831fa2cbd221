"""`Finding`: one thing that was looked at, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "Grade"]


class Grade(Enum):
    """How well something is; the value is the mark that stands before it."""

    WELL = "✓"
    BETTER = "!"
    WRONG = "✗"


@dataclass(frozen=True)
class Finding:
    """What was found about a subject, in words for people.

    `fix` is what to do: where it is `ok` all the same, it could be better. After a `final` finding
    the database can be asked no more. A `minor` one is told only where everything is.
    """

    ok: bool
    subject: str
    detail: str
    fix: str = ""
    final: bool = False
    minor: bool = False

    @property
    def grade(self) -> Grade:
        if not self.ok:
            return Grade.WRONG
        return Grade.BETTER if self.fix else Grade.WELL
