"""Generation: texts embedded by an embedder that costs nothing."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Model

from benchmarks.bench import Bench
from benchmarks.models import Article, TutorialArticle
from benchmarks.report import Table, rates
from benchmarks.timing import Way, side_by_side
from hybrid_store.embedders import embedders
from hybrid_store.models import stale
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation

__all__ = ["tables"]

MOST_ROWS = 10_000
MOST_ROUNDS = 3


def tables(bench: Bench) -> Iterator[Table]:
    rows = min(bench.rows, MOST_ROWS)
    ways = [_tutorial(bench, rows), _generation(bench, rows)]
    side_by_side(ways, min(bench.rounds, MOST_ROUNDS), warm_up=False)
    yield rates(f"Embedding {rows:,} texts, {bench.database}", ways, rows)


def _tutorial(bench: Bench, rows: int) -> Way[None]:
    articles = TutorialArticle._default_manager.using(bench.alias)

    def run(number: int) -> None:
        for article in articles.filter(embedding__isnull=True):
            [vector] = embedders["default"].embed([article.text])
            article.embedding = vector.tobytes()
            article.save()

    def judge(number: int, result: None) -> float:
        return articles.filter(embedding__isnull=False).count() / rows

    return Way(
        "tutorials: a loop over `save()`",
        run,
        judge,
        prepare=lambda: _fill(bench, TutorialArticle, rows),
    )


def _generation(bench: Bench, rows: int) -> Way[None]:
    def run(number: int) -> None:
        Generation(embedding_field(Article), using=bench.alias).run()

    def judge(number: int, result: None) -> float:
        return 1 - stale(Article.objects.using(bench.alias)).count() / rows

    return Way(
        "**`generate_embeddings`**",
        run,
        judge,
        prepare=lambda: _fill(bench, Article, rows),
    )


def _fill(bench: Bench, model: type[Model], rows: int) -> None:
    """Texts without vectors."""
    bench.recreate(model)
    articles = [model(text=f"The text of article {row}. " * 20) for row in range(rows)]
    model._default_manager.using(bench.alias).bulk_create(articles, batch_size=1000)
    bench.settle()
