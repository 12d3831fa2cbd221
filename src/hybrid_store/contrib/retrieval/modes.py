"""By what documents are searched, and what scores mean then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hybrid_store.exceptions import SearchError
from hybrid_store.ranking.fusion import RRF_K

__all__ = ["Mode", "mode_of"]


@dataclass(frozen=True)
class Mode:
    """Which ranking is asked for; how relevant, from 0 to 1, a score is in it."""

    by_vector: bool
    by_words: bool
    relevance: Callable[[float], float]


def _clamped(score: float) -> float:
    return min(max(score, 0.0), 1.0)


MODES: Mapping[str, Mode] = {
    "vector": Mode(True, False, _clamped),
    # BM25 is above 0, without a limit.
    "text": Mode(False, True, lambda score: score / (1 + score)),
    # What is first by vector and by words has 2 / (k + 1).
    "hybrid": Mode(True, True, lambda score: _clamped(score * (RRF_K + 1) / 2)),
}


def mode_of(name: str) -> Mode:
    """Raises `SearchError` for one that is not known."""
    if name not in MODES:
        known = ", ".join(map(repr, MODES))
        raise SearchError(f"There is no mode {name!r:.60}, use one of {known}.")
    return MODES[name]
