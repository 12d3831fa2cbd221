"""`manage.py evaluate_search app.Model judgements.tsv`: how good searches are by judgements."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import QuerySet

from hybrid_store.management.base import EmbeddingCommand, positive
from hybrid_store.management.evaluation import Evaluation, Judged, Search
from hybrid_store.management.evaluation_report import Report
from hybrid_store.management.judged_keys import KeyColumn
from hybrid_store.management.judgements import read_judgements
from hybrid_store.models.fused.asked import MODES
from hybrid_store.models.fused_search import search
from hybrid_store.ranking import FUSIONS
from hybrid_store.sync.labels import labelled_model

__all__ = ["Command"]

# A model may have fields of the names that annotations have by default.
ANNOTATIONS = ("score", "distance", "vector_rank", "text_rank")


def modes(text: str) -> list[str]:
    """Modes of search, separated by commas, for argparse."""
    chosen = list(dict.fromkeys(text.split(",")))
    unknown = [mode for mode in chosen if mode not in MODES]
    if unknown:
        known = ", ".join(MODES)
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no mode: choose among {known}")
    return chosen


class Command(EmbeddingCommand):
    help = (
        "Searches for the queries of a file of judgements in each mode, and shows how good the "
        "first rows are: nDCG, recall and MRR, with 95 % bootstrap intervals, and what the first "
        "mode is better by than the others."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("label", metavar="app.Model[.field]")
        parser.add_argument(
            "judgements", type=Path, help="Lines of query, key and relevance, separated by tabs."
        )
        parser.add_argument(
            "--queries",
            type=Path,
            help="Where the judgements name queries by id: lines of id and text, or of JSON.",
        )
        parser.add_argument("--key", help="Column that the keys are of (default: primary key).")
        parser.add_argument(
            "--modes",
            type=modes,
            default=",".join(MODES),
            help="Separated by commas, the first is compared with the others (%(default)s).",
        )
        parser.add_argument("--fusion", choices=tuple(FUSIONS), default="rrf")
        parser.add_argument(
            "--alpha", type=float, default=0.5, help="Share of the meaning (%(default)s)."
        )
        parser.add_argument(
            "--limit", type=positive, default=10, help="Rows that are looked at (%(default)s)."
        )
        parser.add_argument("--json", action="store_true", help="Write one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        app, _, rest = options["label"].partition(".")
        name, _, field = rest.partition(".")
        model = labelled_model(f"{app}.{name}")
        rows = model._default_manager.using(options["database"]).all()
        column = KeyColumn(model, options["key"])
        judgements = read_judgements(options["judgements"], options["queries"])
        judged = Judged.of(judgements, column, rows)
        searches = dict(self._searches(rows, field, options))
        evaluation = Evaluation.of(searches, judged.answered, column, options["limit"])
        report = Report(model._meta.label, judged, evaluation)
        lines = [json.dumps(report.as_json(), indent=2)] if options["json"] else report.lines()
        for line in lines:
            self.stdout.write(line)

    def _searches(
        self, rows: QuerySet[Any], field: str, options: Mapping[str, Any]
    ) -> Iterator[tuple[str, Search]]:
        wanted: dict[str, Any] = {
            **{name: options[name] for name in ("fusion", "alpha")},
            **{f"{name}_as": f"_{name}" for name in ANNOTATIONS},
            "field": field or None,
        }
        for mode in options["modes"]:
            yield mode, partial(search, rows, mode=mode, **wanted)
