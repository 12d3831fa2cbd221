"""`python -m benchmarks`, also `make bench`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import project
from benchmarks.options import parse, parser, show

ROWS = [10_000, 100_000]
DATABASES = ["sqlite", "postgresql18"]
MANY_ROWS = 1_000_000


def main() -> None:
    options = parse(_parser())
    if options.quick:
        options.many = max(options.rows)
    project.start(options.databases)
    show(_results(options), options.output)


def _parser() -> argparse.ArgumentParser:
    found = parser("benchmarks", __doc__, ROWS)
    found.add_argument(
        "--databases", nargs="+", choices=project.DATABASES, default=DATABASES, metavar="DATABASE"
    )
    found.add_argument(
        "--many", type=int, default=MANY_ROWS, help="Rows among which stale ones are found."
    )
    found.add_argument(
        "--texts", type=Path, help="A folder of .json or .jsonl files; texts are made of theirs."
    )
    return found


def _results(options: argparse.Namespace) -> Iterator[str]:
    # Models need Django to be set up.
    from benchmarks import (
        efforts,
        filters,
        finding,
        generation,
        ingest,
        layers,
        loading,
        maps,
        memory,
        reading,
        search,
        stores,
        threads,
        updates,
        wide,
        words,
    )
    from benchmarks.bench import Bench
    from benchmarks.data import Corpus
    from benchmarks.report import environment

    yield environment(options.databases)
    searches = (layers, filters, threads, wide, efforts, words)
    writes = (generation, ingest, updates, stores)
    corpora = [Corpus(rows, folder=options.texts) for rows in options.rows]
    for alias in options.databases:
        # Loading comes first: the others read what it leaves.
        plan: list[tuple[Corpus, Any]] = [
            *((corpus, module) for corpus in corpora for module in (loading, search, memory)),
            *((corpora[-1], module) for module in (reading, maps, *searches, *writes)),
            (Corpus(options.many), finding),
        ]
        for corpus, module in plan:
            if options.only and module.__name__.rpartition(".")[2] not in options.only:
                continue
            bench = Bench(alias, corpus, options.repeat, not options.no_peers)
            for table in module.tables(bench):
                yield str(table)


if __name__ == "__main__":
    main()
