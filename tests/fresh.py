"""Databases of their own, for projects that tests make in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any, TypeAlias

from django.db import connection

__all__ = ["Database", "fresh_database"]

Database: TypeAlias = dict[str, Any]

NUMBERS = count()


@contextmanager
def fresh_database(folder: Path, like: Database | None = None) -> Iterator[Database]:
    """A new database on the server under test, as `DATABASES` has it; empty, or a copy."""
    make = _sqlite if connection.vendor == "sqlite" else _postgresql
    with make(folder, like) as database:
        yield database


@contextmanager
def _sqlite(folder: Path, like: Database | None) -> Iterator[Database]:
    name = str(folder / f"{next(NUMBERS)}.sqlite3")
    if like:
        copyfile(like["NAME"], name)
    yield {"ENGINE": "django.db.backends.sqlite3", "NAME": name}


@contextmanager
def _postgresql(folder: Path, like: Database | None) -> Iterator[Database]:
    name = f"hybrid_store_project_{os.getpid()}_{next(NUMBERS)}"
    template = like["NAME"] if like else "template1"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        keys = ("ENGINE", "HOST", "PORT", "USER", "PASSWORD")
        yield {"NAME": name, **{key: connection.settings_dict[key] for key in keys}}
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
