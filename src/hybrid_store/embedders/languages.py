"""For which languages well-known embedding models are made."""

from __future__ import annotations

import re

__all__ = ["ENGLISH", "languages_of"]

ENGLISH = frozenset({"english"})

# By the models' own cards. What is not here is not known, or is for many languages.
ENGLISH_MODELS = re.compile(
    r"(^|/)("
    r"all-minilm(-l\d+)?(-v\d)?|all-mpnet-base-v\d|multi-qa-(?!.*multilingual).*|"
    r"bge-(small|base|large)-en(-v[\d.]+)?|e5-(small|base|large)(-v2)?|gte-(small|base|large)|"
    r"nomic-embed-text(-v1(\.5)?)?|mxbai-embed-large(-v1)?|snowflake-arctic-embed(-[xsml]+)?"
    r")(:[\w.-]+)?$",
    re.IGNORECASE,
)


def languages_of(model: str) -> frozenset[str] | None:
    """The languages that a model is made for, by its name; None where that is not known."""
    return ENGLISH if ENGLISH_MODELS.search(model) else None
