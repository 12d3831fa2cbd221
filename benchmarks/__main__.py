"""`python -m benchmarks`, also `make bench`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import project

ROWS = [10_000, 100_000]
DATABASES = ["sqlite", "postgresql18"]
MANY_ROWS = 1_000_000
ROUNDS = 11
QUICK_ROWS = [1000]
QUICK_ROUNDS = 3


def main() -> None:
    options = _parser().parse_args()
    if options.quick:
        options.rows, options.repeat = QUICK_ROWS, QUICK_ROUNDS
        options.many = max(QUICK_ROWS)
    project.start(options.databases)
    with ExitStack() as stack:
        file = stack.enter_context(options.output.open("w")) if options.output else None
        for result in _results(options):
            for stream in filter(None, (sys.stdout, file)):
                print(result, file=stream, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS, help="Sizes of the tables.")
    parser.add_argument(
        "--databases", nargs="+", choices=project.DATABASES, default=DATABASES, metavar="DATABASE"
    )
    parser.add_argument(
        "--many", type=int, default=MANY_ROWS, help="Rows among which stale ones are found."
    )
    parser.add_argument("--only", nargs="+", metavar="MODULE", help="Such as search or finding.")
    parser.add_argument("--repeat", type=int, default=ROUNDS, help="Rounds; medians are shown.")
    parser.add_argument("--output", type=Path, help="Also write the tables to this file.")
    parser.add_argument(
        "--quick", action="store_true", help="Few rows and rounds: does it all still work?"
    )
    return parser


def _results(options: argparse.Namespace) -> Iterator[str]:
    """Markdown, piece by piece as it is measured."""
    # Models need Django to be set up.
    from benchmarks import (
        efforts,
        filters,
        finding,
        generation,
        ingest,
        layers,
        loading,
        memory,
        reading,
        search,
        threads,
        updates,
        wide,
    )
    from benchmarks.bench import Bench
    from benchmarks.data import Corpus
    from benchmarks.report import environment

    yield environment(options.databases)
    searches = (layers, filters, threads, wide, efforts)
    writes = (generation, ingest, updates)
    corpora = [Corpus(rows) for rows in options.rows]
    for alias in options.databases:
        # Loading comes first: the others read what it leaves.
        plan: list[tuple[Corpus, Any]] = [
            *((corpus, module) for corpus in corpora for module in (loading, search, memory)),
            *((corpora[-1], module) for module in (reading, *searches, *writes)),
            (Corpus(options.many), finding),
        ]
        for corpus, module in plan:
            if options.only and module.__name__.rpartition(".")[2] not in options.only:
                continue
            for table in module.tables(Bench(alias, corpus, options.repeat)):
                yield str(table)


if __name__ == "__main__":
    main()
