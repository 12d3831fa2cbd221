"""What an embedder answered: one good vector a text, or an error that says what was wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hybrid_store.exceptions import EmbedderAnswerError
from hybrid_store.vectors import FloatArray

__all__ = ["Answer", "Embedded", "checked_answer"]


class Answer(NamedTuple):
    """What `embed_batch` may return where it knows more than the vectors."""

    vectors: Any
    """As `embed_batch` says."""
    tokens: int | None = None
    """Tokens of all texts together, as the provider counted them; None: it did not tell."""
    truncated: Sequence[int] | None = None
    """Positions of the texts of which only the beginning was read; None: it did not tell."""


class Embedded(NamedTuple):
    """The vectors of texts, and what they took."""

    vectors: FloatArray
    """Float32 of shape (number of texts, dimensions), all finite, none of them zero."""
    tokens: int
    """As the provider counted them, else estimated."""
    truncated: tuple[int, ...] = ()
    """Positions of the texts of which the model has read only the beginning."""


def checked_answer(answer: Any, count: int, dimensions: int, who: str) -> FloatArray:
    """`answer` as float32 of shape (count, dimensions).

    Providers send too few or too many vectors, vectors of another length, NaN and zeros, and their
    clients let it pass. Raises `EmbedderAnswerError`, in which `who` is the subject, for all of
    that and for anything that is not numeric.
    """
    fault = _count_fault(answer, count)
    if fault:
        raise EmbedderAnswerError(f"{who} answered with {fault}.")
    array = _numeric(answer)
    if array is None or array.shape != (count, dimensions):
        raise EmbedderAnswerError(f"{who} answered with {_shape_fault(answer, dimensions)}.")
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    for fault, bad in (
        ("NaN or infinity", ~np.isfinite(single).all(axis=1)),
        ("nothing but zeros", ~single.any(axis=1)),
    ):
        if bad.any():
            raise EmbedderAnswerError(f"{who} answered with {fault} in vector {bad.argmax()}.")
    return single


def _count_fault(answer: Any, count: int) -> str | None:
    try:
        got = len(answer)
    except TypeError:
        return f"a {type(answer).__name__} instead of a list of vectors"
    return None if got == count else f"{got} vectors for {count} texts"


def _numeric(value: Any) -> NDArray[Any] | None:
    """`value` as an array of numbers; None where it is none."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return None
    return array if array.dtype.kind in "fiu" else None


def _shape_fault(answer: Any, dimensions: int) -> str:
    for position, row in enumerate(answer):
        array = _numeric(row)
        if array is None or array.ndim != 1:
            return f"something that is no vector of numbers at position {position}"
        if len(array) != dimensions:
            return f"{len(array)} instead of {dimensions} dimensions in vector {position}"
    return "something that is no list of vectors"
