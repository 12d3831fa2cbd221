"""Running a command as a shell does, sizes, and what the tests of reliability have."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from django.core.management import get_commands, load_command_class
from django.db import connection

from tests import servers
from tests.reliability.conftest import launcher, launcher_of_session, server

__all__ = ["Ended", "Manage", "launcher", "launcher_of_session", "server"]

pytest.register_assert_rewrite("tests.reliability.invariants")


class Ended(NamedTuple):
    """What a shell sees of a command."""

    status: int
    output: str


Manage = Callable[..., Ended]


@pytest.fixture
def manage(capfd: pytest.CaptureFixture[str]) -> Manage:
    """Run a command in this process; an exception that it does not expect fails the test."""

    def manage(name: str, *arguments: str) -> Ended:
        capfd.readouterr()
        command = load_command_class(get_commands()[name], name)
        status = 0
        try:
            command.run_from_argv(["manage.py", name, *arguments])
        except SystemExit as ended:
            status = int(ended.code or 0)
        return Ended(status, "".join(capfd.readouterr()))

    return manage


@pytest.fixture
def full_size(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--long"))


@pytest.fixture
def only_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("the run is on another database")


@pytest.fixture
def only_our_postgresql(only_postgresql: None) -> None:
    if not servers.is_ours(connection.settings_dict["HOST"]):
        pytest.skip("the server is the developer's own")


@pytest.fixture
def only_sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the run is on another database")
