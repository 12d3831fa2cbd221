"""Why a row was found: by which words, how near it is in meaning, and how both make its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

from hybrid_store.ranking.fusion import RRF_K

__all__ = ["Reason"]

MARKED = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)
MOST_WORDS = 6


@dataclass(frozen=True)
class Reason:
    """What `search()` has told of a row: `words` are those of its highlights, as they stand there.

    What is None was not asked for, or does not hold for the row.
    """

    words: tuple[str, ...] = ()
    similarity: float | None = None
    text_rank: int | None = None
    vector_rank: int | None = None
    score: float | None = None

    @classmethod
    def of(cls, row: Any) -> Reason:
        """The reason of a row of `search`, which may be annotated and highlighted."""
        names = ("similarity", "text_rank", "vector_rank", "score")
        known = {name: getattr(row, name, None) for name in names}
        return cls(marked_words(getattr(row, "highlights", None) or {}), **known)

    @property
    def is_known(self) -> bool:
        return self.text_rank is not None or self.vector_rank is not None

    @property
    def by_words(self) -> str:
        if self.text_rank is None:
            return "none of them is in it"
        named = ", ".join(self.words)
        return f"no. {self.text_rank}{named and f', for {named}'}"

    @property
    def by_meaning(self) -> str:
        near = "" if self.similarity is None else f", with a similarity of {self.similarity:.2f}"
        return f"no. {self.vector_rank}{near}" if self.vector_rank else f"not among the best{near}"

    @property
    def by_both(self) -> str:
        """How reciprocal rank fusion makes the score, which ranks those that both ways find."""
        ranks = [rank for rank in (self.text_rank, self.vector_rank) if rank]
        return f"{' + '.join(f'1/({RRF_K} + {rank})' for rank in ranks)} = {self.score:.4f}"


def marked_words(highlights: Mapping[str, str]) -> tuple[str, ...]:
    """The first few different words that highlights mark."""
    found = (word for text in highlights.values() for word in MARKED.findall(text))
    return tuple(dict.fromkeys(unescape(word).lower() for word in found))[:MOST_WORDS]
