"""Values of many rows, written at once."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from hybrid_store.contrib.retrieval.updates import update
from hybrid_store.test.models import Author, Novel, Specimen, Verse

pytestmark = pytest.mark.django_db

HOSTILE = ["é' OR 1=1 --", "{a,b}", '"', "\\", "NULL", "", "\U0001f600\n"]


def values(number: int) -> dict[str, Any]:
    """Of every type of column; every third one has none, where it may."""
    text = HOSTILE[number % len(HOSTILE)]
    nullable = {
        "chars": text[:20],
        "flag": bool(number % 2),
        "number": number,
        "large": 2**40 + number,
        "real": number / 3,
        "price": Decimal(number) / 8,
        "day": date(2020, 1, 1 + number),
        "hour": time(number, 30, 15),
        "span": timedelta(days=number, microseconds=7),
        "data": {"b": [number, None, {"é'\"": text}], "a": 1.5},
        "raw": bytes([0, 255, number]),
        "address": f"10.0.0.{number}",
        "vector": [number + 1, 2, 3],
        "half": [number + 1, 0.5, 0.25],
        "embedding": [number + 1.0] * 384,
    }
    given = dict.fromkeys(nullable) if number % 3 == 2 else nullable
    moment = datetime(2020, 1, 1, number, tzinfo=UTC)
    plain = {"text": text, "small": number, "code": uuid.UUID(int=number), "moment": moment}
    return {**given, **plain, "email": f"{number}@example.com"}


def state() -> list[Any]:
    return [*Specimen.objects.order_by("pk").values()]


def test_all_that_rows_hold_is_written_as_django_does() -> None:
    author = Author.objects.create(name="Kim")
    Specimen.objects.bulk_create(Specimen(text="old") for _ in range(9))
    rows = [*Specimen.objects.order_by("pk")]
    for number, row in enumerate(rows[:7]):
        for name, value in values(number).items():
            setattr(row, name, value)
        row.author = author
    names = [*values(0), "author", "embedding_fingerprint"]
    Specimen._base_manager.bulk_update(rows[:7], names)
    expected = state()
    Specimen.objects.update(**dict.fromkeys(["text"], "old"), vector=None, data={}, author=None)
    with CaptureQueriesContext(connection) as queries:
        update(Specimen, "default", rows[:7], names)
    assert state() == expected
    assert len(queries) <= 7
    update(Specimen, "default", [], names)


def test_rows_of_two_tables_and_expressions_are_written_too() -> None:
    novels = [Novel.objects.create(title="old", series="one") for _ in range(2)]
    for novel in novels:
        novel.title, novel.series = "new", "two"
    update(Novel, "default", novels, ["title", "series"])
    assert {*Novel.objects.values_list("title", "series")} == {("new", "two")}
    row = Specimen.objects.create(small=1)
    row.small = F("small") + 1
    update(Specimen, "default", [row], ["small"])
    assert Specimen.objects.get().small == 2


def test_keys_may_have_two_columns() -> None:
    verses = [Verse(poem=poem, number=number, text="old") for poem in (1, 2) for number in (1, 2)]
    Verse.objects.bulk_create(verses)
    for verse in verses[1:]:
        verse.text = f"{verse.poem}.{verse.number}"
    update(Verse, "default", verses[1:], ["text"])
    assert {*Verse.objects.values_list("text", flat=True)} == {"old", "1.2", "2.1", "2.2"}
