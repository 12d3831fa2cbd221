"""`manage.py measure_recall`: how many of the true nearest rows searches find."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections
from django.db.models import QuerySet

from hybrid_store.backends import vector_ops
from hybrid_store.management.base import EmbeddingCommand, positive
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.ranked_search import searchable
from hybrid_store.models.recall import Measured, measure
from hybrid_store.sync.labels import labelled_vector_field

__all__ = ["Command"]

EFFORTS = [40, 100, 200, 400, 1000]


class Command(EmbeddingCommand):
    help = (
        "Searches for the neighbours of rows chosen at random, exactly and through the index, and "
        "shows what share of the true neighbours was found at each hnsw.ef_search, and how fast."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("label", help="Model or field: app.Model or app.Model.field.")
        parser.add_argument(
            "--queries", type=positive, default=100, help="Rows searched for (%(default)s)."
        )
        parser.add_argument(
            "--neighbours", type=positive, default=10, help="Rows that are wanted (%(default)s)."
        )
        parser.add_argument("--metric", help="By default that of the index.")
        parser.add_argument(
            "--ef-search",
            type=positive,
            nargs="+",
            default=EFFORTS,
            metavar="N",
            help="From 1 to 1000 (%(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        field = labelled_vector_field(options["label"])
        connection = connections[options["database"]]
        if not vector_ops(connection).index_may_lose_rows:
            self.stdout.write(f"{connection.display_name} searches exactly: the recall is 1.")
            return
        rows = field.model._default_manager.using(connection.alias)
        neighbours = options["neighbours"]
        chosen = _chosen(rows.all(), field, options["queries"])
        self.stdout.write(f"{field.label}: {len(chosen)} searches for {neighbours}")
        self.stdout.write(f"{'ef_search':>10}{'recall':>10}{'least':>10}{'ms':>10}")
        efforts = sorted({max(effort, neighbours) for effort in options["ef_search"]})
        search = {"field": field.name, "metric": options["metric"]}
        for each in measure(rows.all(), chosen, efforts, neighbours=neighbours, **search):
            self._show(each)

    def _show(self, each: Measured) -> None:
        effort = "exact" if each.ef_search is None else each.ef_search
        self.stdout.write(
            f"{effort:>10}{each.recall:>10.3f}{each.least:>10.2f}{each.milliseconds:>10.1f}"
        )


def _chosen(rows: QuerySet[Any], field: BaseVectorField, count: int) -> list[Any]:
    """Rows at random whose neighbours can be searched for; raises `CommandError` without any."""
    found = rows.filter(searchable(field)).order_by("?")[:count]
    chosen = [row for row in found if not getattr(row, field.attname).is_zero()]
    if not chosen:
        raise CommandError(f"{field.label}: no row has a vector that can be searched for.")
    return chosen
