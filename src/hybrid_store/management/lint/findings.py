"""What a rule is, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hybrid_store.management.lint.keys import without_keys

__all__ = ["ERROR", "WARNING", "Finding", "Rule"]

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Finding:
    """A fault at a place, which is `file:line` or `table.column`; `page` is one of the docs."""

    rule: str
    severity: str
    place: str
    detail: str
    fix: str
    page: str


class Rule:
    """One kind of fault. An error gives wrong results; a warning costs time, money or trust."""

    id: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[str] = ERROR
    # What is written, run or read to mend it, from the folder of the docs.
    fix: ClassVar[str]
    page: ClassVar[str]

    def finding(self, place: str, detail: str, fix: str = "") -> Finding:
        """Code that is quoted may have keys in it."""
        shown = without_keys(detail)
        return Finding(self.id, self.severity, place, shown, fix or self.fix, self.page)
