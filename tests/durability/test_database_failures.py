"""The database goes away, is locked, full or read-only while rows are embedded."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import connection

from hybrid_store.models import EmbeddingWork
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.report import Report
from hybrid_store.sync.verification import verify
from hybrid_store.test.models import Article, Author, Book, Essay
from tests.durability.disturbing import disturb, with_options
from tests.durability.watching import before_statement, paid_texts, statements

pytestmark = pytest.mark.django_db(transaction=True)

TITLES = [f"title {number}" for number in range(5)]


def make_rows(model: Any) -> None:
    model.objects.all().delete()
    if model is Book:
        model.objects.bulk_create([Book(title=title) for title in [*TITLES, TITLES[0], " "]])
    elif model is Essay:
        model.objects.bulk_create([Essay(words=title) for title in TITLES])
    else:
        author = Author.objects.create(name="Ann")
        model.objects.bulk_create([Article(slug=title, author=author) for title in TITLES])


def generate(model: Any, **options: Any) -> Report:
    return Generation(embedding_field(model), **{"batch_size": 2, "lease_seconds": 5.0, **options}).run()


def expect_all_embedded(model: Any, paid: list[str]) -> None:
    assert not model.objects.stale().exists()
    assert verify(embedding_field(model)).ok
    assert sorted(paid) == sorted(set(paid)), "a text was paid twice"
    assert not EmbeddingWork.objects.exists()


@pytest.mark.parametrize("model", [Book, Essay, Article])
def test_a_failure_before_any_statement_is_survived(model: Any, seed: int) -> None:
    make_rows(model)
    with statements() as sent:
        generate(model)
    for number in range(len(sent)):
        make_rows(model)
        def act(at, sql):
            if at == number:
                disturb()
        with with_options(**({"timeout": 0} if connection.vendor == "sqlite" else {})), paid_texts() as paid, before_statement(act):
            try:
                report = generate(model)
            except Exception as e:
                raise AssertionError((number, sent[number-1:number+2]))
        assert report.embedded == 6 if model is Book else 5, number
        expect_all_embedded(model, paid)
