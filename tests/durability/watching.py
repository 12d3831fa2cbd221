"""Watching a run: what it pays for, and what it asks the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection

from hybrid_store.embedders import BaseEmbedder, Kind, embedders

__all__ = ["before_statement", "paid_texts", "statements"]


@contextmanager
def paid_texts() -> Iterator[list[str]]:
    """The documents for which a configured embedder has given vectors meanwhile, in order."""
    embed, texts = BaseEmbedder.embed_counted, list[str]()

    def watched(self: BaseEmbedder, asked: Any, kind: Kind = Kind.DOCUMENT, **options: Any) -> Any:
        answer = embed(self, asked, kind, **options)
        if kind == Kind.DOCUMENT and self.alias in embedders:
            texts.extend(asked)
        return answer

    with mock.patch.object(BaseEmbedder, "embed_counted", watched):
        yield texts


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that are sent to the default database meanwhile."""
    sent: list[str] = []
    with before_statement(lambda number, sql: sent.append(sql)):
        yield sent


@contextmanager
def before_statement(action: Callable[[int, str], object]) -> Iterator[None]:
    """Call `action` before each statement, with its number from 0 on and its SQL."""
    number = 0

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal number
        number += 1
        action(number - 1, sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield
