"""Watching what embedders are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from hybrid_store.embedders import BaseEmbedder, Kind

__all__ = [
    "before_each_answer",
    "before_each_query",
    "count_documents_embedded",
    "count_queries_embedded",
]


@contextmanager
def _watched(kind: Kind, watch: Callable[[Sequence[str]], object]) -> Iterator[None]:
    embed = BaseEmbedder.embed_counted

    def watched(
        self: BaseEmbedder, texts: Sequence[str], asked: Kind = Kind.DOCUMENT, **options: Any
    ) -> Any:
        if asked == kind:
            watch(texts)
        return embed(self, texts, asked, **options)

    with mock.patch.object(BaseEmbedder, "embed_counted", watched):
        yield


@contextmanager
def count_queries_embedded() -> Iterator[list[str]]:
    """The texts embedded as queries meanwhile, in order."""
    texts: list[str] = []
    with _watched(Kind.QUERY, texts.extend):
        yield texts


@contextmanager
def count_documents_embedded() -> Iterator[list[str]]:
    """The texts embedded as documents meanwhile, in order."""
    texts: list[str] = []
    with _watched(Kind.DOCUMENT, texts.extend):
        yield texts


@contextmanager
def before_each_query(action: Callable[[Sequence[str]], object]) -> Iterator[None]:
    """Call `action` with the texts of each query that is embedded meanwhile."""
    with _watched(Kind.QUERY, action):
        yield


@contextmanager
def before_each_answer(action: Callable[[Sequence[str]], object]) -> Iterator[None]:
    """Call `action` with the documents of each call, while the row waits for its vector."""
    with _watched(Kind.DOCUMENT, action):
        yield
