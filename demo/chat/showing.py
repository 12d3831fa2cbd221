"""Turns as a page shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from chat.answering import OPEN
from chat.citing import Part, parts
from chat.models import Citation, Turn
from chat.texts import marked, sentences, shortened
from library.models import Passage, Person
from library.places import place

__all__ = ["ShownPart", "ShownTurn", "Source", "shown"]

PARAGRAPH = re.compile(r"\n\s*\n")
EXCERPT = 180


@dataclass(frozen=True)
class Source:
    """What a number in an answer stands for; no passage where it is gone, or not the reader's."""

    number: int
    passage: Passage | None

    @property
    def place(self) -> str:
        """Such as "Page 3"; empty where there are no pages."""
        found = self.passage
        return place(found.parent.pages, found.start, found.end) if found else ""

    @property
    def excerpt(self) -> str:
        text = self.passage.text if self.passage else ""
        return shortened(" ".join(sentences(text)) or text, EXCERPT)


@dataclass(frozen=True)
class ShownPart:
    """Text, or a number that stands for a source that is there."""

    text: str | SafeString
    source: Source | None = None


@dataclass(frozen=True)
class ShownTurn:
    """A turn with its sources."""

    turn: Turn
    sources: Sequence[Source]

    @property
    def paragraphs(self) -> list[list[ShownPart]]:
        """The answer. Of what was put together from passages, the words asked for are marked."""
        found = [text for text in PARAGRAPH.split(self.turn.answer.strip()) if text]
        numbers = {source.number: source for source in self.sources}
        return [[self._part(part, numbers) for part in parts(text, numbers)] for text in found]

    @property
    def is_open(self) -> bool:
        """May it be answered, for the first time or anew?"""
        return self.turn.state in OPEN

    @property
    def is_quoted(self) -> bool:
        """Are these the documents' own words?"""
        return bool(self.turn.answer) and not self.turn.model

    @property
    def is_uncited(self) -> bool:
        answered = self.turn.state == Turn.State.ANSWERED
        return answered and bool(self.turn.answer) and not self.sources

    def _part(self, part: Part, sources: dict[int, Source]) -> ShownPart:
        if part.number is not None:
            source = sources[part.number]
            return ShownPart(part.text, source if source.passage else None)
        # Only the text is stored. Which of its words were asked for is seen again.
        asked = self.turn.question
        return ShownPart(marked(part.text, asked) if self.is_quoted else part.text)


def shown(turns: Sequence[Turn], user: Person) -> list[ShownTurn]:
    """Turns with their sources, as the person who looks may see them now. Takes two queries."""
    citations = list(Citation.objects.filter(turn__in=turns))
    visible: Any = Passage.objects.visible_to(user).select_related("parent")
    passages = visible.defer("embedding", "parent__text").in_bulk(
        {citation.passage_id for citation in citations} - {None}
    )
    sources: dict[int, list[Source]] = {turn.pk: [] for turn in turns}
    for citation in citations:
        source = Source(citation.number, passages.get(citation.passage_id))
        sources[citation.turn_id].append(source)
    return [ShownTurn(turn, sources[turn.pk]) for turn in turns]
