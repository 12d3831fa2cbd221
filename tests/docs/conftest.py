"""Projects and databases for the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from tests.docs.pages import DOCS
from tests.docs.service import running_service
from tests.docs.site import Site

MakeDatabase = Callable[..., str]

SQLITE_URL = "sqlite:///db.sqlite3"
MADE_UP_URL = "postgres://ann:secret@localhost:5432/cinema"
SWITCH = "Switch to PostgreSQL"

# Before a test opens its database, Django has not put a test database in the place of this name.
SERVER = dict(settings.DATABASES["default"])
IS_POSTGRESQL = SERVER["ENGINE"].endswith("postgresql")


@pytest.fixture(scope="session")
def make_database(django_db_blocker: Any) -> Iterator[MakeDatabase]:
    """Create a database on the server of the run, a copy of another if told so; gives its URL."""
    made: list[str] = []

    def run(statement: str) -> None:
        with django_db_blocker.unblock(), connection._nodb_cursor() as cursor:
            cursor.execute(statement)

    def make(like: str = "template1") -> str:
        made.append(f"hybrid_store_docs_{len(made)}")
        run(f"CREATE DATABASE {made[-1]} TEMPLATE {like.rpartition('/')[2]}")
        return url(made[-1])

    yield make
    for name in made:
        run(f"DROP DATABASE {name} WITH (FORCE)")


def url(name: str) -> str:
    """The URL of a database, as django-environ reads it: a socket's folder is part of the path."""
    user = ":".join(
        quote(SERVER[part], safe="") for part in ("USER", "PASSWORD") if SERVER.get(part)
    )
    host, port = SERVER["HOST"], f":{SERVER['PORT']}" if SERVER["PORT"] else ""
    if host.startswith("/"):
        return f"postgres://{user}@{port}/{host}/{name}"
    return f"postgres://{user}@{host}{port}/{name}"


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    with running_service() as address:
        yield address


@pytest.fixture(scope="session")
def cinema(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Site:
    """The project that the tutorial has made, on the database of the run, before it switches."""
    replace = {}
    if IS_POSTGRESQL:
        replace[SQLITE_URL] = request.getfixturevalue("make_database")()
    site = Site(tmp_path_factory.mktemp("tutorial"), replace)
    site.run(DOCS / "tutorial.md", without=SWITCH)
    return site


@pytest.fixture
def copied(cinema: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    """A copy of it for a page that goes on from there."""
    replace = {}
    if IS_POSTGRESQL:
        made = cinema.replace[SQLITE_URL]
        replace[made] = request.getfixturevalue("make_database")(like=made)
    return cinema.copy(tmp_path / "cinema", replace)
