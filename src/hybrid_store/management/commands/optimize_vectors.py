"""`manage.py optimize_vectors`: what makes later searches faster, done now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, connections

from hybrid_store.backends import vector_ops
from hybrid_store.management.base import EmbeddingCommand, counted
from hybrid_store.models.known_indexes import declared_indexes
from hybrid_store.sync.labels import labelled_vector_field

__all__ = ["Command"]


class Command(EmbeddingCommand):
    help = (
        "Stores the codes that searches by a VectorIndex use, so that new processes need not make "
        "them. On SQLite; other databases keep their indexes by themselves."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        self.add_labels(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        using = options["database"]
        fields = {labelled_vector_field(label) for label in options["labels"]}
        ops = vector_ops(connections[using])
        failed = 0
        for model, index in declared_indexes(using):
            if fields and model._meta.get_field(index.field_name) not in fields:
                continue
            try:
                rows = ops.optimize(model, index)
            except DatabaseError as error:
                failed += 1
                self.stderr.write(f"{index.name}: {error}")
                continue
            if options["verbosity"]:
                done = "nothing to do" if rows is None else f"codes of {counted(rows)} stored"
                self.stdout.write(f"{index.name}: {done}.")
        if failed:
            raise CommandError(f"Not all is done: {failed} failed, each for the reason above.")
