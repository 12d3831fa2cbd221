"""The Python interpreters of this machine that the package supports.

`python -m tools.interpreters` prints them. Names on the PATH are not believed: version managers put
commands there that end with an error, so every candidate is run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Interpreter", "find_interpreters", "supported_versions"]

ROOT = Path(__file__).resolve().parent.parent

Version = tuple[int, int]

# Virtual environments are looked through; without ensurepip, none could be made.
PROBE = """
import json, os, sys, venv, ensurepip
path = os.path.realpath(sys.executable)
print(json.dumps([sys.implementation.name, *sys.version_info[:2], path]))
"""


@dataclass(frozen=True)
class Interpreter:
    version: Version
    path: str

    @property
    def name(self) -> str:
        return "{}.{}".format(*self.version)


def supported_versions() -> list[Version]:
    """What the classifiers of the package promise, oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = re.findall(r"Python :: (\d+)\.(\d+)", "\n".join(project["classifiers"]))
    return sorted((int(major), int(minor)) for major, minor in found)


def find_interpreters() -> list[Interpreter]:
    """One interpreter for each supported version that is here, oldest first."""
    versions = supported_versions()
    found: dict[Version, Interpreter] = {}
    for command in _candidates(versions):
        interpreter = _probe(command)
        if interpreter and interpreter.version in versions:
            found.setdefault(interpreter.version, interpreter)
    return [found[version] for version in sorted(found)]


def _candidates(versions: list[Version]) -> Iterator[str]:
    yield sys.executable
    names = ["python{}.{}".format(*version) for version in versions]
    for name in names:
        for folder in os.get_exec_path():
            path = shutil.which(name, path=folder)
            if path:
                yield path
    for root in _output("pyenv", "root"):
        yield from sorted(map(str, Path(root).glob("versions/*/bin/python")))
    for name in names:
        yield from _output("uv", "python", "find", "--system", "--no-python-downloads", name)


def _probe(command: str) -> Interpreter | None:
    for line in _output(command, "-c", PROBE):
        implementation, major, minor, path = json.loads(line)
        if implementation == "cpython":
            return Interpreter((major, minor), path)
    return None


def _output(*command: str) -> list[str]:
    """The lines that a command prints; none when it is missing or fails."""
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return result.stdout.splitlines() if result.returncode == 0 else []


if __name__ == "__main__":
    for interpreter in find_interpreters():
        print(interpreter.name, interpreter.path)
