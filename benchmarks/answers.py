"""Searches that a process of another environment makes, which is asked line by line."""

from __future__ import annotations

import atexit
import json
import subprocess
from collections.abc import Callable
from typing import Any, TypeAlias

from benchmarks.bench import Bench
from benchmarks.peers import command
from benchmarks.questions import Question
from benchmarks.search_way import SearchWay
from hybrid_store.vectors import FloatArray

__all__ = ["AnsweredWay", "Answerer"]

Answer: TypeAlias = dict[str, Any]


class Answerer:
    """A module that answers a line of JSON by a line of JSON. `about` is its first line.

    It lives until it is closed, or this process ends.
    """

    def __init__(self, bench: Bench, module: str, *arguments: str) -> None:
        started = command(bench, module, *arguments)
        self.name = " ".join([module, *arguments])
        self.process: subprocess.Popen[str] = subprocess.Popen(**started, stdin=subprocess.PIPE)
        atexit.register(self.close)
        self.about = self._read()

    def close(self) -> None:
        self.process.communicate()
        atexit.unregister(self.close)

    def ask(self, vector: FloatArray, **question: Any) -> Answer:
        """The keys found as the `result`, and the `seconds` it took."""
        return self.call(vector=vector.tolist(), **question)

    def call(self, **arguments: Any) -> Answer:
        """The `result` of what the module does with its input, and the `seconds` it took."""
        assert self.process.stdin
        print(json.dumps(arguments), file=self.process.stdin, flush=True)
        return self._read()

    def _read(self) -> Answer:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"The process of {self.name} has ended; it said why on stderr.")
        answer: Answer = json.loads(line)
        return answer


class AnsweredWay(SearchWay):
    """A way that takes as long as the other process says."""

    def __init__(self, label: str, question: Question, ask: Callable[[FloatArray], Answer]) -> None:
        super().__init__(label, question, self._asked)
        self.ask = ask

    def _asked(self, vector: FloatArray) -> list[int]:
        answer = self.ask(vector)
        self.last = float(answer["seconds"])
        found: list[int] = answer["result"]
        return found

    def took(self, result: list[int], seconds: float) -> float:
        return self.last
