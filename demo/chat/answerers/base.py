"""`BaseAnswerer`: the class to inherit from to answer in another way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from library.models import Passage

__all__ = ["AnswerError", "BaseAnswerer", "Exchange", "Question"]


class AnswerError(Exception):
    """A question could not be answered. The reader is shown the reason: no secrets in it."""


class Exchange(NamedTuple):
    """An earlier question of a chat, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class Question:
    """What is asked, what was said before, and the passages to answer from, best first.

    The numbers of the passages, by which answers cite them, count from 1. `sought` is the text
    that they were searched by. There is at least one.
    """

    text: str
    sought: str
    passages: Sequence[Passage]
    before: Sequence[Exchange] = ()


class BaseAnswerer(ABC):
    """Answers questions from passages, citing them as [1]."""

    model: str = ""
    """The language model that answers; empty where there is none."""

    @abstractmethod
    def answer(self, question: Question) -> Generator[str]:
        """The pieces of the answer, as they come. No pieces: the passages do not tell.

        Raises `AnswerError`. A generator that is closed lets go of all that it holds.
        """
