"""Vector stores that need packages of their own: in an environment and a process of their own.

`.venvs/peers` is made when it is first needed, with the versions in `constraints/peers.txt`.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peer_stores import STORES
from benchmarks.timing import Way

if TYPE_CHECKING:
    from benchmarks.bench import Bench

__all__ = ["PeerWay", "command", "peers", "pinned"]

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints" / "peers.txt"
FOLDER = ROOT / ".venvs" / "peers"
LABELS = {
    "llama_index": "LlamaIndex `PGVectorStore.add`",
    "langchain": "LangChain `PGVector.add_embeddings`",
    "new_langchain": "LangChain `PGVectorStore.add_embeddings`",
}


class PeerWay(Way[dict[str, Any]]):
    """A way that reports its own time, without the start of its process."""

    def took(self, result: dict[str, Any], seconds: float) -> float:
        return float(result["seconds"])


def peers(bench: Bench, rows: int) -> list[Way[Any]]:
    """Each adds the first rows of the corpus to a table of its own."""
    return [_way(bench, name, rows) for name in STORES]


def _way(bench: Bench, name: str, rows: int) -> PeerWay:
    def run(number: int) -> dict[str, Any]:
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            np.save(file, bench.corpus.vectors[:rows])
            file.flush()
            started = command(bench, "benchmarks.peer_stores", name, file.name)
            done = subprocess.run(**started, check=True)
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report

    return PeerWay(LABELS[name], run, lambda number, result: float(result["right"]))


def command(bench: Bench, module: str, *arguments: str) -> dict[str, Any]:
    """What `subprocess` starts a module with in the environment, beside the server of `bench`."""
    return {
        "args": [_python(), "-m", module, *arguments],
        "cwd": ROOT,
        "env": {**os.environ, **bench.libpq},
        "stdout": subprocess.PIPE,
        "text": True,
    }


def pinned(*names: str) -> list[str]:
    """The versions of some packages of the environment, as in "faiss-cpu 1.15.1"."""
    pins = (line.split("==") for line in PINS.read_text().splitlines() if "==" in line)
    return [f"{name} {version}" for name, version in pins if name in names]


@functools.cache
def _python() -> str:
    """The interpreter of the environment."""
    python, done = FOLDER / "bin" / "python", FOLDER / ".done"
    if not done.exists() or done.read_text() != PINS.read_text():
        print(f"Making {FOLDER.relative_to(ROOT)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", str(PINS)], check=True)
        done.write_text(PINS.read_text())
    return str(python)
