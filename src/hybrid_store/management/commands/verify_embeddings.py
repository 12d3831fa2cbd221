"""`manage.py verify_embeddings`: read every vector back and check it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from hybrid_store.management.base import EmbeddingCommand, counted
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.sync.labels import labelled_fields
from hybrid_store.sync.verification import Verification, verify

__all__ = ["Command"]

# Up to so many rows, titles and first values are shown.
SHOWN_ROWS = 20
SHOWN_KEYS = 20


class Command(EmbeddingCommand):
    help = (
        "Reads every stored vector back and checks dimensions, values, fingerprint and "
        "repetition. Exits with status 1 and the primary keys where something is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        self.add_labels(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        found = [
            self._verify(field, options["database"]) for field in labelled_fields(options["labels"])
        ]
        if not found:
            self.stdout.write("No model has an EmbeddingField.")
        if not all(verification.ok for verification in found):
            raise CommandError("Some embeddings are wrong: see above.")

    def _verify(self, field: EmbeddingField, using: str) -> Verification:
        found = verify(field, using=using)
        self.stdout.write(
            f"{field.label}: {found.vectors} vectors read, {counted(found.missing)} "
            f"without one yet, {counted(found.blank)} without text."
        )
        if found.vectors <= SHOWN_ROWS:
            self._show_rows(field, using)
        for fault, keys in found.faults.items():
            self.stdout.write(self.style.ERROR(f"  ✗ {fault}: {_keys(keys)}"))
        if found.ok and found.vectors:
            self.stdout.write(self.style.SUCCESS("  ✓ every vector is sound and current."))
        return found

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
