"""Searches by words on SQLite."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hybrid_store.backends.sqlite.text import ddl, stemming
from hybrid_store.backends.sqlite.text.frequencies import telling_words
from hybrid_store.backends.sqlite.text.matching import all_of, any_of
from hybrid_store.backends.sqlite.text.source import STEMMERS, WordTable
from hybrid_store.backends.texts import BaseTextOperations, Ranked, TextSpec
from hybrid_store.texts.query import Clause, TextQuery

__all__ = ["SQLiteTextOperations"]


class SQLiteTextOperations(BaseTextOperations):
    supports_text_index = True

    def creation(self, spec: TextSpec, table: str) -> list[str]:
        return ddl.creation(WordTable(spec), table)

    def removal(self, spec: TextSpec) -> list[str]:
        return ddl.removal(WordTable(spec))

    def complete(self, specs: Collection[TextSpec]) -> None:
        ddl.complete(self.connection, specs)

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
    ) -> Ranked:
        words = WordTable(spec)
        name, keys, join = words.name, *_keys(words)
        scored = list(query.words)
        if wanted is not None:
            scored = telling_words(self.connection, words, scored)
        strict = f"f.rowid IN (SELECT rowid FROM {name} WHERE {name} MATCH %s)"  # noqa: S608
        # With a LIMIT what is in it is found once, before anything is joined.
        is_best = wanted is not None and share == 1
        limit = f"ORDER BY strict DESC, score DESC, key0 LIMIT {wanted}" if is_best else "LIMIT -1"
        sql = (
            f"(SELECT {keys}, {strict} AS strict, -f.rank AS score FROM {name} f {join} "  # noqa: S608
            f"WHERE f.{name} MATCH %s {limit})"
        )
        is_complete = not is_best and len(scored) == len(query.words)
        return Ranked(sql, [all_of(query.clauses), any_of(scored)], is_complete)

    def matching(self, spec: TextSpec, clauses: Sequence[Clause]) -> tuple[str, Sequence[Any]]:
        words = WordTable(spec)
        keys, join = _keys(words)
        name = words.name
        sql = f"SELECT {keys} FROM {name} f {join} WHERE f.{name} MATCH %s"  # noqa: S608
        return sql, [all_of(clauses)]

    def terms(self, spec: TextSpec, words: Collection[str]) -> Mapping[str, str]:
        return stemming.terms(WordTable(spec).tokenizer, words)


def _keys(words: WordTable) -> tuple[str, str]:
    """The keys as they stand in a SELECT, and what has to be joined for them."""
    if words.spec.has_integer_key:
        return "f.rowid AS key0", ""
    return (
        ", ".join(f"k.{name}" for name in words.key_columns),
        f"JOIN {words.keys} k ON k.id = f.rowid",
    )
