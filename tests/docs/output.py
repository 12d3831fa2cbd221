"""Comparing what a page says a command prints with what it printed."""

from __future__ import annotations

import re

__all__ = ["difference"]

GAP = "..."
DECIMAL = re.compile(r"-?\d+\.\d+")
TOLERANCE = 0.02


def difference(expected: str, got: str) -> str:
    """What is wrong with `got`, empty where it is as expected.

    "..." stands for any text, alone on its line for any lines. Decimal numbers may differ a little.
    """
    wanted = [line.rstrip() for line in expected.splitlines() if line.strip()]
    lines = [line.rstrip() for line in got.splitlines() if line.strip()]
    if not wanted or _match(wanted, lines):
        return ""
    return f"expected:\n{expected}\ngot:\n{got}"


def _match(wanted: list[str], lines: list[str]) -> bool:
    if not wanted:
        return not lines
    if wanted[0].strip() == GAP:
        return any(_match(wanted[1:], lines[skipped:]) for skipped in range(len(lines) + 1))
    return bool(lines) and _alike(wanted[0], lines[0]) and _match(wanted[1:], lines[1:])


def _alike(wanted: str, line: str) -> bool:
    parts = (_number_pattern(part) for part in wanted.split(GAP))
    found = re.fullmatch(".*".join(parts), line)
    if not found:
        return False
    numbers = DECIMAL.findall(wanted)
    return all(
        abs(float(one) - float(other)) <= TOLERANCE
        for one, other in zip(numbers, found.groups(), strict=True)
    )


def _number_pattern(text: str) -> str:
    """A pattern for `text` with a group for every decimal number in it."""
    literals = [re.escape(part) for part in DECIMAL.split(text)]
    return f"({DECIMAL.pattern})".join(literals)
