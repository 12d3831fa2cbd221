"""`python -m benchmarks.sqlite`"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from benchmarks import project
from benchmarks.options import parse, parser, show
from benchmarks.peers import pinned

ALIAS = "sqlite"
ROWS = [10_000, 100_000, 500_000]
WIDE_ROWS = 100_000
PEERS = ("faiss-cpu", "sqlite-vec", "apsw")


def main() -> None:
    options = parse(_parser())
    if options.quick:
        options.wide = max(options.rows)
    project.start([ALIAS])
    show(_results(options), options.output)


def _parser() -> argparse.ArgumentParser:
    found = parser("benchmarks.sqlite", __doc__, ROWS)
    found.add_argument(
        "--wide", type=int, default=WIDE_ROWS, help="Rows of 1,536 dimensions; 0 for none."
    )
    return found


def _results(options: argparse.Namespace) -> Iterator[str]:
    # Models need Django to be set up.
    from benchmarks.report import environment
    from benchmarks.sqlite.trial import Figure, Trial, goals

    peers = not options.no_peers
    yield environment([ALIAS]) + (f"- {', '.join(pinned(*PEERS))}\n" if peers else "")
    figures: dict[Figure, float] = {}
    for corpus, module in _plan(options):
        if options.only and module.__name__.rpartition(".")[2] not in options.only:
            continue
        trial = Trial(ALIAS, corpus, options.repeat, peers, figures)
        for table in module.tables(trial):
            yield str(table)
    yield str(goals(figures))


def _plan(options: argparse.Namespace) -> Iterator[tuple[Any, Any]]:
    """Corpora and modules. Those that ask one size only ask the middle one; writes come last."""
    from benchmarks.data import Corpus
    from benchmarks.sqlite import filters, fresh, overhead, sizes, writes

    middle = options.rows[len(options.rows) // 2]
    for rows in options.rows:
        others = (overhead, filters, writes) if rows == middle else ()
        large = (fresh,) if rows >= middle else ()
        corpus = Corpus(rows)
        yield from ((corpus, module) for module in (sizes, *large, *others))
    if options.wide:
        yield Corpus(options.wide, project.WIDE_DIMENSIONS), sizes


if __name__ == "__main__":
    main()
