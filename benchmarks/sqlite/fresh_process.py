"""Searches of a new process: what each takes, and what memory it adds. Linux only.

`python -m benchmarks.sqlite.fresh_process <database URL> <way> <file of vectors>` searches for the
vectors, one after the other, and prints JSON: for every search the `keys` found, the `seconds`, and
in MiB beyond what the process had before the first search, its `peak` and what it `kept`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import project
from benchmarks.memory import kibibytes

__all__ = ["READ"]

ALIAS = "measured"
# The way that reads a file, which is given instead of a URL, and searches nothing.
READ = "read"
CLEAR = Path("/proc/self/clear_refs")
# From proc(5): resets the peak.
RESET_PEAK = "5"


def _run(place: str, way: str, path: str) -> None:
    search = _reader(place) if way == READ else _searcher(place, way)
    before, found = kibibytes("VmRSS"), []
    for vector in np.load(path):
        CLEAR.write_text(RESET_PEAK)
        started = time.perf_counter()
        keys = search(vector)
        seconds = time.perf_counter() - started
        peak, kept = ((kibibytes(name) - before) / 1024 for name in ("VmHWM", "VmRSS"))
        found.append({"keys": keys, "seconds": seconds, "peak": peak, "kept": kept})
    print(json.dumps(found))


def _reader(place: str) -> Any:
    def search(vector: object) -> list[int]:
        Path(place).read_bytes()
        return []

    return search


def _searcher(place: str, way: str) -> Any:
    """A search in a process that has imported all it needs, and has opened the database."""
    from tests import servers

    project.configure({ALIAS: servers.database_from_url(place)})
    from benchmarks import search
    from benchmarks.models import Document
    from benchmarks.sqlite.models import TutorialNarrow
    from hybrid_store.backends.sqlite.engine.kernels import kernel

    documents: Any = (Document if way == "nearest" else TutorialNarrow)._default_manager
    few = documents.using(ALIAS).filter(pk=1)
    if way == "nearest":
        kernel()
        # Without a slice: by the table alone.
        list(few.nearest(np.ones(project.DIMENSIONS, np.float32)))
    else:
        list(few)
    chosen, find = documents.using(ALIAS).all(), getattr(search, way)
    return lambda vector: [document.pk for document in find(chosen, vector)]


if __name__ == "__main__":
    _run(*sys.argv[1:])
