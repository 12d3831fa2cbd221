"""`Case`: what is examined, and how questions are put to its database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import Error as AnyDatabaseError
from django.db import connections, router
from django.db.models import Model

from hybrid_store.backends import BaseVectorOperations, vector_ops
from hybrid_store.exceptions import HybridStoreError
from hybrid_store.management.base import first_line
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.management.redaction import redacted
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import vector_fields
from hybrid_store.models.known_indexes import stored_models
from hybrid_store.sync.labels import all_embedding_fields

__all__ = ["Case", "Question"]

Question = Callable[[], Iterable[Finding]]

# How many times as long is waited for, where time has run out.
PATIENCE = 6


@dataclass(frozen=True)
class Case:
    """A database, by its alias, and the embeddings in it.

    `seconds` is the most that a statement may take. `calls_embedders`: may providers be asked?
    """

    using: str
    seconds: float
    calls_embedders: bool = True

    @property
    def connection(self) -> Any:
        return connections[self.using]

    @property
    def ops(self) -> BaseVectorOperations:
        return vector_ops(self.connection)

    @cached_property
    def fields(self) -> list[EmbeddingField]:
        """The embeddings whose tables are in the database."""
        return [
            field
            for field in all_embedding_fields()
            if router.allow_migrate_model(self.using, field.model)
        ]

    @cached_property
    def tables(self) -> set[str]:
        """Those of models that are there: what is not migrated yet is told once."""
        with self.ops.examining(self.seconds):
            return self.ops.existing({model._meta.db_table for model in apps.get_models()})

    @cached_property
    def models(self) -> list[type[Model]]:
        """Those with vectors in a table of their own that is there."""
        return [
            model
            for model in stored_models(self.using)
            if model._meta.db_table in self.tables
            and any(field.model is model for field in vector_fields(model))
        ]

    def ask(self, subject: str, question: Question) -> list[Finding]:
        """What a question to the database finds, in a transaction of its own that writes nothing.

        One that takes too long, or fails, is a finding. No provider may be asked in it.
        """
        try:
            # What is asked of the driver itself fails in its own words.
            with self.connection.wrap_database_errors, self.ops.examining(self.seconds):
                return list(question())
        except AnyDatabaseError as error:
            if not self.connection.in_atomic_block:
                # It may have been the connection that broke.
                self.connection.close_if_unusable_or_obsolete()
            return [self._unanswered(subject, error)]
        except HybridStoreError as error:
            fix = 'Correct HYBRID_STORE["EMBEDDERS"], or the field.'
            return [Finding(False, subject, redacted(str(error)), fix)]

    def _unanswered(self, subject: str, error: Exception) -> Finding:
        if self.ops.is_timeout(error):
            fix = f"Repeat with --timeout {PATIENCE * self.seconds:g}, or when less is going on."
            return Finding(False, subject, f"could not be told within {self.seconds:g} s", fix)
        fix = (
            "Run manage.py migrate. If that finds nothing to do, the table was changed by hand. Or "
            "let the database user read it."
        )
        return Finding(False, subject, redacted(first_line(error)), fix)
