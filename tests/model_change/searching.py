"""Run as a process of a release: searches and edits without end, and looks at every answer.

Called with the MODEL and DIMENSIONS of the space to be searched and the name of the field. Writes
a line of JSON for every round of searches: {"answers": ...}, and {"fault": ...} for an answer that
is none: an error, too few rows, a distance of another space, or a nearer row that is missing where
the database searches exactly. After every search a row is edited, in a column that is no source.
Ends when the standard input does.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any

__all__: list[str] = []

QUERIES = ["crew space", "paris kitchen", "lost love letter", "bank"]
ROWS = 7
TOLERANCE = 1e-4
# Leaves the processor to the others.
PAUSE = 0.01


def spaces(movie: Any, model: str, dimensions: int) -> dict[str, dict[int, float]]:
    """What this process computes itself: query -> key -> distance."""
    from hybrid_store.embedders.hashing import HashingEmbedder

    embedder = HashingEmbedder("expected", {"MODEL": model, "DIMENSIONS": dimensions})
    rows = list(movie.objects.values_list("pk", "title", "description"))
    vectors = embedder.embed([f"{title}\n{description}" for _, title, description in rows])
    return {
        query: dict(
            zip([pk for pk, *_ in rows], 1 - vectors @ embedder.embed_query(query), strict=True)
        )
        for query in QUERIES
    }


def fault(found: list[Any], distances: dict[int, float], exact: bool) -> str:
    if len(found) != ROWS:
        return f"{len(found)} rows instead of {ROWS}"
    wrong = [row.pk for row in found if abs(row.distance - distances[row.pk]) > TOLERANCE]
    if wrong:
        return f"distances of another space: rows {wrong}"
    nearest = sorted(distances.values())[:ROWS]
    far = [row.pk for row, d in zip(found, nearest, strict=True) if row.distance > d + TOLERANCE]
    return f"nearer rows are missing before {far}" if exact and far else ""


def search(movie: Any, field: str, expected: dict[str, dict[int, float]]) -> Iterator[str]:
    from django.db import connection
    from django.db.models import F

    from hybrid_store.backends import vector_ops

    exact = not vector_ops(connection).index_may_lose_rows
    for query, distances in expected.items():
        time.sleep(PAUSE)
        try:
            found = list(movie.objects.nearest(query, field=field)[:ROWS])
        except Exception:  # noqa: BLE001 - no error is allowed
            yield traceback.format_exc()
            continue
        yield fault(found, distances, exact)
        movie.objects.filter(pk=found[-1].pk).update(year=F("year") + 1)


def main(model: str, dimensions: str, field: str) -> None:
    import django

    django.setup()
    from movies.models import Movie  # type: ignore[import-not-found]

    expected = spaces(Movie, model, int(dimensions))
    ended = threading.Thread(target=sys.stdin.read, daemon=True)
    ended.start()
    while ended.is_alive():
        answers = list(search(Movie, field, expected))
        for answer in filter(None, answers):
            sys.stdout.write(json.dumps({"fault": answer}) + "\n")
        sys.stdout.write(json.dumps({"answers": len(answers)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
