"""Searches by words on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hybrid_store.backends.postgresql import extension
from hybrid_store.backends.postgresql.quiet import quiet_cursor
from hybrid_store.backends.postgresql.text import searching, upkeep
from hybrid_store.backends.postgresql.text.definition import Definition
from hybrid_store.backends.postgresql.text.names import Names, name_of
from hybrid_store.backends.postgresql.text.vocabulary import dictionary, lexemes
from hybrid_store.backends.texts import BaseTextOperations, Ranked, TextSpec
from hybrid_store.texts.query import Clause, TextQuery

__all__ = ["PostgreSQLTextOperations"]

# Where the index of a table is, or will be: others may have one of the same name elsewhere.
SCHEMA = """
SELECT coalesce(
    (SELECT nspname FROM pg_trigger
     JOIN pg_proc p ON p.oid = tgfoid JOIN pg_namespace n ON n.oid = pronamespace
     WHERE tgrelid = to_regclass(%s) AND proname = %s LIMIT 1),
    current_schema())
"""
SIZE = "SELECT pg_total_relation_size(to_regclass(%s))"


class PostgreSQLTextOperations(BaseTextOperations):
    supports_text_index = True

    def creation(self, spec: TextSpec, table: str) -> list[str]:
        return [self._definition(spec).creation(table)]

    def removal(self, spec: TextSpec) -> list[str]:
        return [self._definition(spec).removal()]

    def complete(self, specs: Collection[TextSpec]) -> None:
        upkeep.complete(self.connection, [self._definition(spec) for spec in specs])

    def is_kept(self, spec: TextSpec) -> bool:
        return upkeep.is_kept(self.connection, self._definition(spec))

    def size(self, spec: TextSpec) -> int | None:
        with quiet_cursor(self.connection) as cursor:
            cursor.execute(SIZE, [self._definition(spec).names()])
            [size] = cursor.fetchone()
        return None if size is None else int(size)

    def optimize(self, spec: TextSpec) -> int | None:
        return upkeep.optimize(self.connection, self._definition(spec))

    def stems_language(self, language: str) -> bool:
        return dictionary(self.connection, language) is not None

    def ranked(
        self,
        spec: TextSpec,
        query: TextQuery,
        *,
        wanted: int | None = None,
        share: float = 1.0,
        among: tuple[str, Sequence[Any]] | None = None,
    ) -> Ranked:
        schema = extension.qualifier(self.connection)
        return searching.ranked(self.connection, spec, query, schema, wanted, share)

    def matching(self, spec: TextSpec, clauses: Sequence[Clause]) -> tuple[str, Sequence[Any]]:
        return searching.matching(self.connection, spec, clauses)

    def terms(self, spec: TextSpec, words: Collection[str]) -> Mapping[str, str]:
        return lexemes(self.connection, spec, words)

    def _definition(self, spec: TextSpec) -> Definition:
        table = self.connection.ops.quote_name(spec.table)
        with quiet_cursor(self.connection) as cursor:
            cursor.execute(SCHEMA, [table, name_of("write", spec.name)])
            [schema] = cursor.fetchone()
        return Definition(
            names=Names(spec, schema),
            vector=f"{extension.qualifier(self.connection)}sparsevec",
            dictionary=dictionary(self.connection, spec.language),
            server=self.connection.get_database_version()[0],
        )
