"""Keys of providers in texts: found, and kept out of what is shown."""

from __future__ import annotations

import re

__all__ = ["is_key", "without_keys"]

# OpenAI and Anthropic, Google, Hugging Face, Voyage.
KEY = re.compile(r"\b(?:sk-[\w-]{20,}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,}|pa-[\w-]{40,})", re.ASCII)
# Placeholders repeat few letters, or say what they are.
MADE_UP = re.compile(r"your|xxx|example|test|fake", re.IGNORECASE)
FEWEST_LETTERS = 12
# Of a key: enough to find it, too little to use it.
SHOWN = 3


def is_key(text: str) -> bool:
    is_made_up = len(set(text)) < FEWEST_LETTERS or MADE_UP.search(text)
    return bool(KEY.fullmatch(text)) and not is_made_up


def without_keys(text: str) -> str:
    """With the first characters of each key alone."""
    return KEY.sub(lambda key: f"{key[0][:SHOWN]}...", text)
