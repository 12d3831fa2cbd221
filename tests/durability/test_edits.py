"""However a text was written, the next run embeds it, and pays for nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.serializers import serialize
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Concat

from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Article, Author, Book, Essay
from tests.durability.watching import paid_texts
from tests.reliability.invariants import check_invariants, text_of

pytestmark = pytest.mark.django_db

WORDS = ["", " ", "alpha", "beta", "gamma", "delta", "Alpha", "alpha ", "\u00e9", "e\u0301"]


class Place:
    """The column of a model that texts come from, and where fixtures are written."""

    def __init__(self, model: Any, column: str, folder: Path, chance: random.Random) -> None:
        self.model = model
        self.column = column
        self.folder = folder
        self.chance = chance

    @property
    def rows(self) -> Any:
        return self.model.objects.order_by("pk")

    def row(self) -> Any:
        """Any row as it is stored."""
        return self.chance.choice(list(self.rows) or [create(self, "only")])

    def one(self) -> Any:
        return self.rows.filter(pk=self.row().pk)


# Ways to write


def create(place: Place, text: str) -> Any:
    return place.model.objects.create(**{place.column: text})


def save(place: Place, text: str) -> None:
    row = place.row()
    setattr(row, place.column, text)
    row.save()


def save_one_column(place: Place, text: str) -> None:
    row = place.row()
    setattr(row, place.column, text)
    row.save(update_fields=[place.column])


def save_what_was_loaded_in_part(place: Place, text: str) -> None:
    row = place.one().only(place.column).get()
    setattr(row, place.column, text)
    row.save()


def save_what_is_old(place: Place, text: str) -> None:
    """Another has written meanwhile."""
    old = place.row()
    place.rows.filter(pk=old.pk).update(**{place.column: text})
    old.save()


def copy(place: Place, text: str) -> None:
    """A new row that takes the vector of another along."""
    row = place.row()
    row.pk = None
    row._state.adding = True
    setattr(row, place.column, text)
    row.save()


def update(place: Place, text: str) -> None:
    place.one().update(**{place.column: text})


def update_all(place: Place, text: str) -> None:
    place.rows.update(**{place.column: text})


def update_by_expression(place: Place, text: str) -> None:
    place.one().update(**{place.column: Concat(F(place.column), Value(text))})


def update_or_create(place: Place, text: str) -> None:
    place.model.objects.update_or_create(pk=place.row().pk, defaults={place.column: text})


def bulk_create(place: Place, text: str) -> None:
    place.model.objects.bulk_create([place.model(**{place.column: text}) for _ in range(2)])


def bulk_create_over_what_is_there(place: Place, text: str) -> None:
    row = place.model(pk=place.row().pk, **{place.column: text})
    conflicts = {"unique_fields": ["pk"], "update_fields": [place.column]}
    place.model.objects.bulk_create([row], update_conflicts=True, **conflicts)


def bulk_update(place: Place, text: str) -> None:
    rows = list(place.rows[:3])
    for row in rows:
        setattr(row, place.column, text)
    place.model.objects.bulk_update(rows, [place.column])


def delete_and_create(place: Place, text: str) -> None:
    row = place.row()
    key = row.pk
    row.delete()
    place.model.objects.create(pk=key, **{place.column: text})


def delete_in_sql(place: Place, text: str) -> None:
    place.one().delete()


def update_in_sql(place: Place, text: str) -> None:
    table = place.model._meta.db_table
    with connection.cursor() as cursor:
        sql = f"UPDATE {table} SET {place.column} = %s WHERE id = %s"  # noqa: S608
        cursor.execute(sql, [text, place.row().pk])


def insert_in_sql(place: Place, text: str) -> None:
    """A copy of another row, vector and all, with its own text."""
    table = place.model._meta.db_table
    columns = [f.column for f in place.model._meta.local_concrete_fields if not f.primary_key]
    values = ["%s" if column == place.column else column for column in columns]
    with connection.cursor() as cursor:
        sql = (
            f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608
            f"SELECT {', '.join(values)} FROM {table} WHERE id = %s"
        )
        cursor.execute(sql, [text, place.row().pk])


def load_a_fixture(place: Place, text: str) -> None:
    [written] = json.loads(serialize("json", [place.row()]))
    written["fields"][place.column] = text
    path = place.folder / "rows.json"
    path.write_text(json.dumps([written]))
    call_command("loaddata", str(path), verbosity=0)


WAYS: list[Callable[[Place, str], object]] = [
    create,
    save,
    save_one_column,
    save_what_was_loaded_in_part,
    save_what_is_old,
    copy,
    update,
    update_all,
    update_by_expression,
    update_or_create,
    bulk_create,
    bulk_create_over_what_is_there,
    bulk_update,
    delete_and_create,
    delete_in_sql,
    update_in_sql,
    insert_in_sql,
    load_a_fixture,
]


# Ways to write that only change which related row a text comes from


def link(place: Place, text: str) -> None:
    """A row of the model with the embedding gets another author, or the first."""
    articles = list(Article.objects.order_by("pk"))
    if articles:
        article = place.chance.choice(articles)
        article.author = place.row()
        article.save()
    else:
        Article.objects.create(author=place.row())


def unlink(place: Place, text: str) -> None:
    Article.objects.filter(author=place.row()).update(author=None)


def create_linked(place: Place, text: str) -> None:
    Article.objects.create(slug=text, author=create(place, text))


LINKS: list[Callable[[Place, str], object]] = [link, unlink, create_linked]


@pytest.mark.parametrize(
    ("model", "source", "column", "ways"),
    [
        pytest.param(Book, Book, "title", WAYS, id="own column"),
        pytest.param(Article, Author, "name", [*WAYS, *LINKS, *LINKS], id="related column"),
        pytest.param(Essay, Essay, "words", WAYS, id="callable"),
    ],
)
@pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.long)])
def test_the_next_run_embeds_what_was_written_and_nothing_else(
    model: Any, source: Any, column: str, ways: Any, rounds: int, seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311
    place = Place(source, column, tmp_path, chance)
    field, known, used = embedding_field(model), set[str](), list[str]()
    for _ in range(rounds):
        for way in chance.sample(ways, 4):
            way(place, chance.choice(WORDS))
            used.append(way.__name__)
        texts = {row.pk: text_of(field, row) for row in model.objects.all()}
        stale = check_invariants(model, earlier=known).stale
        with paid_texts() as paid:
            Generation(field).run()
        rows = check_invariants(model)
        assert rows.current | rows.blank == texts.keys(), used[-4:]
        assert sorted(paid) == sorted({texts[pk] for pk in stale if texts[pk].strip()}), used[-4:]
        known |= set(texts.values())
