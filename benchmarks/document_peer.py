"""A store of others that keeps documents, in a process of its own environment.

`python -m benchmarks.document_peer <store> <file of documents>` tells that it is there. Then it
does what it is asked: a line of JSON in, with the name of a method of `Keeper` and its arguments, a
line out, with the result and the seconds it took. It ends with its input.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Any

from benchmarks.document_stores import PEERS, Documents, Keeper, kinds
from benchmarks.peer_searches import answer, tell
from benchmarks.peer_stores import Store

__all__: list[str] = []


def _run(name: str, path: str) -> None:
    import psycopg

    peer, documents = PEERS[name], Documents.load(path)
    output = sys.stdout
    with redirect_stdout(sys.stderr), psycopg.connect(autocommit=True) as connection:

        def make() -> Store:
            connection.execute(f"DROP TABLE IF EXISTS {peer.kind.table} CASCADE")
            return peer.kind(documents.vectors.shape[1], kinds(documents))

        keeper = Keeper(make, documents, connection, peer.text)

        def do(method: str, **arguments: Any) -> Any:
            return getattr(keeper, method)(**arguments)

        tell({"store": name}, output)
        answer(do, output)


if __name__ == "__main__":
    _run(*sys.argv[1:])
