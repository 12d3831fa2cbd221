"""Searches by words on SQLite."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hybrid_store.backends.sqlite import plans
from hybrid_store.backends.sqlite.text import ddl, sizes, stemming
from hybrid_store.backends.sqlite.text.frequencies import telling_words
from hybrid_store.backends.sqlite.text.matching import all_of, any_of
from hybrid_store.backends.sqlite.text.source import STEMMERS, WordTable
from hybrid_store.backends.texts import BaseTextOperations, Ranked, TextSpec
from hybrid_store.texts.query import Clause, TextQuery

__all__ = ["SQLiteTextOperations"]


@dataclass(frozen=True)
class _Part:
    """The end of a statement, with its parameters."""

    sql: str
    params: Sequence[Any]
    is_limited: bool


class SQLiteTextOperations(BaseTextOperations):
    supports_text_index = True
    ranks_among = True

    def creation(self, spec: TextSpec, table: str) -> list[str]:
        return ddl.creation(WordTable(spec), table)

    def removal(self, spec: TextSpec) -> list[str]:
        return ddl.removal(WordTable(spec))

    def complete(self, specs: Collection[TextSpec]) -> None:
        ddl.complete(self.connection, specs)

    def is_kept(self, spec: TextSpec) -> bool:
        self.connection.ensure_connection()
        return ddl.is_kept(self.connection.connection, WordTable(spec))

    def size(self, spec: TextSpec) -> int | None:
        self.connection.ensure_connection()
        return sizes.size(self.connection.connection, WordTable(spec))

    def optimize(self, spec: TextSpec) -> int | None:
        """Merge the segments of the FTS5 table into one."""
        words = WordTable(spec)
        name = words.name
        with self.connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {name} ({name}) VALUES ('optimize')")  # noqa: S608
            cursor.execute(f"SELECT count(*) FROM {words.sizes}")  # noqa: S608
            return int(cursor.fetchone()[0])

    def stems_language(self, language: str) -> bool:
        return language in STEMMERS

    def ranked(
        self,
        spec: TextSpec,
        query: TextQuery,
        *,
        wanted: int | None = None,
        share: float = 1.0,
        among: tuple[str, Sequence[Any]] | None = None,
    ) -> Ranked:
        words = WordTable(spec)
        name, keys, join = words.name, *_keys(words)
        scored = list(query.words)
        if wanted is not None:
            scored = telling_words(self.connection, words, scored)
        strict = f"f.rowid IN (SELECT rowid FROM {name} WHERE {name} MATCH %s)"  # noqa: S608
        part = self._part(words, wanted, among)
        sql = (
            f"(SELECT {keys}, {strict} AS strict, -f.rank AS score FROM {name} f {join} "  # noqa: S608
            f"WHERE f.{name} MATCH %s {part.sql})"
        )
        params = [all_of(query.clauses), any_of(scored), *part.params]
        is_complete = not part.is_limited and len(scored) == len(query.words)
        return Ranked(sql, params, is_complete)

    def _part(
        self, words: WordTable, wanted: int | None, among: tuple[str, Sequence[Any]] | None
    ) -> _Part:
        """Which of the documents that match are given.

        With a LIMIT, if without end, they are found once, before anything is joined.
        """
        best = f"ORDER BY strict DESC, score DESC, key0 LIMIT {wanted}"
        if wanted is None:
            return _Part("LIMIT -1", [], is_limited=False)
        if among is None:
            return _Part(best, [], is_limited=True)
        # Ranking a document takes as long as reading its row; but an index tells in no time.
        sql, params = among
        if plans.is_by_index(self.connection, sql, params, covering=True):
            return _Part(f"AND {_tuple(words)} IN ({sql}) {best}", params, is_limited=True)
        return _Part("LIMIT -1", [], is_limited=False)

    def matching(self, spec: TextSpec, clauses: Sequence[Clause]) -> tuple[str, Sequence[Any]]:
        words = WordTable(spec)
        keys, join = _keys(words)
        name = words.name
        sql = f"SELECT {keys} FROM {name} f {join} WHERE f.{name} MATCH %s"  # noqa: S608
        return sql, [all_of(clauses)]

    def terms(self, spec: TextSpec, words: Collection[str]) -> Mapping[str, str]:
        return stemming.terms(WordTable(spec).tokenizer, words)


def _tuple(words: WordTable) -> str:
    """The keys, to be looked for in a SELECT of some."""
    if words.spec.has_integer_key:
        # A plain rowid would be looked up in the list of each word, one after the other.
        return "+f.rowid"
    return f"({', '.join(f'k.{name}' for name in words.key_columns)})"


def _keys(words: WordTable) -> tuple[str, str]:
    """The keys as they stand in a SELECT, and what has to be joined for them."""
    if words.spec.has_integer_key:
        return "f.rowid AS key0", ""
    return (
        ", ".join(f"k.{name}" for name in words.key_columns),
        f"JOIN {words.keys} k ON k.id = f.rowid",
    )
