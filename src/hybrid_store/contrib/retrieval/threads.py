"""Asynchronous callers: Django's connections belong to threads, and embedders may block."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

__all__ = ["in_any_thread", "in_database_thread", "twin"]

P = ParamSpec("P")
R = TypeVar("R")


async def in_database_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do what asks the database, in the thread that has Django's connections: a transaction that
    the caller has begun elsewhere does not hold there."""
    return await sync_to_async(work, thread_sensitive=True)(*args, **kwargs)


async def in_any_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do what asks no database, so that the thread that is reserved for that stays free."""
    return await sync_to_async(work, thread_sensitive=False)(*args, **kwargs)


def twin(method: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """A method that asks the database, to be awaited."""

    @wraps(method)
    async def awaited(*args: P.args, **kwargs: P.kwargs) -> R:
        return await in_database_thread(method, *args, **kwargs)

    return awaited
