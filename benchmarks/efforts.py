"""Efforts: recall and time by hnsw.ef_search and precision of the index."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS
from benchmarks.layers import orm_way
from benchmarks.models import BitDocument, Document, HalfDocument
from benchmarks.questions import everything
from benchmarks.report import Table, number
from benchmarks.search import tuned
from benchmarks.timing import TURN, side_by_side

__all__ = ["tables"]

EFFORTS = (10, 20, 40, 80, 100, 160, 200, 400)
MODELS = {"single": Document, "half": HalfDocument, "bit": BitDocument}


def tables(bench: Bench) -> Iterator[Table]:
    if not bench.has_pgvector:
        return
    question = everything(bench.corpus)
    bench.fill(Document)
    for model in MODELS.values():
        bench.build_vector_index(model)
    ways = {
        (effort, model): orm_way(bench, question, str(effort), model, tuned(ef_search=effort))
        for effort in EFFORTS
        for model in MODELS.values()
    }
    side_by_side(list(ways.values()), bench.searches, turn=TURN)
    rows = []
    for effort in EFFORTS:
        row = [ways[effort, model] for model in MODELS.values()]
        pairs = ((f"{way.accuracy:.3f}", number(way.median * 1000)) for way in row)
        rows.append([str(effort), *(cell for pair in pairs for cell in pair)])
    columns = [f"{precision}, {unit}" for precision in MODELS for unit in ("recall", "ms")]
    title = f"`tuned(ef_search=...)`, the {NEIGHBOURS} nearest {question.label}, {bench.database}"
    yield Table(title, ["hnsw.ef_search", *columns], rows)
