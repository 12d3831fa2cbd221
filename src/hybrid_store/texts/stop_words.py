"""Words that tell nothing of what a text is about, such as "the" and "of".

The lists are those of the Snowball project (snowballstem.org, copyright Martin Porter and Richard
Boulton, BSD licence), as PostgreSQL has them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from hybrid_store.texts.words import bare

__all__ = ["stop_words"]


@cache
def stop_words(language: str | None) -> frozenset[str]:
    """Those of a language, with and without diacritics; none where no list is known."""
    words = _lists().get(language or "", "").split()
    return frozenset({*words, *map(bare, words)})


@cache
def _lists() -> dict[str, str]:
    text = files(__package__).joinpath("stop_words.json").read_text(encoding="utf-8")
    lists: dict[str, str] = json.loads(text)
    return lists
