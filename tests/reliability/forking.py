"""Run as a process: starts management commands by forking, so that each takes no second to start.

Every line of standard input is a JSON object, answered by one on standard output:
{"arguments": [...], "hybrid_store": {...}, "output": path, "die_after": n} starts `manage.py` with
these arguments and that setting, its output going to a file: {"pid": ...}. It kills itself after
its n-th statement, before any COMMIT, unless n is null. {"poll": pid} asks for its exit status:
{"status": ...}, null while it runs.

A child is a process like any other: it ends as Python ends, with the status that a shell would see.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

__all__: list[str] = []

IMPORTED = (
    "openai",
    "django.db.backends.postgresql.psycopg_any",
    "hybrid_store.management.commands.generate_embeddings",
)


def prepare() -> None:
    """Import what takes long; no connection is opened, so nothing is shared with the children."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.reliability.settings"
    from importlib import import_module

    import django

    django.setup()
    for name in IMPORTED:
        import_module(name)
    import_module("openai").OpenAI(api_key="none").close()


def run(
    arguments: list[str], hybrid_store: dict[str, Any], output: str, die_after: int | None
) -> None:
    """What a child does; ends as `manage.py` does."""
    with open(output, "wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from django.conf import settings
    from django.core.management import execute_from_command_line
    from django.db import connection

    settings.HYBRID_STORE = hybrid_store
    if die_after is not None:
        connection.execute_wrappers.append(dying_after(die_after))
    execute_from_command_line(["manage.py", *arguments])


def dying_after(statements: int) -> Callable[..., Any]:
    numbers = count(1)

    def execute(execute: Callable[..., Any], *args: Any) -> Any:
        result = execute(*args)
        if next(numbers) == statements:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return execute


def status_of(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def main() -> None:
    prepare()
    # Unbuffered, so that a child inherits nothing that was read ahead.
    with open(0, "rb", buffering=0) as requests:
        for line in iter(requests.readline, b""):
            request = json.loads(line)
            if "poll" in request:
                answer = {"status": status_of(request["poll"])}
            elif pid := os.fork():
                answer = {"pid": pid}
            else:
                requests.close()
                run(**request)
                return
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
