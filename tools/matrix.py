"""Run the tests on every Python, Django and database that fit and are there.

`--newest` runs the newest Django only, on the newest Python that it supports. Each pair of Python
and Django has an environment of its own in `.venvs`; `make test` sets it up and runs the tests.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.interpreters import ROOT, Interpreter, Version, find_interpreters

__all__ = ["Series", "django_series", "main"]

DATABASES = ("sqlite", "postgresql16", "postgresql18")


@dataclass(frozen=True)
class Series:
    """A release series of Django: a file of constraints."""

    version: Version
    oldest_python: Version

    @property
    def name(self) -> str:
        return "{}.{}".format(*self.version)

    def fits(self, interpreter: Interpreter) -> bool:
        return interpreter.version >= self.oldest_python


@dataclass(frozen=True)
class Result:
    label: str
    passed: bool
    seconds: float


def django_series(folder: Path = ROOT / "constraints") -> list[Series]:
    """The series that `constraints/django-*.txt` pin, oldest first."""
    return sorted(
        (
            Series(_numbers(path.stem), _numbers(marker[0]) if marker else (0, 0))
            for path in folder.glob("django-*.txt")
            for marker in [re.findall(r'python_version >= "([\d.]+)"', path.read_text())]
        ),
        key=lambda series: series.version,
    )


def _numbers(text: str) -> Version:
    major, minor = re.findall(r"\d+", text)[:2]
    return int(major), int(minor)


def choose(
    interpreters: list[Interpreter], series: list[Series], *, newest: bool
) -> list[tuple[Interpreter, Series]]:
    """The pairs to run; what is left out is printed with its reason."""
    pairs = []
    for django in series[-1:] if newest else series:
        fitting = [interpreter for interpreter in interpreters if django.fits(interpreter)]
        if not fitting:
            oldest = "{}.{}".format(*django.oldest_python)
            here = ", ".join(interpreter.name for interpreter in interpreters)
            print(f"Django {django.name} skipped: it needs Python {oldest}, and here is {here}.")
        pairs += [(interpreter, django) for interpreter in fitting[-1 if newest else 0 :]]
    return pairs


def run(
    interpreter: Interpreter, django: Series, databases: Sequence[str], given: Sequence[str]
) -> Result:
    label = f"Python {interpreter.name}, Django {django.name}, {', '.join(databases)}"
    print(f"\n===== {label} =====", flush=True)
    started = time.monotonic()
    process = subprocess.run(
        [
            *("make", "--no-print-directory", "test"),
            f"PYTHON={interpreter.path}",
            f"DJANGO={django.name}",
            f"DATABASES={' '.join(databases)}",
            f"ARGS={shlex.join(given)}",
            f"VENV=.venvs/python{interpreter.name}-django{django.name}",
        ],
        cwd=ROOT,
    )
    return Result(label, process.returncode == 0, time.monotonic() - started)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--newest", action="store_true", help="the newest Django only")
    parser.add_argument(
        "--database", action="append", choices=DATABASES, help="may be repeated; all by default"
    )
    parser.add_argument("given", nargs="*", help="behind --: arguments for pytest")
    options = parser.parse_args()
    pairs = choose(find_interpreters(), django_series(), newest=options.newest)
    results = [run(*pair, options.database or DATABASES, options.given) for pair in pairs]
    print()
    for result in results:
        verdict = "ok    " if result.passed else "FAILED"
        print(f"{verdict} {result.seconds:4.0f} s  {result.label}")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
