"""`python -m benchmarks.quality`"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks import project
from benchmarks.options import show

FOLDER = Path("cranfield")
DATABASES = ["sqlite", "postgresql18"]


def main() -> None:
    options = _parser().parse_args()
    project.start(options.databases)
    show(_results(options), options.output)


def _parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    found.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=FOLDER,
        help="A collection: corpus.jsonl, queries.jsonl and qrels.tsv, as those of BEIR are.",
    )
    found.add_argument(
        "--databases", nargs="+", choices=project.DATABASES, default=DATABASES, metavar="DATABASE"
    )
    found.add_argument("--output", type=Path, help="Also write the tables to this file.")
    return found


def _results(options: argparse.Namespace) -> Iterator[str]:
    # Models need Django to be set up.
    from django.db import connections

    from benchmarks.quality.collection import Collection, find_folder
    from benchmarks.quality.ways import figures
    from benchmarks.report import environment
    from hybrid_store.backends import vector_ops

    collection = Collection(find_folder(options.folder))
    yield environment(options.databases)
    for alias in options.databases:
        documents = collection.load(alias)
        queries = collection.queries(alias)
        server = vector_ops(connections[alias]).server()
        name = (
            f"{collection.folder.name}, {documents:,} documents, {len(queries)} queries, {server}"
        )
        yield str(figures(alias, name, queries))


if __name__ == "__main__":
    main()
