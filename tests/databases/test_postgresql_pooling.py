"""Pools of connections: Django's own, and pgbouncer in transaction mode where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection, connections, transaction

from hybrid_store.models import bulk_ingest
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Book, Point
from tests import servers
from tests.databases.drivers import needs_psycopg3
from tests.databases.other_ways import another_way

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

ROWS = 400
NEAR = [0.3, 0.5, 0.8]
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 1
"""


@pytest.fixture(autouse=True)
def _points(settings: Any) -> None:
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {}}
    vectors = np.random.default_rng(4).normal(size=(ROWS, 3))
    Point.objects.bulk_create(Point(group=n % 4, vector=v) for n, v in enumerate(vectors))


@pytest.fixture(scope="module")
def pgbouncer() -> Iterator[dict[str, Any]]:
    """Where it listens. All clients share one session of the server."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed")
    server = connection.settings_dict
    folder = servers.temporary_folder()
    folder.chmod(0o777)
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        CONFIGURATION.format(
            host=server["HOST"], port=server["PORT"], user=server["USER"], folder=folder
        )
    )
    # It does not run as root, and only the server's user may see the socket.
    user = ["-u", Path(server["HOST"]).owner()] if os.getuid() == 0 else []
    process = subprocess.Popen([PGBOUNCER, "-q", *user, str(configuration)])
    try:
        deadline = time.monotonic() + 10
        while not (folder / ".s.PGSQL.6432").exists():
            assert time.monotonic() < deadline, "pgbouncer does not start"
            time.sleep(0.05)
        yield {"HOST": str(folder), "PORT": "6432", "DISABLE_SERVER_SIDE_CURSORS": True}
    finally:
        process.terminate()
        process.wait(10)


def searched(alias: str) -> list[int]:
    rows: Any = Point.objects.using(alias).filter(group=1)
    return [row.pk for row in rows.nearest(NEAR, field="vector")[:10]]


def effort(alias: str) -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute("SHOW hnsw.ef_search")
        return str(cursor.fetchone()[0])


def test_pgbouncers_other_clients_see_no_settings_of_a_search(pgbouncer: Any) -> None:
    expected = searched("default")
    with another_way("one", **pgbouncer), another_way("two", **pgbouncer):
        assert searched("one") == expected
        assert effort("two") == "40"
        with transaction.atomic(using="one"):
            assert searched("one") == expected
            assert effort("one") == "40"
        assert effort("two") == "40"
        assert [searched(alias) for alias in ("one", "two")] == [expected] * 2


def test_vectors_are_written_and_loaded_through_pgbouncer(pgbouncer: Any) -> None:
    with another_way("pooled", **pgbouncer):
        books = Book.objects.using("pooled")
        books.bulk_create(Book(title=f"title {n}") for n in range(50))
        report = Generation(embedding_field(Book), using="pooled", batch_size=7).run()
        assert report.embedded == 50
        assert not books.stale().exists()
        vectors = np.eye(3)
        assert bulk_ingest(Point.objects.using("pooled"), {"vector": vectors}) == 3
        stored = Point.objects.using("pooled").order_by("-pk")[:3]
        assert [row.vector for row in stored] == vectors[::-1].tolist()


@needs_psycopg3
def test_django_can_pool_the_connections_itself() -> None:
    expected = searched("default")
    options = {"pool": {"min_size": 1, "max_size": 2}}

    def search(number: int) -> tuple[list[int], str]:
        with another_way("pooled", options, CONN_MAX_AGE=0):
            if number % 2:
                return searched("pooled"), effort("pooled")
            with transaction.atomic(using="pooled"):
                return searched("pooled"), effort("pooled")

    try:
        with ThreadPoolExecutor(4) as threads:
            for found, setting in threads.map(search, range(40)):
                assert found == expected
                assert setting == "40"
    finally:
        with another_way("pooled", options) as other:
            other.close_pool()
