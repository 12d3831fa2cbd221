"""Python scripts, each run in a process of its own."""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["Conversation", "Scripts"]

PARENT = Path(__file__).with_name("forking.py")
SECONDS = 60


class Scripts:
    """Starts them in one environment, as children of one process."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._parent = subprocess.Popen(
                [sys.executable, str(PARENT)],
                stdin=theirs.fileno(),
                env=environment,
                # Ctrl-C in a terminal is for the tests.
                start_new_session=True,
            )
        atexit.register(self._close)

    def _close(self) -> None:
        self._requests.close()
        self._parent.wait(SECONDS)

    def run(
        self, arguments: Sequence[str], folder: Path, seconds: float = SECONDS, **variables: str
    ) -> tuple[int, str]:
        """The exit status of `python` with these arguments, and what it has printed.

        `variables` are added to the environment, for what is read when the script runs.
        """
        with tempfile.TemporaryFile() as output, open(os.devnull) as nothing:
            streams = [nothing, output, output]
            with self._start(arguments, folder, streams, variables) as ended:
                in_time, _, _ = select.select([ended], [], [], seconds)
                assert in_time, f"{arguments} took more than {seconds} s."
                status = int(ended.read())
            output.seek(0)
            return status, output.read().decode()

    def converse(self, arguments: list[str], folder: Path) -> Conversation:
        """With `python` with these arguments, which answers every line by one."""
        theirs, asking = os.pipe()
        answers, answering = os.pipe()
        with open(theirs) as stdin, open(answering, "w") as stdout:
            ended = self._start(arguments, folder, [stdin, stdout, sys.__stderr__], {})
        return Conversation(open(asking, "w"), open(answers), ended)

    def _start(
        self,
        arguments: Sequence[str],
        folder: Path,
        streams: list[Any],
        variables: dict[str, str],
    ) -> IO[str]:
        """From what it gives, the exit status can be read."""
        ended, theirs = os.pipe()
        said = {"arguments": arguments, "folder": str(folder), "variables": variables}
        request = json.dumps(said).encode()
        descriptors = [*(stream.fileno() for stream in streams), theirs]
        socket.send_fds(self._requests, [request], descriptors)
        os.close(theirs)
        return open(ended)


@dataclass
class Conversation:
    """Lines to a script that is running, and its answers."""

    asking: IO[str]
    answers: IO[str]
    ended: IO[str]

    def ask(self, line: str) -> str:
        """Empty when it has died."""
        self.asking.write(line + "\n")
        self.asking.flush()
        return self.answers.readline()

    def close(self) -> None:
        """Wait until it has ended, for want of questions."""
        self.asking.close()
        with self.answers, self.ended:
            self.ended.read()
