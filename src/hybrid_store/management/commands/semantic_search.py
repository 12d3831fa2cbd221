"""`manage.py semantic_search app.Model "text"`: the nearest rows to a text."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from hybrid_store.management.base import EmbeddingCommand, positive
from hybrid_store.models.ranked_search import nearest
from hybrid_store.sync.labels import labelled_model

__all__ = ["Command"]


class Command(EmbeddingCommand):
    help = "Shows the rows whose meaning is nearest to a text."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("label", metavar="app.Model[.field]")
        parser.add_argument("text", help="What to search for.")
        parser.add_argument(
            "--limit", type=positive, default=10, help="How many rows (default: %(default)s)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        app, _, rest = options["label"].partition(".")
        name, _, field = rest.partition(".")
        model = labelled_model(f"{app}.{name}")
        rows = model._default_manager.using(options["database"])
        ranked = nearest(
            rows,
            options["text"],
            field=field or None,
            distance_as="_distance",
            similarity_as="_similarity",
        )
        hits = list(ranked[: options["limit"]])
        if not hits:
            self.stdout.write("Nothing found: no row has an embedding. Run generate_embeddings.")
        for place, row in enumerate(hits, 1):
            similarity = row._similarity  # type: ignore[attr-defined]
            self.stdout.write(f"{place:>3}. {similarity:.4f}  {row}  (pk {row.pk})")
