"""What a generation did, and what one would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Bill", "Estimate", "Report", "Written"]

LISTED = 20


@dataclass(frozen=True)
class Bill:
    """What an answer cost, whatever of it was stored."""

    texts: int = 0
    tokens: int = 0
    cost: float | None = None


@dataclass(frozen=True)
class Written:
    """What became of the rows of a batch: keys of those stored, and the numbers of the others."""

    stored: list[Any]
    cleared: int
    changed: int
    lost: int


@dataclass
class Report:
    """What a generation did, in rows; and in texts and tokens, what was paid for."""

    embedded: int = 0
    cleared: int = 0
    changed: int = 0
    """Edited or deleted while their text was embedded; what is there still is stale."""
    lost: int = 0
    """Taken over by another run, after the lease had ended."""
    failed: int = 0
    truncated: int = 0
    """Of the embedded: rows whose text is longer than the model reads."""
    elsewhere: int = 0
    """In the hands of other runs when this one ended."""
    texts: int = 0
    tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    interrupted: bool = False
    too_dear: bool = False
    """Ended because more would have cost more than allowed."""
    reasons: dict[str, list[Any]] = field(default_factory=dict)
    """Why rows failed: up to 20 of their keys by reason."""

    def add(self, written: Written, bill: Bill) -> None:
        self.embedded += len(written.stored)
        self.cleared += written.cleared
        self.changed += written.changed
        self.lost += written.lost
        self.texts += bill.texts
        self.tokens += bill.tokens
        if bill.cost is not None:
            self.cost = (self.cost or 0.0) + bill.cost

    def add_failed(self, keys: list[Any], reason: str) -> None:
        self.failed += len(keys)
        listed = self.reasons.setdefault(reason, [])
        listed += keys[: LISTED - len(listed)]

    @property
    def done(self) -> int:
        """Rows dealt with, whatever came of them."""
        return self.embedded + self.cleared + self.changed + self.lost + self.failed


@dataclass
class Estimate:
    """What a generation would do: rows, distinct texts, their tokens and what they would cost."""

    rows: int = 0
    blank: int = 0
    texts: int = 0
    tokens: int = 0
    cost: float | None = None
    too_long: int = 0
    """Texts of which the model would read only the beginning, or that it would refuse."""

    def add_texts(self, tokens: Sequence[int], most: int | None) -> None:
        self.texts += len(tokens)
        self.tokens += sum(tokens)
        self.too_long += sum(count > most for count in tokens) if most is not None else 0
