"""A provider on this machine, and processes on the database under test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from django.db import connection

from hybrid_store.embedders.remote import clients
from hybrid_store.sync.generation import Generation
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.processes import Launcher, asking
from tests.servers import database_url

pytest.register_assert_rewrite("tests.reliability.invariants")


@pytest.fixture(scope="session")
def launcher_of_session(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Launcher]:
    folder = tmp_path_factory.mktemp("processes")
    with Launcher(database_url(connection.settings_dict), folder) as launcher:
        yield launcher


@pytest.fixture
def launcher(launcher_of_session: Launcher, transactional_db: None) -> Iterator[Launcher]:
    """Starts processes, and ends those that a failing test has left."""
    yield launcher_of_session
    launcher_of_session.end_all()


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server
    # Connections do not outlive the server that they lead to.
    for client in clients.clear():
        client.close()


@pytest.fixture
def asked(settings: Any, monkeypatch: pytest.MonkeyPatch, server: FakeOpenAI) -> FakeOpenAI:
    """The server, which the embedder of this process asks, with little patience."""
    settings.HYBRID_STORE = asking(server)
    monkeypatch.setitem(cast(Any, Generation.__init__).__kwdefaults__, "patience", 5.0)
    return server
