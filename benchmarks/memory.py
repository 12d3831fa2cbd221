"""Memory: what one search adds to a process that does nothing else.

Each way runs in a process of its own, `python -m benchmarks.memory <database URL> <way>`, which
prints its peak in KiB. Linux only.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import project
from tests import servers

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.report import Table

__all__ = ["STATUS", "kibibytes", "tables"]

STATUS = Path("/proc/self/status")
ALIAS = "measured"
NOTHING = "nothing"
WAYS = {
    "dot_a_row": "tutorials: `.all()`, a dot a row",
    "one_product": "tutorials: `values_list`, one product",
    "nearest": "**`nearest(vector)[:10]`**",
}


def tables(bench: Bench) -> Iterator[Table]:
    """The documents are loaded already."""
    from benchmarks.report import Table

    if not STATUS.exists():
        return
    url = servers.database_url(bench.connection.settings_dict)
    idle = _peak(url, NOTHING)
    rows = [[label, f"{_peak(url, way) - idle:,.0f}"] for way, label in WAYS.items()]
    title = f"Memory that a search adds over {bench.rows:,} rows, {bench.database}"
    yield Table(title, ["", "MiB"], rows)


def _peak(url: str, way: str) -> float:
    """Peak memory of a new process in MiB."""
    command = [sys.executable, "-m", "benchmarks.memory", url, way]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(output) / 1024


def _run(url: str, way: str) -> None:
    project.configure({ALIAS: servers.database_from_url(url)})
    import numpy as np

    from benchmarks import search
    from benchmarks.models import Document, TutorialDocument

    vector = np.ones(project.DIMENSIONS, dtype=np.float32)
    model = Document if way == "nearest" else TutorialDocument
    documents = model._default_manager.using(ALIAS)
    if way == NOTHING:
        documents.first()
    else:
        getattr(search, way)(documents.all(), vector)
    print(kibibytes("VmHWM"))


def kibibytes(name: str) -> int:
    """A figure of this process in KiB, such as its peak, `VmHWM`.

    `getrusage` would count the parent's memory too, from before the program started.
    """
    [found] = re.findall(rf"^{name}:\s+(\d+) kB$", STATUS.read_text(), flags=re.MULTILINE)
    return int(found)


if __name__ == "__main__":
    _run(*sys.argv[1:])
