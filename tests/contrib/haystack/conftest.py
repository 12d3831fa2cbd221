"""Haystack, told not to phone home before it is imported."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"


@pytest.fixture(autouse=True)
async def _connections() -> AsyncIterator[None]:
    """Those of the thread that asynchronous calls run in are not left open."""
    yield
    await sync_to_async(connections.close_all)()
