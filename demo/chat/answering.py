"""Answering a turn: once, as far as it comes, without a transaction meanwhile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from django.db import connections, transaction
from django.db.models import Q
from django.utils import timezone

from chat.answerers import AnswerError, BaseAnswerer, Exchange, Question, configured
from chat.citing import cited_numbers
from chat.models import Citation, Turn
from chat.retrieving import Found, retrieve
from hybrid_store.models.chunks import storable
from library.models import Passage, Person

__all__ = ["TakenError", "answer"]

State = Turn.State

OPEN = (State.ASKED, State.CUT_OFF, State.FAILED)
"""The states in which a turn may be answered."""
LEASE = timedelta(minutes=5)
"""A turn that has been answered for longer is no longer: its process died."""
SECONDS = 180.0
"""How long an answer may take."""
CHARACTERS = 20_000
"""How long it may be."""
EXCHANGES = 3
"""How many of the questions and answers before it count."""
FAULT = "Something went wrong here. It is in the log."


class TakenError(Exception):
    """The turn has been answered, or is just being."""


def answer(turn: Turn, user: Person) -> Generator[str]:
    """Answer a turn; gives the pieces of the answer as they come, and keeps them at the end.

    A generator that is closed before keeps what has come so far. A failure is kept in the turn, as
    its state and in words. Raises `TakenError` at the first piece.
    """
    answerer = configured()
    work = Work(turn, answerer, claimed(turn))
    try:
        work.find(user)
        let_go()
        yield from work.pieces()
        work.state = State.ANSWERED
    except AnswerError as error:
        work.trouble = str(error)
    except GeneratorExit:
        work.state = State.CUT_OFF
        raise
    finally:
        work.keep()


def let_go() -> None:
    """Give up connections as at the end of a request: none is needed while a model talks. Those
    that are in a transaction stay, such as those of tests."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def claimed(turn: Turn) -> datetime:
    """When it was claimed: only one of those who try at once can claim a turn."""
    now = timezone.now()
    free = Q(state__in=OPEN) | Q(state=State.ANSWERING, begun__lt=now - LEASE)
    if not Turn.objects.filter(free, pk=turn.pk).update(state=State.ANSWERING, begun=now):
        raise TakenError
    return now


@dataclass
class Work:
    """An answer in the making."""

    turn: Turn
    answerer: BaseAnswerer
    begun: datetime
    state: str = State.FAILED
    trouble: str = FAULT
    found: Found = field(default_factory=lambda: Found([], ""))
    before: list[Turn] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def find(self, user: Person) -> None:
        before = Turn.objects.filter(chat=self.turn.chat_id, pk__lt=self.turn.pk)
        self.before = list(before.order_by("-pk")[:EXCHANGES])[::-1]
        last = self.before[-1].question if self.before else ""
        self.found = retrieve(user, self.turn.question, last)

    def pieces(self) -> Iterator[str]:
        """Those of the answer, fit to be stored; none where nothing was found."""
        if not self.found.passages:
            return
        end, room = monotonic() + SECONDS, CHARACTERS
        # Closed with this one: nobody talks on to a reader who has gone.
        with closing(self.answerer.answer(self.question)) as pieces:
            for piece in map(storable, pieces):
                self.said.append(piece[:room])
                yield piece[:room]
                room -= len(piece)
                if room <= 0:
                    return
                if monotonic() > end:
                    raise AnswerError("The answer took too long.")

    @property
    def question(self) -> Question:
        said = [Exchange(turn.question, turn.answer) for turn in self.before if turn.answer]
        return Question(self.turn.question, self.found.sought, self.found.passages, said)

    @transaction.atomic
    def keep(self) -> None:
        """Store the answer and what it cites, unless somebody else has taken over since."""
        said = "".join(self.said)
        mine = Turn.objects.filter(pk=self.turn.pk, state=State.ANSWERING, begun=self.begun)
        kept = mine.update(
            state=self.state,
            answer=said,
            model=self.answerer.model,
            note=self.found.no_meaning[:500],
            trouble=self.trouble[:500] if self.state == State.FAILED else "",
        )
        if kept:
            self._cite(said)

    def _cite(self, said: str) -> None:
        passages = self.found.passages
        cited = {number: passages[number - 1].pk for number in cited_numbers(said, len(passages))}
        # Locked, for one that is deleted at this moment could not be referred to.
        known = Passage.objects.select_for_update().filter(pk__in=cited.values())
        there = set(known.values_list("pk", flat=True))
        Citation.objects.filter(turn=self.turn).delete()
        Citation.objects.bulk_create(
            Citation(turn=self.turn, number=number, passage_id=key if key in there else None)
            for number, key in cited.items()
        )
