"""`manage.py semantic_search app.Model "text"`: the rows that a text finds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Model

from hybrid_store.management.base import EmbeddingCommand, positive
from hybrid_store.models.embedding import embedding_fields
from hybrid_store.models.fused.asked import MODES
from hybrid_store.models.fused.ranking import CANDIDATES
from hybrid_store.models.fused_search import search
from hybrid_store.models.highlights import highlight
from hybrid_store.models.text_index import text_index, text_indexes
from hybrid_store.ranking import FUSIONS
from hybrid_store.sync.labels import labelled_model

__all__ = ["Command"]

# A model may have fields of the names that annotations have by default.
NAMES: Mapping[str, Any] = {
    f"{name}_as": f"_{name}" for name in ("score", "distance", "vector_rank", "text_rank")
}
EXCERPT = 100
MARKS = re.compile("</?mark>")
NOTHING = {
    "hybrid": "Nothing found by words, nor by meaning. Has generate_embeddings been run?",
    "vector": "Nothing found: no row has an embedding. Run generate_embeddings.",
    "text": "Nothing found: no row has what the text asks for.",
}


class Command(EmbeddingCommand):
    help = "Shows the rows that a text finds: by its words, by its meaning, or by both."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("label", metavar="app.Model[.field]")
        parser.add_argument("text", help="What to search for.")
        parser.add_argument(
            "--limit", type=positive, default=10, help="How many rows (default: %(default)s)."
        )
        parser.add_argument(
            "--mode",
            choices=MODES,
            help="By default hybrid, where the model has a TextIndex and an EmbeddingField.",
        )
        parser.add_argument("--index", help="Name of the TextIndex, where there are several.")
        parser.add_argument("--fusion", choices=tuple(FUSIONS), default="rrf")
        parser.add_argument(
            "--alpha", type=float, default=0.5, help="Share of the meaning (default: %(default)s)."
        )
        parser.add_argument(
            "--candidates",
            type=positive,
            default=CANDIDATES,
            help="Best rows of either kind that are fused (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        app, _, rest = options["label"].partition(".")
        name, _, field = rest.partition(".")
        model = labelled_model(f"{app}.{name}")
        mode = options["mode"] or _best_mode(model, field)
        hits = _found(model, field or None, mode, options)
        if not hits:
            self.stdout.write(NOTHING[mode])
        elif mode == "hybrid" and all(row._vector_rank is None for row in hits):
            self.stdout.write("By words alone, as no row with an embedding is among them:")
        for place, row in enumerate(hits, 1):
            told = ", ".join([f"pk {row.pk}", *(_places(row) if mode == "hybrid" else ())])
            self.stdout.write(f"{place:>3}. {row._score:.4f}  {row}  ({told})")
            for excerpt in _excerpts(row):
                self.stdout.write(f"     {self._marked(excerpt)}")

    def _marked(self, html: str) -> str:
        """Every second part of it is a word that was searched for."""
        parts = map(unescape, MARKS.split(html))
        return "".join(
            self.style.WARNING(part) if place % 2 else part for place, part in enumerate(parts)
        )


def _best_mode(model: type[Model], field: str) -> str:
    """What the model has everything for."""
    owners = [model, *model._meta.all_parents]
    if not any(text_indexes(owner) for owner in owners):
        return "vector"
    return "hybrid" if field or embedding_fields(model) else "text"


def _found(
    model: type[Model], field: str | None, mode: str, options: Mapping[str, Any]
) -> list[Any]:
    wanted = {name: options[name] for name in ("fusion", "alpha", "candidates", "index")}
    rows = model._default_manager.using(options["database"]).all()
    ranked = search(rows, options["text"], mode=mode, field=field, **wanted, **NAMES)
    if mode != "vector":
        _, index = text_index(model, options["index"])
        ranked = highlight(ranked, *index.fields, length=EXCERPT, highlights_as="_highlights")
    return list(ranked[: options["limit"]])


def _places(row: Any) -> Iterator[str]:
    if row._vector_rank is not None:
        yield f"meaning {row._vector_rank} at {row._distance:.4f}"
    if row._text_rank is not None:
        yield f"words {row._text_rank}"


def _excerpts(row: Any) -> Iterator[str]:
    """Marked texts on one line each, but for what the row is shown by."""
    for html in getattr(row, "_highlights", {}).values():
        line = " ".join(html.split())
        if "<mark>" in line and unescape(MARKS.sub("", line)) not in str(row):
            yield line
