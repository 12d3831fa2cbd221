"""Citations: the numbers in answers, and what they stand for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

__all__ = ["Part", "cited_numbers", "parts"]

# [1], and [1, 2] as some models write it.
CITED = re.compile(r"\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")
NUMBER = re.compile(r"(\[\d+\]|\d+)")


class Part(NamedTuple):
    """Some of an answer: text, and the number that it cites, if it is a citation."""

    text: str
    number: int | None = None


def parts(answer: str, known: Collection[int]) -> Iterator[Part]:
    """An answer in parts: together they are its text. Only numbers that are `known` are citations;
    everything else is text, whatever it looks like."""
    place = 0
    for found in CITED.finditer(answer):
        yield Part(answer[place : found.start()])
        yield from _numbers(found[0], known)
        place = found.end()
    yield Part(answer[place:])


def cited_numbers(answer: str, count: int) -> list[int]:
    """The numbers from 1 to `count` that an answer cites, in order, each once."""
    known = range(1, count + 1)
    numbers = {part.number for part in parts(answer, known)}
    return [number for number in known if number in numbers]


def _numbers(cited: str, known: Collection[int]) -> Iterator[Part]:
    for piece in NUMBER.split(cited):
        digits = piece.strip("[]")
        number = int(digits) if digits.isdigit() and int(digits) in known else None
        yield Part(piece, number)
