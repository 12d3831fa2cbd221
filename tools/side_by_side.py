"""Run the tests on several databases at once, as `make test` does.

    python -m tools.side_by_side sqlite postgresql18 -- -k search

Lines of output begin with the database; arguments behind -- are pytest's. Tests in `ONCE` know no
database, and are run with the first one only; those in `TWICE`, of frameworks and of what takes
long, with the first and, of three or more, the last; those in `BETWEEN` with the first and the
second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence

from tools.interpreters import ROOT

__all__ = ["main", "pytest_arguments"]

ONCE = (
    "tests/embedders",
    "tests/ranking",
    "tests/rerankers",
    "tests/test_bit_vectors.py",
    "tests/test_layout.py",
    "tests/test_mutations.py",
    "tests/test_sparse_vectors.py",
    "tests/test_splitters.py",
    "tests/test_tools.py",
    "tests/test_vectors.py",
)
BETWEEN = ("tests/docs", "tests/adoption/test_howto.py")
TWICE = (
    *(f"tests/contrib/{name}" for name in ("haystack", "langchain", "llamaindex", "mcp")),
    *(f"tests/contrib/{name}" for name in ("openai_api", "test_injection.py", "test_tenants.py")),
    "tests/admin",
    "tests/browser",
    "tests/demo",
    "tests/durability",
    "tests/model_change",
    "tests/reliability",
)


# Seconds for the last of a run's output.
PATIENCE = 10.0


def pytest_arguments(databases: Sequence[str], given: Sequence[str]) -> dict[str, list[str]]:
    """What pytest is called with on each database."""
    plan = {}
    for place, database in enumerate(databases):
        left_out = _left_out(place, len(databases))
        plan[database] = [*given, *(f"--ignore={path}" for path in left_out)]
    return plan


def _left_out(place: int, count: int) -> list[str]:
    """What is not run with the database at a place, of so many."""
    if place == 0:
        return []
    is_second, is_last = count > 2 and place == 1, count > 2 and place == count - 1
    return [*ONCE, *(() if is_last else TWICE), *(() if is_second else BETWEEN)]


def main(arguments: Sequence[str]) -> int:
    """0 where all tests passed on all databases."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    plan = pytest_arguments(arguments[:end], arguments[end + 1 :])
    runs = {database: _start(database, given) for database, given in plan.items()}
    readers = {name: threading.Thread(target=_show, args=(name, runs[name])) for name in runs}
    for reader in readers.values():
        reader.daemon = True
        reader.start()
    failed = []
    for database, run in runs.items():
        if run.wait() != 0:
            failed.append(database)
        # No longer than that: what a test has left running may hold the output open.
        readers[database].join(PATIENCE)
    for database in runs:
        print(f"{database}: {'FAILED' if database in failed else 'passed'}", flush=True)
    return int(bool(failed))


def _start(database: str, given: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *given],
        cwd=ROOT,
        env={**os.environ, "HYBRID_STORE_DATABASE": database},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _show(database: str, run: subprocess.Popen[str]) -> None:
    for line in run.stdout or ():
        print(f"{database}: {line}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
