"""`manage.py verify_embeddings`: read every vector back and check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from hybrid_store.management.base import EmbeddingCommand, counted
from hybrid_store.models.chunks import Chunking, chunkings
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.sync.labels import labelled_fields
from hybrid_store.sync.passage_verification import PassageVerification, verify_passages
from hybrid_store.sync.verification import Verification, verify

__all__ = ["Command"]

# Up to so many rows, titles and first values are shown.
SHOWN_ROWS = 20
SHOWN_KEYS = 20


class Command(EmbeddingCommand):
    help = (
        "Reads every stored vector back and checks dimensions, values, fingerprint and "
        "repetition, and passages against the texts that they are of. Exits with status 1 and the "
        "primary keys where something is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        self.add_labels(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        fields, using = labelled_fields(options["labels"]), options["database"]
        if not fields:
            self.stdout.write("No model has an EmbeddingField.")
        split = chunkings([field.model for field in fields])
        ok = [self._verify_passages(chunking, using).ok for chunking in split]
        ok += [self._verify(field, using).ok for field in fields]
        if not all(ok):
            raise CommandError("Some embeddings are wrong: see above.")

    def _verify_passages(self, chunking: Chunking, using: str) -> PassageVerification:
        found = verify_passages(chunking, using=using)
        self.stdout.write(
            f"{chunking.label}: {found.passages} passages read of {counted(found.rows)}, "
            f"{counted(found.missing)} not split yet."
        )
        self._show_faults(found.faults)
        return found

    def _verify(self, field: EmbeddingField, using: str) -> Verification:
        found = verify(field, using=using)
        self.stdout.write(
            f"{field.label}: {found.vectors} vectors read, {counted(found.missing)} "
            f"without one yet, {counted(found.blank)} without text."
        )
        if found.vectors <= SHOWN_ROWS:
            self._show_rows(field, using)
        self._show_faults(found.faults)
        if found.ok and found.vectors:
            self.stdout.write(self.style.SUCCESS("  ✓ every vector is sound and current."))
        return found

    def _show_faults(self, faults: Mapping[str, list[Any]]) -> None:
        for fault, keys in faults.items():
            self.stdout.write(self.style.ERROR(f"  ✗ {fault}: {_keys(keys)}"))

    def _show_rows(self, field: EmbeddingField, using: str) -> None:
        held = field.model._base_manager.using(using).filter(**{f"{field.name}__isnull": False})
        for row in held.order_by("pk"):
            self.stdout.write(f"  {row}: {getattr(row, field.attname)}")


def _keys(keys: list[Any]) -> str:
    shown = ", ".join(str(key) for key in keys[:SHOWN_KEYS])
    if len(keys) == 1:
        return f"1 row, primary key {shown}"
    more = f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
    return f"{len(keys)} rows, primary keys {shown}{more}"
