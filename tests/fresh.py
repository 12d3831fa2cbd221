"""Databases of their own, for projects that tests make in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from django.db import connection

__all__ = ["fresh_database"]

NUMBERS = count()


@contextmanager
def fresh_database(folder: Path) -> Iterator[dict[str, Any]]:
    """A new database on the server under test."""
    if connection.vendor == "sqlite":
        yield {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(folder / f"{next(NUMBERS)}.sqlite3"),
        }
        return
    name = f"hybrid_store_project_{os.getpid()}_{next(NUMBERS)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        keys = ("ENGINE", "HOST", "PORT", "USER", "PASSWORD")
        yield {"NAME": name, **{key: connection.settings_dict[key] for key in keys}}
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
