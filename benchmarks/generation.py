"""Generation: texts embedded by an embedder that costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Model

from benchmarks.bench import Bench
from benchmarks.models import Article, TutorialArticle
from benchmarks.project import BATCH_SIZE
from benchmarks.report import Table, rates
from benchmarks.timing import Way, side_by_side
from hybrid_store.embedders import embedders
from hybrid_store.models import stale
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.fingerprint import fingerprint
from hybrid_store.sync.generation import Generation

__all__ = ["tables"]

MOST_ROWS_OF_A_LOOP = 10_000
"""Which takes long enough; the others have all rows."""
MOST_ROUNDS = 1


def tables(bench: Bench) -> Iterator[Table]:
    few = min(bench.rows, MOST_ROWS_OF_A_LOOP)
    ways = [
        _way(bench, TutorialArticle, few, "tutorials: a loop over `save()`", _loop),
        _way(bench, Article, bench.rows, "`bulk_update` of vectors and fingerprints", _bulk),
        _way(bench, Article, bench.rows, "**`generate_embeddings`**", _generate),
    ]
    side_by_side(ways, min(bench.rounds, MOST_ROUNDS), warm_up=False)
    title = f"Embedding {bench.rows:,} texts, {bench.database}"
    yield rates(title, ways, [few, bench.rows, bench.rows])


def _way(
    bench: Bench, model: type[Any], rows: int, label: str, run: Callable[[Any], None]
) -> Way[None]:
    objects = model._default_manager.using(bench.alias)

    def judge(number: int, result: None) -> float:
        if model is Article:
            return 1 - stale(objects.all()).count() / rows
        return float(objects.filter(embedding__isnull=False).count() / rows)

    return Way(label, lambda number: run(objects), judge, lambda: _fill(bench, model, rows))


def _loop(articles: Any) -> None:
    for article in articles.filter(embedding__isnull=True):
        [vector] = embedders["default"].embed([article.text])
        article.embedding = vector.tobytes()
        article.save()


def _bulk(articles: Any) -> None:
    """What careful code would do by hand, though nothing guards it against edits meanwhile."""
    field = embedding_field(Article)
    while batch := list(articles.filter(embedding__isnull=True).order_by("pk")[:BATCH_SIZE]):
        vectors = field.embedder.embed([article.text for article in batch])
        for article, vector in zip(batch, vectors, strict=True):
            article.embedding = vector
            article.embedding_fingerprint = fingerprint(field.space, article.text)
        articles.bulk_update(batch, ["embedding", "embedding_fingerprint"], batch_size=BATCH_SIZE)


def _generate(articles: Any) -> None:
    Generation(embedding_field(Article), using=articles.db).run()


def _fill(bench: Bench, model: type[Model], rows: int) -> None:
    """Texts without vectors."""
    bench.recreate(model)
    articles = [model(text=f"The text of article {row}. " * 20) for row in range(rows)]
    model._default_manager.using(bench.alias).bulk_create(articles, batch_size=1000)
    bench.settle()
