"""`manage.py optimize_vectors`: what makes later searches faster, done now."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, connections

from hybrid_store.backends import vector_ops
from hybrid_store.management.base import EmbeddingCommand, counted
from hybrid_store.models.known_indexes import declared_indexes
from hybrid_store.models.text_index import declared_text_indexes
from hybrid_store.sync.labels import labelled_vector_field

__all__ = ["Command"]


class Command(EmbeddingCommand):
    help = (
        "Stores the codes that searches by a VectorIndex use on SQLite, so that new processes need "
        "not make them, and brings every TextIndex in order: on SQLite it is merged, on "
        "PostgreSQL its statistics are refreshed and old scores computed anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        self.add_labels(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        using = options["database"]
        fields = {labelled_vector_field(label) for label in options["labels"]}
        ops = vector_ops(connections[using])
        indexes = [
            (model, index)
            for model, index in declared_indexes(using)
            if not fields or model._meta.get_field(index.field_name) in fields
        ]
        works: list[tuple[str, str, Callable[[], int | None]]]
        works = [(i.name, "codes of", partial(ops.optimize, m, i)) for m, i in indexes]
        if not fields:
            specs = declared_text_indexes(using)
            works += [(spec.name, "words of", partial(ops.texts.optimize, spec)) for spec in specs]
        failed = sum(not self._done(*work, options["verbosity"]) for work in works)
        if failed:
            raise CommandError(f"Not all is done: {failed} failed, each for the reason above.")

    def _done(self, name: str, what: str, work: Callable[[], int | None], verbosity: int) -> bool:
        try:
            rows = work()
        except DatabaseError as error:
            self.stderr.write(f"{name}: {error}")
            return False
        if verbosity:
            done = "nothing to do" if rows is None else f"{what} {counted(rows)} stored"
            self.stdout.write(f"{name}: {done}.")
        return True
