"""A model with an index of words, and BM25 in Python to compare with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, models
from django.test.utils import isolate_apps

from hybrid_store.backends import vector_ops
from hybrid_store.backends.texts import BaseTextOperations, TextSpec
from hybrid_store.models import TextIndex
from hybrid_store.texts.query import Clause, TextQuery, parse
from hybrid_store.texts.words import bare, sequence

__all__ = [
    "NAME",
    "TABLE",
    "Reference",
    "fetch",
    "found",
    "index_of",
    "matching",
    "ops",
    "run",
    "tales",
]

NAME = "made_text"
APP = "hybrid_store_test"
TABLE = "hybrid_store_test_madetale"
# As an index keeps them.
ENDS = {"\u03c2": "\u03c3"}


def ops() -> BaseTextOperations:
    return vector_ops(connection).texts


def fetch(sql: str, params: Any = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
    return rows


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def made_model(key: Any = None, **options: Any) -> Any:
    with isolate_apps("hybrid_store.test"):
        columns = {"title": models.CharField(max_length=200, null=True), "body": models.TextField()}
        index = TextIndex("title", "body", name=NAME, **options)
        meta = type("Meta", (), {"app_label": APP, "db_table": TABLE, "indexes": [index]})
        fields = {**columns, "year": models.IntegerField(null=True), **({"id": key} if key else {})}
        attributes = {"__module__": __name__, "Meta": meta, **fields}
        return type("MadeTale", (models.Model,), attributes)


@contextmanager
def tales(key: Any = None, **options: Any) -> Iterator[Any]:
    """A model that has a table with an index; `options` are those of the index."""
    model = made_model(key, **options)
    with connection.schema_editor() as editor:
        editor.create_model(model)
    try:
        yield model
    finally:
        connection.close()
        run(f"DROP TABLE IF EXISTS {TABLE}")
        ops().complete([])


def index_of(model: Any) -> TextSpec:
    [index] = model._meta.indexes
    spec: TextSpec = index.spec(model)
    return spec


def found(spec: TextSpec, text: str, **options: Any) -> dict[Any, tuple[int, float]]:
    """Key -> strict and score."""
    ranked = ops().ranked(spec, parse(text), **options)
    rows = fetch(f"SELECT * FROM {ranked.sql} hits", ranked.params)  # noqa: S608
    return {
        key if not more else (key, *more): (strict, score) for key, *more, strict, score in rows
    }


def matching(spec: TextSpec, *clauses: Clause) -> set[Any]:
    sql, params = ops().matching(spec, clauses)
    return {key for (key,) in fetch(sql, params)}


class Reference:
    """BM25 as FTS5 has it, computed anew for every search. `stems` are those of words."""

    def __init__(self, rows: Mapping[Any, Sequence[str | None]], weights: Sequence[float]) -> None:
        self.texts = {key: [sequence(text or "") for text in texts] for key, texts in rows.items()}
        self.weights = weights
        words = {word for texts in self.texts.values() for text in texts for word in text}
        self.stems: Mapping[str, str] = {word: lexeme(word) for word in words}

    def lexemes(self, words: Sequence[str]) -> list[str]:
        return [self.stems.get(word, lexeme(word)) for word in words]

    def search(self, query: TextQuery) -> dict[Any, tuple[int, float]]:
        documents = {
            key: [self.lexemes(text) for text in texts] for key, texts in self.texts.items()
        }
        words = self.lexemes(query.words)
        scores = {key: self.score(texts, words, documents) for key, texts in documents.items()}
        return {
            key: (int(all(holds(clause, documents[key], self) for clause in query.clauses)), score)
            for key, score in scores.items()
            if score > 0
        }

    def score(self, texts: list[list[str]], words: list[str], documents: Any) -> float:
        lengths = [sum(map(len, other)) for other in documents.values()]
        length, average = sum(map(len, texts)), sum(lengths) / len(lengths)
        score = 0.0
        for word in words:
            having = sum(any(word in text for text in other) for other in documents.values())
            idf = max(math.log((len(lengths) - having + 0.5) / (having + 0.5)), 1e-6)
            weighed = zip(self.weights, texts, strict=True)
            occurrences = sum(weight * text.count(word) for weight, text in weighed)
            if occurrences:
                norm = 1.2 * (0.25 + 0.75 * length / average)
                score += idf * occurrences * 2.2 / (occurrences + norm)
        return score


def holds(clause: Clause, texts: list[list[str]], reference: Reference) -> bool:
    return any(
        follows(reference.lexemes(term.words), text) for term in clause.terms for text in texts
    )


def follows(words: list[str], text: list[str]) -> bool:
    places = range(len(text) - len(words) + 1)
    return any(text[place : place + len(words)] == words for place in places)


def lexeme(word: str) -> str:
    return "".join(ENDS.get(letter, letter) for letter in bare(word))
