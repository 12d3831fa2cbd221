"""Keys of providers in texts: found, and kept out of what is shown."""

from __future__ import annotations

import re

__all__ = ["beginning", "keys_in", "without_keys"]

# OpenAI and Anthropic, Google, Hugging Face, Voyage.
KEY = re.compile(r"\b(?:sk-[\w-]{20,}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,}|pa-[\w-]{40,})", re.ASCII)
# Placeholders repeat few letters, or say what they are.
MADE_UP = re.compile(r"your|xxx|example|test|fake", re.IGNORECASE)
FEWEST_LETTERS = 12
# Names of styles and pages are words and numbers with hyphens between them.
WORDS = re.compile(r"(?:[a-z]+|\d+)(?:[-_](?:[a-z]+|\d+))*")
# Of a key: enough to find it, too little to use it.
SHOWN = 3


def keys_in(text: str) -> list[str]:
    return [key for key in KEY.findall(text) if not _is_made_up(key)]


def _is_made_up(key: str) -> bool:
    has_few_letters = len(set(key)) < FEWEST_LETTERS
    return has_few_letters or bool(MADE_UP.search(key) or WORDS.fullmatch(key))


def without_keys(text: str) -> str:
    """With the first characters of each key alone."""
    return KEY.sub(lambda key: f"{key[0][:SHOWN]}...", text)


def beginning(text: str, most: int) -> str:
    """So many characters of a text: of a key that is cut off, no more would be told than of one
    that is not."""
    return without_keys(text)[:most]
