"""Searches of other vector stores on PostgreSQL, in a process of their own environment.

`python -m benchmarks.peer_searches <store> <file>` adds the vectors of an .npz file and the other
columns in it to a new table with an HNSW index, and names the table. Then it answers: a line of
JSON in, with a vector, a count and a condition, a line out, with the keys found as the result and
the seconds it took. It ends with its input.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, TextIO

import numpy as np

from benchmarks.peer_stores import BATCH, STORES, Store, short_text

__all__ = ["VECTORS", "answer", "tell"]

VECTORS = "vectors"


def _filled(name: str, path: str, connection: Any) -> Store:
    """A store with all rows and an index."""
    columns = dict(np.load(path))
    vectors = columns.pop(VECTORS)
    kinds = {name: type(column[0].item()) for name, column in columns.items()}
    store = STORES[name](vectors.shape[1], kinds)
    for start in range(0, len(vectors), BATCH):
        part = slice(start, start + BATCH)
        values = zip(*(column[part].tolist() for column in columns.values()), strict=True)
        metadata = [dict(zip(columns, row, strict=True)) for row in values]
        texts = [*map(short_text, metadata)]
        store.add(store.batch(texts, vectors[part], metadata))
    store.build_index(connection)
    connection.execute("VACUUM ANALYZE")
    return store


def answer(search: Callable[..., Any], output: TextIO) -> None:
    """Answer every line of the input by one call."""
    for line in sys.stdin:
        question = json.loads(line)
        started = time.perf_counter()
        result = search(**question)
        seconds = time.perf_counter() - started
        tell({"result": result, "seconds": seconds}, output)


def tell(message: dict[str, Any], output: TextIO) -> None:
    print(json.dumps(message), file=output, flush=True)


def _run(name: str, path: str) -> None:
    import psycopg

    output = sys.stdout
    with redirect_stdout(sys.stderr), psycopg.connect(autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {STORES[name].table} CASCADE")
        store = _filled(name, path, connection)
        tell({"table": store.table}, output)
        answer(store.search, output)


if __name__ == "__main__":
    _run(*sys.argv[1:])
