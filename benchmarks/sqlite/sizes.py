"""Sizes: the ten nearest of all rows, and where the time goes."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Model

from benchmarks.data import NEIGHBOURS
from benchmarks.models import Document, WideDocument
from benchmarks.questions import everything
from benchmarks.report import Table
from benchmarks.sqlite.limit import against_limit, readings
from benchmarks.sqlite.models import TutorialNarrow, TutorialWide
from benchmarks.sqlite.parts import parts
from benchmarks.sqlite.trial import (
    FASTER_THAN_SQLITE_VEC,
    FASTER_THAN_TUTORIALS,
    LIMIT,
    Trial,
)
from benchmarks.sqlite.ways import (
    TUTORIALS,
    VEC_FUNCTION,
    asked,
    measured,
    ours,
    peer_ways,
    product_way,
    tutorial_ways,
)

__all__ = ["MODELS", "tables"]

# Dimensions -> ours, the tutorials'.
MODELS: dict[int, tuple[type[Model], type[Model]]] = {
    model._meta.get_field("embedding").dimensions: (model, tutorial)
    for model, tutorial in ((Document, TutorialNarrow), (WideDocument, TutorialWide))
}


def tables(bench: Trial) -> Iterator[Table]:
    """Leaves the documents behind, with their index."""
    yield readings(bench.corpus)
    model, tutorial = MODELS[bench.corpus.dimensions]
    bench.fill(model)
    bench.build_vector_index(model)
    question = everything(bench.corpus)
    with asked(bench, model) as peers:
        limit, ways = measured(
            bench,
            [
                *ours(bench, question, model),
                product_way(bench, question),
                *peer_ways(peers, question, "faiss"),
            ],
            [
                *peer_ways(peers, question, "vec0", "function"),
                *tutorial_ways(bench, question, tutorial),
            ],
        )
    size = f"{bench.rows:,} x {bench.corpus.dimensions:,}"
    yield against_limit(f"The {NEIGHBOURS} nearest of {size}, {bench.database}", limit, ways)
    best, medians = ways[0].median, {way.label: way.median for way in ways}
    bench.note(LIMIT, best / limit.median)
    bench.note(FASTER_THAN_TUTORIALS, medians[TUTORIALS] / best)
    if VEC_FUNCTION in medians:
        bench.note(FASTER_THAN_SQLITE_VEC, medians[VEC_FUNCTION] / best)
    yield parts(bench, question, model)
