"""Processes of `manage.py generate_embeddings`, to be started, watched, paused and killed.

process = launcher.generate("hybrid_store_test.Book", "--workers=4", settings=asking(server))
wait_until(lambda: len(server.requests) >= 3)
process.kill()
assert process.wait() == -SIGKILL
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.embedders.fake_openai import FakeOpenAI

__all__ = ["Launcher", "Process", "asking", "wait_until"]

ROOT = Path(__file__).resolve().parents[2]
DIMENSIONS = 384
POLL_SECONDS = 0.005
TIMEOUT = 60.0
"""Seconds after which a test fails that waits for something."""


def asking(server: FakeOpenAI, *, lease_seconds: float = 60, **embedder: Any) -> dict[str, Any]:
    """HYBRID_STORE with one embedder, which asks `server` and makes what `HashingEmbedder` makes.

    `embedder` are further settings of it, such as BATCH_SIZE; its OPTIONS are added.
    """
    options = {"base_url": server.url, "send_dimensions": True, **embedder.pop("OPTIONS", {})}
    chosen = {
        "BACKEND": "hybrid_store.embedders.openai.OpenAIEmbedder",
        "MODEL": "hashing",
        "DIMENSIONS": DIMENSIONS,
        **embedder,
        "OPTIONS": options,
    }
    return {"EMBEDDERS": {"default": chosen}, "LEASE_SECONDS": lease_seconds}


def wait_until(condition: Callable[[], object], timeout: float = TIMEOUT) -> None:
    """Wait until something has happened; raises `TimeoutError` if it does not."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing happened for {timeout} seconds")
        time.sleep(POLL_SECONDS)


class Launcher:
    """Starts commands on one database, each in a process of its own; a context."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "HYBRID_STORE_TEST_DATABASE_URL": database_url,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            # Forked, a process must have no thread.
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.started: list[Process] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.forking"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C in a terminal is for the tests, which end the processes.
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end_all()
        self._parent.communicate(timeout=TIMEOUT)

    def ask(self, **request: Any) -> Any:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        with self._lock:
            self._parent.stdin.write(json.dumps(request) + "\n")
            self._parent.stdin.flush()
            return json.loads(self._parent.stdout.readline())

    def start(
        self, *arguments: str, settings: dict[str, Any], die_after: int | None = None
    ) -> Process:
        """Start `manage.py` with these arguments, and with `settings` as HYBRID_STORE.

        `die_after` so many statements it kills itself, within a transaction if there is one.
        """
        output = self.folder / f"output-{len(self.started)}.txt"
        answer = self.ask(
            arguments=arguments, hybrid_store=settings, output=str(output), die_after=die_after
        )
        self.started.append(Process(self, answer["pid"], output))
        return self.started[-1]

    def generate(self, *arguments: str, **options: Any) -> Process:
        """The same for `generate_embeddings`."""
        return self.start("generate_embeddings", *arguments, **options)

    def end_all(self) -> None:
        """Kill what still runs."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()


class Process:
    """One command."""

    def __init__(self, launcher: Launcher, pid: int, output: Path) -> None:
        self.launcher = launcher
        self.pid = pid
        self._output = output
        self._status: int | None = None
        # The status of a process is told once, and a fake server's thread may ask as well.
        self._lock = threading.Lock()

    @property
    def output(self) -> str:
        """What it has written so far, errors included."""
        return self._output.read_text(encoding="utf-8") if self._output.exists() else ""

    def poll(self) -> int | None:
        """Exit status, or the negative number of the signal that ended it; None while it runs."""
        with self._lock:
            if self._status is None:
                self._status = self.launcher.ask(poll=self.pid)["status"]
            return self._status

    def wait(self, timeout: float = TIMEOUT) -> int:
        """Its exit status, when it has ended."""
        try:
            wait_until(lambda: self.poll() is not None, timeout)
        except TimeoutError as error:
            raise TimeoutError(f"the process runs on; so far it has said: {self.output}") from error
        assert self._status is not None
        return self._status

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended: another process might have its number by then."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.send(signal.SIGINT)

    def terminate(self) -> None:
        self.send(signal.SIGTERM)

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)
