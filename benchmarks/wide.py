"""Wide: searches of vectors as long as those of large models, which are stored out of line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from django.db.models import Model

from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS, Corpus
from benchmarks.layers import orm_way, raw_ways
from benchmarks.models import HalfWideDocument, PgvectorWideDocument, WideDocument
from benchmarks.project import WIDE_DIMENSIONS
from benchmarks.questions import Question, everything, one_group
from benchmarks.report import Table, costs
from benchmarks.search import nearest, pgvector_deferred, pgvector_nearest
from benchmarks.search_way import SearchWay
from benchmarks.timing import TURN, side_by_side

__all__ = ["tables"]

MOST_ROWS = 20_000
MODELS: dict[str, type[Model]] = {"single": WideDocument, "half": HalfWideDocument}


def tables(bench: Bench) -> Iterator[Table]:
    if not bench.has_pgvector:
        return
    corpus = Corpus(min(bench.rows, MOST_ROWS), WIDE_DIMENSIONS)
    wide = Bench(bench.alias, corpus, bench.rounds)
    wide.fill(WideDocument)
    of = f"{WIDE_DIMENSIONS:,} dimensions, {bench.database}"
    yield _built(wide, f"HNSW indexes over {corpus.rows:,} rows of {of}")
    for question in (everything(corpus), one_group(corpus)):
        ways = side_by_side(_ways(wide, question), bench.searches, turn=TURN)
        yield costs(f"The {NEIGHBOURS} nearest {question.label} of {of}", ways)


def _built(bench: Bench, title: str) -> Table:
    rows = []
    for precision, model in MODELS.items():
        seconds = bench.build_vector_index(model)
        [index] = model._meta.indexes
        with bench.connection.cursor() as cursor:
            cursor.execute("SELECT pg_relation_size(%s)", [index.name])
            [size] = cursor.fetchone()
        rows.append([precision, f"{seconds:.1f}", f"{size / 1e6:,.0f}"])
    return Table(title, ["", "s", "MB"], rows)


def _ways(bench: Bench, question: Question) -> list[SearchWay]:
    way = partial(orm_way, bench, question)
    return [
        *raw_ways(bench, WideDocument, question),
        way("**`nearest(vector)[:10]`**", WideDocument, nearest),
        way('**`nearest(vector)[:10]`**, `precision="half"`', HalfWideDocument, nearest),
        way("pgvector.django, 40", PgvectorWideDocument, pgvector_nearest),
        way("pgvector.django, vector deferred, 40", PgvectorWideDocument, pgvector_deferred),
    ]
