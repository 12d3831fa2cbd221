"""The passages that a question is answered from."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from library.finding import NO_MEANING, NothingEmbeddedError
from library.models import Passage, Person

__all__ = ["Found", "retrieve"]

logger = logging.getLogger(__name__)

MOST = 6
OF_ONE_DOCUMENT = 3
"""Most passages of a document, where others have some too."""
LOOKED_AT = 24
"""How many of the best are chosen from."""
CHARACTERS = 12_000
"""Of all passages together: about 3,000 tokens of English, more in other scripts."""

# Marks of the query language. In a question they are a manner of writing, and demand nothing.
OPERATORS = re.compile(r'"|(?<!\S)-+')


@dataclass(frozen=True)
class Found:
    """Passages, best first, the text they were searched by, and why not by meaning, if so."""

    passages: list[Passage]
    sought: str
    no_meaning: str = ""


def retrieve(user: Person, question: str, before: str = "") -> Found:
    """The passages of a person's documents that may tell the answer, each with its document.

    `before` is the question before this one. A question that follows may only make sense with it,
    as "And when was that?" does, so both are searched for together: a change of subject then brings
    passages about either, of which the answer takes what it needs.
    """
    sought = " ".join(OPERATORS.sub(" ", f"{before} {question}").split())
    passages = Passage.objects.visible_to(user)
    if not sought or not passages.exists():
        return Found([], sought)
    try:
        if not passages.filter(embedding__isnull=False).exists():
            raise NothingEmbeddedError("No passage of your documents has been embedded yet.")
        return Found(best(passages, sought, "hybrid"), sought)
    except NO_MEANING as error:
        logger.warning("A question could not be searched for by meaning: %s", error)
        return Found(best(passages, sought, "text"), sought, str(error))


def best(passages: Any, sought: str, mode: str) -> list[Passage]:
    """The best few of each document, and more of them where there are no others."""
    rows = passages.select_related("parent").defer("embedding", "parent__text")
    ranked = list(rows.search(sought, mode=mode)[:LOOKED_AT])
    chosen, left = divided(ranked)
    if len(chosen) < MOST and len(ranked) == LOOKED_AT:
        # A long document may have all of the best passages: what others have comes behind them.
        others = rows.exclude(parent__in={passage.parent_id for passage in ranked})
        chosen += divided(others.search(sought, mode=mode)[:LOOKED_AT])[0]
    return fitting((chosen + left)[:MOST])


def divided(ranked: Iterable[Passage]) -> tuple[list[Passage], list[Passage]]:
    """The best few passages of each document, and the others."""
    counts: Counter[int] = Counter()
    chosen: list[Passage] = []
    left: list[Passage] = []
    for passage in ranked:
        counts[passage.parent_id] += 1
        (chosen if counts[passage.parent_id] <= OF_ONE_DOCUMENT else left).append(passage)
    return chosen, left


def fitting(passages: list[Passage]) -> list[Passage]:
    """As many of the first as there is room for; one in any case."""
    room = CHARACTERS
    found: list[Passage] = []
    for passage in passages:
        room -= len(passage.text)
        if room < 0 and found:
            break
        found.append(passage)
    return found
