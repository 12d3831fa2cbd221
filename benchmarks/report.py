"""Results as Markdown."""

from __future__ import annotations

import importlib.util
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.db import connections

import hybrid_store
from benchmarks.timing import Way
from hybrid_store.backends import vector_ops

__all__ = ["Table", "costs", "environment", "number", "rates", "times"]

PACKAGES = ("Django", "numpy", "psycopg", "pgvector")
OPTIONAL = ("orjson", "numkong")


@dataclass(frozen=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [f"| {' | '.join(cells)} |" for cells in (self.columns, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *lines, ""])


def times(title: str, ways: Sequence[Way[Any]], accuracy: str = "recall") -> Table:
    """Milliseconds; how many times faster than the first way; the `accuracy` that was judged."""
    rows = [
        [way.label, number(way.median * 1000), _faster(way, ways[0]), f"{way.accuracy:.3f}"]
        for way in ways
    ]
    return Table(title, ["", "ms", "times as fast as the first", accuracy], rows)


def costs(title: str, ways: Sequence[Way[Any]]) -> Table:
    """Milliseconds; how many times as long as the first way; recall."""
    rows = [
        [
            way.label,
            number(way.median * 1000),
            number(way.median / ways[0].median),
            f"{way.accuracy:.3f}",
        ]
        for way in ways
    ]
    return Table(title, ["", "ms", "times as long as the first", "recall"], rows)


def rates(title: str, ways: Sequence[Way[Any]], counts: Sequence[int]) -> Table:
    """Rows a second, where a round of each way did so many, and how many times that of the first
    way it is."""
    speeds = [count / way.median for way, count in zip(ways, counts, strict=True)]
    rows = [
        [way.label, f"{speed:,.0f}", number(speed / speeds[0])]
        for way, speed in zip(ways, speeds, strict=True)
    ]
    return Table(title, ["", "rows/s", "times as fast as the first"], rows)


def _faster(way: Way[Any], first: Way[Any]) -> str:
    return number(first.median / way.median)


def number(value: float) -> str:
    """Three significant digits, none of them after the point from 100 on."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def environment(aliases: Iterable[str]) -> str:
    """What the figures were measured with, as a Markdown list."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    optional = ", ".join(
        f"{'with' if importlib.util.find_spec(name) else 'without'} {name}" for name in OPTIONAL
    )
    lines = [
        f"django-hybrid-store {hybrid_store.__version__}",
        f"{_processor()}, {os.cpu_count()} cores; NumPy uses one thread",
        f"Python {platform.python_version()}, {packages}, {optional}",
        *(_server(alias) for alias in aliases),
    ]
    return "".join(f"- {line}\n" for line in lines)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _server(alias: str) -> str:
    ops = vector_ops(connections[alias])
    extension = ops.extension_report()
    server = f"{ops.server()} through {ops.driver()}"
    return f"{server}, {extension.name} extension {extension.version}" if extension else server
