"""`TextIndex` as it is declared, checked and migrated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations import operations as ops
from django.test.utils import isolate_apps

from hybrid_store.backends import vector_ops
from hybrid_store.backends.texts import TextSpec
from hybrid_store.checks.texts import check_stored_texts, check_text_indexes
from hybrid_store.embedders.languages import languages_of
from hybrid_store.exceptions import UnknownFieldError
from hybrid_store.models import EmbeddingField, HybridManager, TextIndex, search
from hybrid_store.models.text_index import declared_text_indexes, text_index
from hybrid_store.test.models import Tale
from tests.states import changes, migrated, state_of, written

APP = "hybrid_store_test"
body = ("body", models.TextField(default=""))


def film(*indexes: Any, title: Any = None) -> Any:
    """The operation that creates the model that `migrated` gives."""
    fields: list[Any] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("title", title or models.CharField(max_length=100)),
        body,
    ]
    managers: list[Any] = [("objects", HybridManager())]
    return ops.CreateModel("Film", fields, {"indexes": [*indexes]}, managers=managers)


def words(**options: Any) -> TextIndex:
    return TextIndex("title", "body", name="cinema_text", **options)


def found(model: Any, text: str) -> list[str]:
    """Titles of the rows that are found by words, in alphabetical order."""
    return sorted(row.title for row in search(model.objects.all(), text, mode="text"))


def tables() -> set[str]:
    return {name for name in connection.introspection.table_names() if "cinema_text" in name}


@contextmanager
def migrated_film(*steps: list[Any]) -> Iterator[Any]:
    try:
        with migrated(*steps) as model:
            yield model
    finally:
        vector_ops(connection).texts.complete(declared_text_indexes("default"))
        assert tables() == set()


# Declared


@pytest.mark.parametrize(
    ("fields", "options", "fault"),
    [
        ((), {}, "takes the names of char or text fields"),
        (("-title",), {}, "takes the names of char or text fields"),
        (("title",), {"weights": {"body": 2}}, "a weight is given to 'body'"),
        (("title",), {"weights": {"title": 0}}, "the weight of 'title' is 0: give a number"),
        (("title",), {"weights": {"title": float("inf")}}, "give a number above 0"),
        (("title",), {"weights": {"title": "2"}}, "the weight of 'title' is '2'"),
        (("title",), {"language": "klingon"}, "unknown language 'klingon', use None or one of"),
        (("title",), {"tokenizer": "porter"}, "unknown tokenizer 'porter', use one of"),
    ],
)
def test_what_makes_no_index_is_refused(fields: Any, options: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        TextIndex(*fields, name="x", **options)


def test_an_index_is_written_to_migrations_as_it_is(tmp_path: Any) -> None:
    index = words(weights={"title": 2.5}, language="spanish")
    before, after = state_of(body), state_of(body, indexes=[index])
    operations = changes(before, after)
    [operation] = written(operations, tmp_path).operations
    assert operation.index == index
    assert operation.index.deconstruct() == (
        "hybrid_store.models.TextIndex",
        (),
        {
            "fields": ["title", "body"],
            "name": "cinema_text",
            "weights": {"title": 2.5},
            "language": "spanish",
        },
    )
    assert (
        changes(after, state_of(body, indexes=[words(weights={"title": 2.5}, language="spanish")]))
        == []
    )
    assert len(changes(after, state_of(body, indexes=[words()]))) == 2


def test_an_index_gets_a_name_as_any_other() -> None:
    after = state_of(body, indexes=[TextIndex("title", "body")])
    [operation] = changes(state_of(body), after)
    assert operation.index.name.endswith("_txt")


@isolate_apps("hybrid_store.test")
def test_one_of_several_is_chosen_by_name() -> None:
    class Song(models.Model):
        title = models.CharField(max_length=10)

        class Meta:
            app_label = APP
            indexes = [TextIndex("title", name="one"), TextIndex("title", name="two")]

    assert text_index(Song, "two")[1].name == "two"
    with pytest.raises(
        UnknownFieldError, match="several text indexes: choose one with index=: 'one', 'two'"
    ):
        text_index(Song)


# Checked


@isolate_apps("hybrid_store.test")
def test_fields_of_another_type_or_table_are_reported() -> None:
    class Place(models.Model):
        name = models.CharField(max_length=10)
        size = models.IntegerField()

        class Meta:
            app_label = APP
            indexes = [TextIndex("size", name="place_text")]

    class House(Place):
        street = models.CharField(max_length=10)

        class Meta:
            app_label = APP
            indexes = [TextIndex("street", "name", name="house_text")]

    config = type("Config", (), {"get_models": lambda self: [Place, House]})()
    number, elsewhere = check_text_indexes([config])
    assert (number.id, elsewhere.id) == ("hybrid_store.E033", "hybrid_store.E033")
    assert "'size' is a IntegerField, no char or text field" in number.msg
    assert "'name' is in the table of hybrid_store_test.Place" in elsewhere.msg


@isolate_apps("hybrid_store.test")
def test_a_language_that_the_embedder_does_not_know_is_reported(settings: Any) -> None:
    backend = "hybrid_store.embedders.hashing.HashingEmbedder"
    english = {"BACKEND": backend, "MODEL": "all-MiniLM-L6-v2", "DIMENSIONS": 384}
    settings.HYBRID_STORE = {"EMBEDDERS": {"default": english}}

    class Libro(models.Model):
        title = models.CharField(max_length=10)
        embedding = EmbeddingField(source=["title"], dimensions=384)

        class Meta:
            app_label = APP
            indexes = [TextIndex("title", language="spanish", name="libro_text")]

    config = type("Config", (), {"get_models": lambda self: [Libro]})()
    [found] = check_text_indexes([config])
    assert found.id == "hybrid_store.W035"
    assert (
        "is in spanish, but the model 'all-MiniLM-L6-v2' of 'embedding' is made for english"
        in found.msg
    )
    Libro._meta.indexes[0].language = "english"
    assert check_text_indexes([config]) == []


@pytest.mark.parametrize(
    ("model", "is_english"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", True),
        ("all-minilm", True),
        ("all-minilm:33m", True),
        ("BAAI/bge-small-en-v1.5", True),
        ("intfloat/e5-base-v2", True),
        ("nomic-embed-text", True),
        ("intfloat/multilingual-e5-small", False),
        ("BAAI/bge-m3", False),
        ("text-embedding-3-small", False),
        ("paraphrase-multilingual-MiniLM-L12-v2", False),
        ("multi-qa-MiniLM-L6-cos-v1", True),
    ],
)
def test_models_for_english_alone_are_known(model: str, is_english: bool) -> None:
    assert (languages_of(model) is not None) == is_english


@pytest.mark.django_db
def test_a_language_without_a_stemmer_in_the_database_is_reported(monkeypatch: Any) -> None:
    texts = vector_ops(connection).texts
    languages: list[str | None] = ["spanish", "nepali", "english", "korean", None]
    for language in languages:
        monkeypatch.setattr(Tale._meta.indexes[1], "language", language)
        found = {message.id for message in check_stored_texts("default")}
        is_known = language in ("korean", None) or texts.stems_language(str(language))
        assert ("hybrid_store.W034" in found) == (not is_known)


@pytest.mark.django_db(transaction=True)
def test_an_index_that_is_missing_is_reported_and_made_by_migrate() -> None:
    texts = vector_ops(connection).texts
    _, index = text_index(Tale)
    spec: TextSpec = index.spec(Tale)
    Tale.objects.create(title="An owl")
    with connection.cursor() as cursor:
        for sql in texts.removal(spec):
            cursor.execute(sql)
    [found] = check_stored_texts("default")
    assert found.id == "hybrid_store.W036"
    call_command("migrate", verbosity=0, run_syncdb=True)
    assert list(check_stored_texts("default")) == []
    assert Tale.objects.search("owl", mode="text").count() == 1


# Migrated


@pytest.mark.django_db(transaction=True)
class TestMigrations:
    def test_rows_that_were_there_are_found(self) -> None:
        def fill(apps: Any, editor: Any) -> None:
            apps.get_model(APP, "Film").objects.create(title="Owl", body="A hen")

        add = ops.AddIndex("film", words())
        with migrated_film([film()], [ops.RunPython(fill)], [add]) as model:
            assert found(model, "hen") == ["Owl"]

    def test_an_index_comes_and_goes_with_its_model(self) -> None:
        with migrated_film([film(words())]) as model:
            model.objects.create(title="Owl")
            assert found(model, "owl") == ["Owl"]
            assert tables()

    def test_an_index_can_be_removed(self) -> None:
        with migrated_film([film(words())], [ops.RemoveIndex("film", "cinema_text")]) as model:
            assert tables() == set()
            model.objects.create(title="Owl")

    def test_an_index_that_is_removed_before_it_is_made_is_not_made(self) -> None:
        both = [ops.AddIndex("film", words()), ops.RemoveIndex("film", "cinema_text")]
        with migrated_film([film()], both):
            assert tables() == set()

    def test_an_index_can_be_made_in_another_way(self) -> None:
        change = [
            ops.RemoveIndex("film", "cinema_text"),
            ops.AddIndex("film", TextIndex("body", language=None, name="cinema_text")),
        ]
        with migrated_film([film(words())], change) as model:
            model.objects.create(title="Owl", body="running")
            assert (found(model, "owl"), found(model, "run")) == ([], [])
            assert found(model, "running") == ["Owl"]

    @pytest.mark.parametrize(
        "change",
        [
            ops.AddField("film", "year", models.IntegerField(default=1)),
            ops.AlterField("film", "title", models.CharField(max_length=300)),
            ops.AlterField("film", "title", models.TextField()),
            ops.AlterField("film", "title", models.CharField(max_length=100, unique=True)),
            ops.AlterField("film", "id", models.AutoField(primary_key=True)),
            ops.AlterModelTable("film", "renamed"),
        ],
        ids=lambda change: change.describe(),
    )
    def test_a_changed_table_keeps_its_index(self, change: Any) -> None:
        with migrated_film([film(words()), ops.RunPython(fill_owl)], [change]) as model:
            assert found(model, "hen") == ["Owl"]
            model.objects.update(body="A fox")
            assert (found(model, "hen"), found(model, "fox")) == ([], ["Owl"])
            model.objects.create(title="Elk")
            assert found(model, "elk") == ["Elk"]

    def test_a_renamed_column_is_followed(self) -> None:
        rename = ops.RenameField("film", "body", "text")
        with migrated_film([film(words()), ops.RunPython(fill_owl)], [rename]) as model:
            # As `makemigrations` would have it, which removes and adds the index.
            model._meta.indexes[0].fields = ["title", "text"]
            model.objects.create(title="Elk", text="A fox")
            model.objects.filter(title="Owl").update(text="A fox")
            assert found(model, "fox") == ["Elk", "Owl"]
            specs = [*declared_text_indexes("default"), model._meta.indexes[0].spec(model)]
            vector_ops(connection).texts.complete(specs)
            model.objects.create(title="Cat", text="A fox")
            assert found(model, "fox") == ["Cat", "Elk", "Owl"]

    def test_an_index_can_be_renamed(self) -> None:
        rename = ops.RenameIndex("film", new_name="cinema_text_too", old_name="cinema_text")
        with migrated_film([film(words()), ops.RunPython(fill_owl)], [rename]) as model:
            [index] = model._meta.indexes
            specs = [*declared_text_indexes("default"), index.spec(model)]
            vector_ops(connection).texts.complete(specs)
            assert found(model, "hen") == ["Owl"]
            model.objects.update(body="A fox")
            assert found(model, "fox") == ["Owl"]

    def test_columns_go_with_the_index(self) -> None:
        change = [ops.RemoveIndex("film", "cinema_text"), ops.RemoveField("film", "body")]
        with migrated_film([film(words())], change) as model:
            model.objects.create(title="Owl")

    def test_its_size_is_that_of_all_of_it(self) -> None:
        with migrated_film([film(words())]) as model:
            texts = vector_ops(connection).texts
            [spec] = [index.spec(model) for index in model._meta.indexes]
            empty = texts.size(spec)
            model.objects.bulk_create(
                model(title=f"Owl {place}", body=f"A hen of {place} " * 100) for place in range(300)
            )
            grown = texts.size(spec)
            assert empty is not None
            assert grown is not None
            # On SQLite it has a copy of the texts, on PostgreSQL the numbers of their words.
            assert grown - empty > 300 * 10
        assert texts.size(spec) is None

    def test_nothing_is_left_to_do_after_migrations(self) -> None:
        texts = vector_ops(connection).texts
        specs = declared_text_indexes("default")
        before = {spec.name: texts.is_kept(spec) for spec in specs}
        assert before == dict.fromkeys(before, True)
        names = {index.name for model in apps.get_models() for index in model._meta.indexes}
        assert {*before} <= names


def fill_owl(apps: Any, editor: Any) -> None:
    apps.get_model(APP, "Film").objects.create(title="Owl", body="A hen")


@pytest.mark.django_db(transaction=True)
def test_sql_of_migrations_has_no_marks() -> None:
    """What `sqlmigrate` prints can be run as it is."""
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        editor.create_model(Tale)
    printed = "\n".join(editor.collected_sql)
    assert "tale_text" in printed
    assert "%(" not in printed
