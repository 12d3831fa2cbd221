"""Every code block and command of `docs/howto/adopt.md`, run on a tutorial project.

The document is the test: blocks with a title are files, diffs are applied to the files they name,
other Python is run in `manage.py shell`, and commands must print what stands below them (any
lines for "...", any decimals). Commands in comments, `<!-- run: ... -->`, are what the reader has
done before. Only the model is replaced, by one that needs no weights.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.fresh import fresh_database
from tests.scripts import Scripts

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "howto" / "adopt.md"

MANAGE = """
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
execute_from_command_line(sys.argv)
"""
SETTINGS = """
import json
import os

SECRET_KEY = "tutorial"
DATABASES = {"default": json.loads(os.environ["TUTORIAL_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The first because of the indexes of pgvector.django.
INSTALLED_APPS = ["django.contrib.postgres", "films"]
USE_TZ = True
"""
# The same vectors from sentence-transformers and from our embedder, as with the real model.
SENTENCE_TRANSFORMERS = """
from hybrid_store.embedders.hashing import HashingEmbedder


class SentenceTransformer:
    def __init__(self, name):
        self.embedder = HashingEmbedder("tutorial", {"MODEL": name, "DIMENSIONS": 384})

    def encode(self, text):
        return self.embedder.embed([text])[0]
"""
REPLACE_MODEL = """
HYBRID_STORE["EMBEDDERS"]["default"]["BACKEND"] = "hybrid_store.embedders.hashing.HashingEmbedder"
"""

FENCE = re.compile(r"```(\w+)(?: title=\"([^\"]+)\")?( append)?")
RUN = re.compile(r"<!-- run: (.+) -->")
DECIMAL = re.compile(r"\d+\.\d+")


@dataclass
class Block:
    language: str
    title: str | None
    appends: bool
    text: str


def blocks_of(section: str) -> Iterator[Block]:
    lines = iter(section.splitlines())
    for line in lines:
        if hidden := RUN.fullmatch(line):
            yield Block("console", None, False, f"$ {hidden[1]}")
        elif fence := FENCE.fullmatch(line):
            body = []
            while (text := next(lines)) != "```":
                body.append(text)
            yield Block(fence[1], fence[2], bool(fence[3]), "\n".join(body) + "\n")
        else:
            assert not line.startswith("```"), f"{line} is a block that nothing runs"


def sections() -> dict[str, str]:
    _, *parts = re.split(r"^## (.+)$", DOCUMENT.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@cache
def scripts() -> Scripts:
    own = {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT / "src")}
    return Scripts({**os.environ, **own, "COLUMNS": "200"})


class Project:
    """A project in a folder, changed and run as the document says."""

    def __init__(self, folder: Path, database: dict[str, Any]) -> None:
        self.folder = folder
        self.database = json.dumps(database)
        for name, text in [
            ("manage.py", MANAGE),
            ("config/__init__.py", ""),
            ("config/settings.py", SETTINGS),
            ("films/__init__.py", ""),
            ("films/migrations/__init__.py", ""),
            ("sentence_transformers.py", SENTENCE_TRANSFORMERS),
        ]:
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            (folder / name).write_text(text)

    def follow(self, block: Block) -> None:
        if block.language == "console":
            self.run_commands(block.text)
        elif block.language == "diff":
            self.patch(self.folder / str(block.title), block.text)
        elif block.language == "python" and block.title is None:
            self.succeeds("shell", "-c", block.text)
        elif block.language == "python":
            self.write(self.folder / str(block.title), block)
        else:
            raise AssertionError(f"nothing runs blocks of {block.language}")

    def write(self, path: Path, block: Block) -> None:
        before = path.read_text() if block.appends else ""
        after = REPLACE_MODEL if "HYBRID_STORE" in block.text else ""
        path.write_text(before + block.text + after)

    def patch(self, path: Path, diff: str) -> None:
        lines = diff.splitlines()
        old = "\n".join(line[1:] for line in lines if line[0] in " -")
        new = "\n".join(line[1:] for line in lines if line[0] in " +")
        text = path.read_text()
        assert text.count(old) == 1, f"{path.name} does not have this once:\n{old}\nbut is:\n{text}"
        path.write_text(text.replace(old, new))

    def run_commands(self, text: str) -> None:
        for part in text.removeprefix("$ ").split("\n$ "):
            command, *expected = part.strip("\n").split("\n")
            if " pip install " in command:
                assert_installable(command)
            else:
                self.run_command(command, expected)

    def run_command(self, command: str, expected: list[str]) -> None:
        program, *arguments = shlex.split(command)
        status, output = self.run(program, arguments)
        fails = any("Error: " in line for line in expected)
        assert (status != 0) is fails, f"{command}\n{output}"
        assert_printed(expected, output)

    def succeeds(self, *arguments: str) -> None:
        status, output = self.run("python", ["manage.py", *arguments])
        assert status == 0, output

    def run(self, program: str, arguments: list[str]) -> tuple[int, str]:
        """The exit status of a command, and what it has printed."""
        if program == "python":
            return scripts().run(arguments, self.folder, TUTORIAL_DATABASE=self.database)
        command = [program, *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def assert_installable(command: str) -> None:
    """Our own package is installed; an extra that is asked for must exist."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in re.findall(r"django-hybrid-store\[(\w+)\]", command):
        assert extra in extras["optional-dependencies"]


def assert_printed(expected: list[str], output: str) -> None:
    """The expected lines stand in the output in this order; "..." ends a line or is any lines."""
    rest = masked(output)
    for line in expected:
        wanted = masked(line).removesuffix("...").strip()
        assert wanted in rest, f"not printed: {line}\nin:\n{output}"
        rest = rest[rest.index(wanted) + len(wanted) :]


def masked(text: str) -> str:
    return DECIMAL.sub("#", " ".join(text.split()))


@pytest.fixture
def project(tmp_path: Path, transactional_db: None) -> Iterator[Project]:
    with fresh_database(tmp_path) as database:
        yield Project(tmp_path / "project", database)


def test_from_a_binary_field(project: Project) -> None:
    for block in blocks_of(sections()["From a `BinaryField`"]):
        project.follow(block)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="pgvector.django is for PostgreSQL")
def test_from_pgvector(project: Project) -> None:
    extension = (
        "from django.db import connection; connection.cursor().execute('CREATE EXTENSION vector')"
    )
    for block in blocks_of(sections()["From `pgvector.django`"]):
        project.follow(block)
        if block.title == "films/models.py" and "pgvector.django import HnswIndex, V" in block.text:
            project.succeeds("shell", "-c", extension)


def test_the_table_of_faults_is_complete() -> None:
    from hybrid_store.operations.diagnosis import FAULTS

    section = sections()["What can be wrong, and what to do"]
    assert re.findall(r"^\| `(\w+)`", section, flags=re.MULTILINE) == list(FAULTS)
    assert not list(blocks_of(section))
