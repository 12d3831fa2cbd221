"""Scores, clauses and words of an index on PostgreSQL, compared with BM25 in Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unicodedata import ucd_3_2_0

import pytest
from django.db import connection, transaction
from hypothesis import example, given
from hypothesis import strategies as st

from hybrid_store.backends.postgresql.text.lexemes import number
from hybrid_store.backends.postgresql.text.names import name_of, quoted
from hybrid_store.texts.query import parse
from hybrid_store.texts.words import sequence
from tests.databases.words import (
    NAME,
    Reference,
    fetch,
    found,
    index_of,
    lexeme,
    matching,
    ops,
    run,
    tales,
)

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

WORDS = ["star", "Star", "crew", "lost", "space", "élan", "ELAN", "北京", "京大", "宇宙", "x"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
ROWS = st.dictionaries(st.integers(1, 50), st.tuples(st.none() | TEXTS, TEXTS), max_size=8)
PIECES = [*WORDS, '"lost crew"', '"crew lost star"', '"北京大"', "or", "-x", "none"]
QUERIES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map(" ".join)
# Python and the database may have other versions of Unicode.
CHARACTERS = st.characters(exclude_characters="\x00", exclude_categories=["Cs"]).filter(
    lambda character: ucd_3_2_0.category(character) != "Cn"
)
ANY_TEXT = st.text(
    CHARACTERS
    | st.sampled_from(
        "\u0130\u0131\u03a3\u03c2\u03c3\u00df\u00e9\u00c9e\u0301\u0307北京の한글 .-'_\n"
    )
)


@pytest.fixture
def model() -> Iterator[Any]:
    with tales(language=None, weights={"title": 2.5}) as made:
        yield made


@given(ROWS, QUERIES)
def test_scores_and_clauses_are_those_of_bm25(model: Any, rows: Any, text: str) -> None:
    query, spec = parse(text), index_of(model)
    with transaction.atomic():
        write(model, rows)
        expected = Reference(rows, spec.weights).search(query)
        if query.words:
            assert found(spec, text) == nearly(expected)
        if query.clauses:
            all_of_them = {key for key, (strict, _) in expected.items() if strict}
            assert matching(spec, *query.clauses) == all_of_them
        transaction.set_rollback(True)


def nearly(scores: dict[Any, tuple[int, float]]) -> Any:
    return {
        key: (strict, pytest.approx(score, abs=1e-4)) for key, (strict, score) in scores.items()
    }


def write(model: Any, rows: Any) -> None:
    model.objects.bulk_create(
        [model(pk=key, title=title, body=body) for key, (title, body) in rows.items()]
    )


@given(ROWS, ROWS, QUERIES)
def test_however_rows_are_written_and_the_index_is_made(
    model: Any, before: Any, after: Any, text: str
) -> None:
    query, spec = parse(text), index_of(model)
    if not query.words:
        return
    with transaction.atomic():
        write(model, before)
        for key, (title, body) in after.items():
            model(pk=key, title=title, body=body).save()
        model.objects.exclude(pk__in=after).delete()
        kept = found(spec, text)
        assert kept == nearly(Reference(after, spec.weights).search(query))
        [sql] = ops().creation(spec, f'"{spec.table}"')
        run(sql)
        assert found(spec, text) == nearly(kept)
        transaction.set_rollback(True)


@given(ANY_TEXT)
@example("\u039f\u0394\u039f\u03a3 \u03bf\u03b4\u03bf\u03c2 \u0130STANBUL i\u0307stanbul")
@example("北京大 a北b 한국어의 カタカナ")
@example("\u01c5 \u017f \u212a \u212b")
def test_texts_are_divided_as_queries_are(model: Any, text: str) -> None:
    function = quoted(name_of("tokens", NAME))
    [(numbers,)] = fetch(f"SELECT {function}(%s)", [text])
    words = sequence(text)
    assert numbers == [number(lexeme(word)) for word in words]
    assert ops().terms(index_of(model), words) == {word: lexeme(word) for word in words}
