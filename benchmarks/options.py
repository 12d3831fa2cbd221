"""What every run of benchmarks can be told, and where its tables go."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

__all__ = ["parse", "parser", "show"]

ROUNDS = 11
QUICK_ROWS = [1000]
QUICK_ROUNDS = 3


def parser(program: str, description: str | None, rows: Sequence[int]) -> argparse.ArgumentParser:
    """`rows` are the sizes of tables, unless others are given."""
    found = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    found.add_argument("--rows", nargs="+", type=int, default=rows, help="Sizes of the tables.")
    found.add_argument("--only", nargs="+", metavar="MODULE", help="Parts of the run, by name.")
    found.add_argument("--repeat", type=int, default=ROUNDS, help="Rounds; medians are shown.")
    found.add_argument("--output", type=Path, help="Also write the tables to this file.")
    found.add_argument(
        "--no-peers", action="store_true", help="Without those that need packages of their own."
    )
    found.add_argument(
        "--quick", action="store_true", help="Few rows and rounds: does it all still work?"
    )
    return found


def parse(known: argparse.ArgumentParser) -> argparse.Namespace:
    options = known.parse_args()
    if options.quick:
        options.rows, options.repeat = QUICK_ROWS, QUICK_ROUNDS
    return options


def show(results: Iterable[str], output: Path | None) -> None:
    """Markdown, piece by piece as it is measured."""
    with ExitStack() as stack:
        file = stack.enter_context(output.open("w")) if output else None
        for result in results:
            for stream in filter(None, (sys.stdout, file)):
                print(result, file=stream, flush=True)
