"""`BaseReranker`: the class to inherit from to add a reranker; any function will do as well."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.exceptions import HybridStoreError, RerankerError

__all__ = ["BaseReranker", "as_reranker"]


class BaseReranker(ABC):
    """Scores texts by how well each of them answers a query.

    A subclass implements `score`; searches call `scores`. One instance may be used by several
    threads at once. Making it loads no model and calls nothing.
    """

    @abstractmethod
    def score(self, query: str, texts: list[str]) -> Sequence[float]:
        """One number a text, in the order of the texts; the greater, the better it answers.

        There is at least one text, and any of them may be blank. Anything that NumPy reads as an
        array of numbers will do, and it need not be checked. Whatever is raised becomes a
        `RerankerError`, which names the kind of the error only, as its words may hold a key or a
        text; they are in its `__cause__`, so in tracebacks.
        """

    def scores(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """What `score` gives: float64 of shape (len(texts),), all finite; no text, no call.

        Raises `RerankerError` where it fails or answers otherwise.
        """
        if not texts:
            return np.empty(0)
        try:
            answer = self.score(query, list(texts))
        except HybridStoreError:
            raise
        except Exception as error:
            kind = type(error).__name__
            raise RerankerError(f"{self} failed to score {len(texts)} texts: {kind}.") from error
        return _checked(answer, len(texts), str(self))

    def __str__(self) -> str:
        return f"The reranker {type(self).__name__}"


class FunctionReranker(BaseReranker):
    """A function, or anything else that can be called, as a reranker."""

    def __init__(self, function: Callable[[str, list[str]], Sequence[float]]) -> None:
        self.function = function

    def score(self, query: str, texts: list[str]) -> Sequence[float]:
        return self.function(query, texts)

    def __str__(self) -> str:
        return f"The reranker {getattr(self.function, '__qualname__', self.function)}"


def as_reranker(value: Any) -> BaseReranker:
    """`value` as a reranker: one already, or a function of a query and a list of texts.

    Raises `RerankerError` for anything else.
    """
    if isinstance(value, BaseReranker):
        return value
    if isinstance(value, type) or not callable(value):
        raise RerankerError(
            f"{value!r} is no reranker: give an instance of a BaseReranker, or a function that "
            "takes a query and a list of texts and returns one number a text."
        )
    return FunctionReranker(value)


def _checked(answer: Any, count: int, who: str) -> NDArray[np.float64]:
    """`answer` as float64 of shape (count,); raises `RerankerError`, in which `who` is the
    subject."""
    try:
        array = np.asarray(answer)
    except (TypeError, ValueError):
        array = np.array(None)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        got = f"a {type(answer).__name__} of the shape {array.shape} and the type {array.dtype}"
        raise RerankerError(f"{who} answered with {got}: one number a text is wanted.")
    if len(array) != count:
        raise RerankerError(f"{who} answered with {len(array)} scores for {count} texts.")
    scores: NDArray[np.float64] = array.astype(np.float64)
    if not np.isfinite(scores).all():
        place = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise RerankerError(f"{who} answered with {scores[place]} for text {place}.")
    return scores
