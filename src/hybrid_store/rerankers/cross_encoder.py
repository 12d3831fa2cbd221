"""`CrossEncoderReranker`: any cross-encoder of sentence-transformers, with torch."""

from __future__ import annotations

import os
from threading import Lock
from typing import Any

from hybrid_store.embedders.base import is_installed
from hybrid_store.embedders.shared import Shared
from hybrid_store.exceptions import MissingExtraError, RerankerError
from hybrid_store.rerankers.base import BaseReranker

__all__ = ["CrossEncoderReranker"]

LIBRARY = "sentence_transformers"
EXTRA = "sentence-transformers"
BATCH_SIZE = 32


class LockedCrossEncoder:
    """A model that one thread at a time uses: its tokenizer raises "Already borrowed" otherwise."""

    def __init__(self, model: str, max_length: int | None, device: str | None) -> None:
        from sentence_transformers import CrossEncoder

        self._model = CrossEncoder(model, max_length=max_length, device=device)
        self._lock = Lock()

    def predict(self, pairs: list[tuple[str, str]], batch_size: int) -> Any:
        with self._lock:
            return self._model.predict(pairs, batch_size=batch_size, show_progress_bar=False)


models: Shared[LockedCrossEncoder] = Shared()
"""Loaded models by where they are from, the length that they read, and their device."""


class CrossEncoderReranker(BaseReranker):
    """A cross-encoder of the sentence-transformers library, on a CPU or GPU.

    `model` is a local folder, or a name that the library knows, which it may download at first
    use. It reads the query and a text as one, so its scores are better than distances between
    vectors, and cost a pass of the model for each text. `batch_size` texts are read at once;
    `max_length` is how many tokens of query and text together are read (default: the model's);
    `device` is such as "cpu" or "cuda" (default: the library's choice).

    The model is loaded when it is first used, once in a process. Raises `RerankerError` for
    arguments of no use, and `MissingExtraError`, when scoring, without the library.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        batch_size: int = BATCH_SIZE,
        max_length: int | None = None,
        device: str | None = None,
    ) -> None:
        self.model = os.fspath(model)
        self.batch_size = _checked_size("batch_size", batch_size)
        self.max_length = None if max_length is None else _checked_size("max_length", max_length)
        self.device = device

    def score(self, query: str, texts: list[str]) -> Any:
        pairs = [(query, text) for text in texts]
        return self._model().predict(pairs, self.batch_size)

    def _model(self) -> LockedCrossEncoder:
        return models.get((self.model, self.max_length, self.device), self._load)

    def _load(self) -> LockedCrossEncoder:
        if not is_installed(LIBRARY):
            raise MissingExtraError(type(self).__name__, EXTRA)
        return LockedCrossEncoder(self.model, self.max_length, self.device)

    def __str__(self) -> str:
        return f"{super().__str__()} ({self.model})"


def _checked_size(name: str, value: Any) -> int:
    # To Python, True is an integer.
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise RerankerError(f"{name} is {value!r}: give a whole number of at least 1.")
    return value
