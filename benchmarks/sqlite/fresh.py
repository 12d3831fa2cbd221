"""New processes: the first search and further ones, their time and memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
from django.core.management import call_command

from benchmarks.memory import STATUS
from benchmarks.models import Document
from benchmarks.questions import Question, everything
from benchmarks.report import Table, number
from benchmarks.sqlite.fresh_process import READ
from benchmarks.sqlite.trial import Trial
from benchmarks.sqlite.ways import OURS, TUTORIALS
from benchmarks.timing import Way, side_by_side
from tests import servers

__all__ = ["tables"]

MOST_ROUNDS = 3
SEARCHES = 5
MIB = 1 << 20

Report: TypeAlias = list[dict[str, Any]]
"""What `benchmarks.sqlite.fresh_process` prints."""


class FreshWay(Way[Report]):
    """A new process in every round; the time is that of its first search."""

    def __init__(
        self,
        label: str,
        arguments: list[str],
        question: Question | None,
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(label, self._searched, self._judged, prepare)
        self.arguments = arguments
        self.question = question
        self.reports: list[Report] = []

    def _searched(self, number: int) -> Report:
        command = [sys.executable, "-m", "benchmarks.sqlite.fresh_process", *self.arguments]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        report: Report = json.loads(done.stdout)
        return report

    def _judged(self, number: int, report: Report) -> float:
        self.reports.append(report)
        if self.question is None:
            return 1.0
        found = enumerate(search["keys"] for search in report)
        return min(self.question.recall(vector, keys) for vector, keys in found)

    def took(self, result: Report, seconds: float) -> float:
        return float(result[0]["seconds"])

    def first(self, name: str) -> float:
        """A figure of the first search."""
        return statistics.median(float(report[0][name]) for report in self.reports)

    def further(self, name: str) -> float:
        """A figure of the searches after the first."""
        searches = [search for report in self.reports for search in report[1:]]
        return statistics.median(float(search[name]) for search in searches)


def tables(bench: Trial) -> Iterator[Table]:
    if not STATUS.exists():
        return
    bench.fill(Document)
    bench.build_vector_index(Document)
    with TemporaryDirectory() as folder:
        ways = _ways(bench, Path(folder))
        side_by_side(ways, min(bench.rounds, MOST_ROUNDS), warm_up=False)
    of = f"in a new process over {bench.rows:,} rows, {bench.database}"
    yield _times(f"Searches {of}", ways)
    yield _memory(bench, f"Memory that searches add {of}", ways)


def _ways(bench: Trial, folder: Path) -> list[FreshWay]:
    url = servers.database_url(bench.connection.settings_dict)
    question = everything(bench.corpus)
    many, two = folder / "many.npy", folder / "two.npy"
    np.save(many, question.vectors[:SEARCHES])
    np.save(two, question.vectors[:2])
    codes = folder / "codes"
    codes.write_bytes(bytes(_bytes_of_codes(bench)))
    nearest = [url, "nearest", str(many)]
    return [
        FreshWay(f"{OURS}, codes stored", nearest, question, lambda: _store_codes(bench)),
        FreshWay(
            f"{OURS}, no codes stored",
            nearest,
            question,
            lambda: bench.build_vector_index(Document),
        ),
        FreshWay(TUTORIALS, [url, "dot_a_row", str(two)], question),
        FreshWay("(a file as large as the codes, read)", [str(codes), READ, str(many)], None),
    ]


def _store_codes(bench: Trial) -> None:
    label = Document._meta.label
    call_command("optimize_vectors", label, database=bench.alias, stdout=StringIO())


def _bytes_of_codes(bench: Trial) -> int:
    """A byte a number, a scale and an error."""
    return bench.rows * (bench.corpus.dimensions + 8)


def _times(title: str, ways: list[FreshWay]) -> Table:
    rows = [
        [way.label, number(way.first("seconds") * 1000), number(way.further("seconds") * 1000)]
        for way in ways
    ]
    return Table(title, ["", "first, ms", "further, ms"], rows)


def _memory(bench: Trial, title: str, ways: list[FreshWay]) -> Table:
    rows = [
        [
            way.label,
            number(way.first("peak")),
            number(way.first("kept")),
            number(max(way.further("peak") - way.first("kept"), 0.0)),
        ]
        for way in ways
        if way.question
    ]
    sizes = {
        "(N (d + 8) bytes)": _bytes_of_codes(bench),
        "(N d 4 bytes)": bench.corpus.vectors.nbytes,
    }
    rows += [[label, "", number(size / MIB), ""] for label, size in sizes.items()]
    columns = ["", "first at its peak, MiB", "kept, MiB", "further at their peak, MiB more"]
    return Table(title, columns, rows)
