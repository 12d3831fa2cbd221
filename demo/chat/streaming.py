"""Answers as they come, one JSON object a line.

    {"text": "It was"}       a piece of the answer
    {"text": " built in"}
    {"trouble": "..."}       what to tell where there is none
    {"end": true}            the turn is stored: it may be shown as the server shows it

A connection that breaks gives no end.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Generator
from contextlib import closing
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from chat.answering import TakenError, answer
from chat.models import Turn
from library.models import Person

__all__ = ["TAKEN", "TYPE", "streamed"]

TYPE = "application/x-ndjson"
TAKEN = "This question is being answered already, or has been."
# No cache may keep an answer, and no proxy may hold it back until it is whole.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def streamed(request: HttpRequest, turn: Turn, user: Person) -> StreamingHttpResponse:
    """A response that answers the turn while it is read.

    Servers of either kind read an iterator of their own kind piece by piece, the other one as a
    whole, with a warning.
    """
    found = lines(turn, user)
    content = one_by_one(found) if isinstance(request, ASGIRequest) else found
    return StreamingHttpResponse(content, content_type=TYPE, headers=HEADERS)


def lines(turn: Turn, user: Person) -> Generator[bytes]:
    try:
        # Closed with this one at once, wherever it is: then what has come is kept.
        with closing(answer(turn, user)) as pieces:
            for piece in pieces:
                yield line(text=piece)
    except TakenError:
        yield line(trouble=TAKEN)
    yield line(end=True)


def line(**event: Any) -> bytes:
    return json.dumps(event).encode() + b"\n"


async def one_by_one(found: Generator[bytes]) -> AsyncIterator[bytes]:
    """Each in the thread that Django keeps for what a request does with the database."""
    following = sync_to_async(cast("Any", next))
    try:
        while (each := await following(found, None)) is not None:
            yield each
    finally:
        await sync_to_async(found.close)()
