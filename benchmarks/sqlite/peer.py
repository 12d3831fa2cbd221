"""faiss and sqlite-vec over the table of a SQLite file, in a process of their own environment.

`python -m benchmarks.sqlite.peer <file> <table>` reads the table, and prints a line of JSON with
the names of what can search it. Then it answers as `benchmarks.peer_searches` does.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from benchmarks.peer_searches import answer

Condition: TypeAlias = tuple[str, str, float] | None
"""Column, lookup of Django, value. Only `exact` is known here."""


class Peer(Protocol):
    """Over the rows of a table, which is open in a connection of apsw."""

    def __init__(self, connection: Any, table: str) -> None: ...

    def search(self, vector: bytes, count: int, condition: Condition) -> list[int]: ...


class Faiss:
    """Over vectors of length 1."""

    def __init__(self, connection: Any, table: str) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        rows = connection.execute(f"SELECT id, embedding FROM {table} ORDER BY id")
        keys, blobs = zip(*rows, strict=True)
        vectors = np.frombuffer(b"".join(blobs), np.float32).reshape(len(keys), -1)
        self.keys = np.array(keys)
        self.index = faiss.IndexFlatIP(vectors.shape[1])
        self.index.add(vectors)

    def search(self, vector: bytes, count: int, condition: Condition) -> list[int]:
        if condition is not None:
            raise ValueError("The index has no columns.")
        _, places = self.index.search(np.frombuffer(vector, np.float32)[None], count)
        found: list[int] = self.keys[places[0]].tolist()
        return found


class VecFunction:
    """sqlite-vec's function over the column, with what Django reads of a document."""

    def __init__(self, connection: Any, table: str) -> None:
        _load_vec(connection)
        self.connection = connection
        self.table = table

    def search(self, vector: bytes, count: int, condition: Condition) -> list[int]:
        where, values = _where(condition)
        sql = (
            f'SELECT id, title, "group", vec_distance_cosine(embedding, ?) AS distance '
            f"FROM {self.table} {where} ORDER BY distance LIMIT ?"
        )
        rows = self.connection.execute(sql, (vector, *values, count))
        return [key for key, *_ in rows]


class VecTable:
    """sqlite-vec's virtual table with the vectors once more, in a file of its own."""

    def __init__(self, connection: Any, table: str) -> None:
        _load_vec(connection)
        self.connection = connection
        self.table = table
        self.folder = tempfile.TemporaryDirectory()
        connection.execute("ATTACH ? AS other", (str(Path(self.folder.name) / "vec0.sqlite3"),))
        [size] = connection.execute(f"SELECT length(embedding) / 4 FROM {table} LIMIT 1").fetchone()
        kind = f"embedding float[{size}] distance_metric=cosine"
        connection.execute(f"CREATE VIRTUAL TABLE other.vectors USING vec0({kind})")
        columns = "INTO other.vectors (rowid, embedding)"
        connection.execute(f"INSERT {columns} SELECT id, embedding FROM {table}")

    def search(self, vector: bytes, count: int, condition: Condition) -> list[int]:
        where, values = _where(condition)
        kept = f"AND rowid IN (SELECT id FROM {self.table} {where})" if where else ""
        sql = (
            "SELECT rowid, distance FROM other.vectors "
            f"WHERE embedding MATCH ? AND k = ? {kept} ORDER BY distance"
        )
        rows = self.connection.execute(sql, (vector, count, *values))
        return [key for key, _ in rows]


PEERS: dict[str, type[Peer]] = {"faiss": Faiss, "function": VecFunction, "vec0": VecTable}


def _load_vec(connection: Any) -> None:
    import sqlite_vec

    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())


def _where(condition: Condition) -> tuple[str, list[float]]:
    if condition is None:
        return "", []
    column, lookup, value = condition
    if lookup != "exact":
        raise ValueError(f"{lookup} is not known here.")
    return f'WHERE "{column}" = ?', [value]


def _run(file: str, table: str) -> None:
    import apsw

    output = sys.stdout
    with redirect_stdout(sys.stderr):
        connection = apsw.Connection(file)
        peers = {name: kind(connection, table) for name, kind in PEERS.items()}

        def search(peer: str, vector: list[float], **question: Any) -> list[int]:
            return peers[peer].search(np.array(vector, np.float32).tobytes(), **question)

        print(json.dumps({"peers": [*peers]}), file=output, flush=True)
        answer(search, output)


if __name__ == "__main__":
    _run(*sys.argv[1:])
