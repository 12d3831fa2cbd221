"""An index of words on PostgreSQL while tables, columns, roles and databases change."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, migrations, models, transaction

from hybrid_store.backends import vector_ops
from hybrid_store.models import TextIndex
from hybrid_store.texts.query import parse
from tests.databases.drivers import needs_psycopg3
from tests.databases.other_ways import another_way
from tests.databases.words import NAME, TABLE, fetch, found, index_of, ops, run, tales
from tests.durability.test_dumps import client
from tests.fresh import fresh_database
from tests.states import migrated

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

SIDE = f"hybrid_store_text_{NAME}"
WRITER = f"hybrid_store_writer_{os.getpid()}"


@pytest.fixture
def model() -> Iterator[Any]:
    with tales() as made:
        yield made


def keys(model: Any, text: str) -> set[Any]:
    return {*found(index_of(model), text)}


def objects() -> set[str]:
    """Tables, functions and triggers of indexes of words that are made in tests."""
    return {
        name
        for (name,) in fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^hybrid_store_text_'"
            " UNION ALL SELECT proname FROM pg_proc WHERE proname ~ '^hybrid_store_'"
            " UNION ALL SELECT tgname FROM pg_trigger WHERE tgname ~ '^hybrid_store_'"
        )
        if "made" in name
    }


def versions() -> list[Any]:
    """Which transaction wrote each document."""
    return fetch(f"SELECT key0, xmin::text, ctid::text FROM {SIDE} ORDER BY key0")  # noqa: S608


# Rows


def test_every_way_of_writing_is_seen(model: Any) -> None:
    model.objects.create(pk=1, title="Lost", body="in space")
    run(f"INSERT INTO {TABLE} (id, title, body) VALUES (2, 'Found', 'the lost crew')")  # noqa: S608
    assert keys(model, "lost") == {1, 2}
    model.objects.filter(pk=1).update(title="Kept")
    assert keys(model, "lost") == {2}
    assert keys(model, "kept") == {1}
    model.objects.filter(pk=2).update(id=3)
    assert keys(model, "lost") == {3}
    model.objects.update(title=None)
    assert keys(model, "found kept") == set()
    model.objects.all().delete()
    assert fetch(f"SELECT count(*) FROM {SIDE}") == [(0,)]  # noqa: S608


def test_what_is_rolled_back_is_not_found(model: Any) -> None:
    model.objects.create(pk=1, title="Lost", body="")
    with transaction.atomic():
        model.objects.create(pk=2, title="Lost", body="")
        model.objects.filter(pk=1).update(title="Found")
        assert keys(model, "lost") == {2}
        transaction.set_rollback(True)
    assert keys(model, "lost") == {1}


def test_keys_are_passed_on_in_one_statement(model: Any) -> None:
    model.objects.bulk_create(model(pk=pk, title=f"t{pk}", body="") for pk in (3, 2, 1))
    run(f"UPDATE {TABLE} SET id = id + 1")  # noqa: S608
    assert [keys(model, f"t{pk}") for pk in (1, 2, 3)] == [{2}, {3}, {4}]


def test_a_row_is_indexed_anew_only_where_its_texts_change(model: Any) -> None:
    model.objects.bulk_create(model(title="a", body=str(n)) for n in range(5))
    before = versions()
    model.objects.update(year=2000)
    model.objects.update(title="a", body=models.F("body"))
    assert versions() == before
    model.objects.filter(pk=model.objects.first().pk).update(title="A")
    assert versions()[1:] == before[1:]
    assert versions()[0] != before[0]


def test_truncating_a_table_empties_the_index(model: Any) -> None:
    model.objects.create(title="lost", body="")
    run(f"TRUNCATE {TABLE} RESTART IDENTITY")
    assert keys(model, "lost") == set()
    model.objects.create(title="lost", body="")
    assert len(keys(model, "lost")) == 1
    run(f"TRUNCATE {TABLE}", f"TRUNCATE {TABLE}")


@pytest.mark.parametrize(
    ("key", "field"),
    [
        (uuid.uuid4(), models.UUIDField(primary_key=True)),
        ("a'key", models.CharField(max_length=20, primary_key=True)),
    ],
)
def test_keys_may_be_of_any_type(key: Any, field: Any) -> None:
    with tales(field) as model:
        model.objects.create(pk=key, title="lost", body="")
        assert keys(model, "lost") == {key}
        model.objects.filter(pk=key).delete()
        assert keys(model, "lost") == set()


def test_a_text_may_have_more_words_than_a_vector_has_values(model: Any) -> None:
    words = " ".join(f"w{n}" for n in range(20_000))
    model.objects.create(pk=1, title="lost", body=f"{words} {'lost ' * 50}")
    model.objects.create(pk=2, title="lost", body="")
    assert found(index_of(model), "lost")[1][1] > 0
    assert keys(model, '"w19998 w19999"') == {1}
    assert [*fetch(f"SELECT cardinality(terms) > 20000 FROM {SIDE} WHERE key0 = 1")] == [(True,)]  # noqa: S608


@pytest.mark.parametrize("text", ["우주에서길을잃은승무원" * 20_000, "crew in space " * 100_000])
def test_a_text_may_be_long(model: Any, text: str) -> None:
    model.objects.create(pk=1, title="", body=text)
    assert keys(model, text[:10]) == {1}


# Words


def test_forms_of_words_are_one(model: Any) -> None:
    model.objects.create(pk=1, title="Running", body="the CAFÉS of 1999")
    for text in ("run", "runs", "cafe", "café", "Cafés", "the", "1999", '"cafe of"'):
        assert keys(model, text) == {1}, text
    assert keys(model, "runner") == set()
    spec = index_of(model)
    assert ops().terms(spec, ["running", "cafés", "the"]) == {
        "running": "run",
        "cafés": "cafe",
        "the": "the",
    }


def test_languages_are_those_of_the_server() -> None:
    assert ops().stems_language("german")
    assert not ops().stems_language("korean")
    with tales(language="german") as model:
        model.objects.create(pk=1, title="Häuser", body="")
        assert keys(model, "haus") == {1}
    with tales(language="korean") as model:
        model.objects.create(pk=1, title="우주에서 길을 잃은", body="")
        assert keys(model, "우주") == {1}
        assert keys(model, "주우") == set()


def test_no_half_of_a_character_is_found(model: Any) -> None:
    model.objects.create(pk=1, title="lost", body="")
    assert keys(model, "lost \ud800x ud800") == {1}
    assert keys(model, "\ud800") == set()


def test_trigrams_find_parts_of_words() -> None:
    with tales(tokenizer="trigrams") as model:
        model.objects.create(pk=1, title="Spaceship", body="of CAFÉ")
        model.objects.create(pk=2, title="space", body="hip")
        spec = index_of(model)
        assert keys(model, "ship") == {1}
        assert keys(model, "pace") == {1, 2}
        assert keys(model, "afe") == {1}
        assert keys(model, "of") == set()
        assert {k for k, (strict, _) in found(spec, '"of caf"').items() if strict} == {1}
        assert {k for k, (strict, _) in found(spec, '"space hip"').items() if strict} == set()


# Tables and columns


STEPS = [
    migrations.CreateModel(
        "Film",
        [
            ("id", models.AutoField(primary_key=True)),
            ("gone", models.IntegerField(null=True)),
            ("title", models.CharField(max_length=100)),
        ],
    ),
    migrations.RemoveField("Film", "gone"),
    migrations.AddIndex("Film", TextIndex("title", name=NAME)),
]


def complete(model: Any) -> None:
    ops().complete([index_of(model)])


def test_an_index_follows_columns_that_are_renamed_before_it_is_told() -> None:
    rename = migrations.RenameField("Film", "title", "name")
    with migrated(STEPS, [rename]) as model:
        # As the models of a project are; historical ones keep the old name in the index.
        model._meta.indexes = [TextIndex("name", name=NAME)]
        model.objects.create(pk=1, name="lost")
        model.objects.create(pk=2, name="found")
        model.objects.filter(pk=2).update(name="lost again")
        model.objects.filter(pk=1).delete()
        assert keys(model, "lost") == {2}
        written = versions()
        complete(model)
        assert versions() == written
        model.objects.create(pk=3, name="lost")
        before_update = versions()
        model.objects.update(name=models.F("name"))
        assert versions() == before_update
        assert keys(model, "lost") == {2, 3}


def test_a_renamed_key_is_followed_too() -> None:
    rename = migrations.RenameField("Film", "id", "number")
    with migrated(STEPS, [rename]) as model:
        model.objects.create(number=1, title="lost")
        model.objects.create(number=2, title="lost")
        model.objects.filter(number=1).delete()
        assert keys(model, "lost") == {2}
        complete(model)
        model.objects.filter(number=2).update(number=3)
        assert keys(model, "lost") == {3}


def test_tables_and_types_change_under_an_index() -> None:
    steps = [
        migrations.RenameModel("Film", "Movie"),
        migrations.AlterField("Movie", "title", models.TextField()),
        migrations.AlterModelTable("Movie", "other_table"),
        migrations.RenameModel("Movie", "Film"),
    ]
    with migrated(STEPS, steps) as model:
        model.objects.create(pk=1, title="lost")
        written = versions()
        complete(model)
        assert versions() == written
        assert keys(model, "lost") == {1}


def test_keys_of_another_type_make_an_index_anew() -> None:
    steps = [migrations.AlterField("Film", "id", models.BigAutoField(primary_key=True))]
    with migrated(STEPS, steps) as model:
        model.objects.create(pk=1, title="lost")
        complete(model)
        model.objects.create(pk=2**40, title="lost")
        assert keys(model, "lost") == {1, 2**40}


def test_another_definition_makes_an_index_anew() -> None:
    with migrated(STEPS) as model:
        model.objects.create(pk=1, title="running")
        assert keys(model, "run") == {1}
        model._meta.indexes = [TextIndex("title", name=NAME, language=None)]
        complete(model)
        assert keys(model, "run") == set()
        model.objects.create(pk=2, title="running")
        assert keys(model, "running") == {1, 2}


def test_a_renamed_index_is_found_by_its_new_name() -> None:
    renamed = [migrations.RenameIndex("Film", old_name=NAME, new_name="made_other")]
    with migrated(STEPS, renamed) as model:
        model.objects.create(pk=1, title="lost")
        complete(model)
        assert keys(model, "lost") == {1}
        model.objects.create(pk=2, title="lost")
        assert keys(model, "lost") == {1, 2}
        assert not [name for name in objects() if NAME in name]
    ops().complete([])
    assert objects() == set()


def test_a_renamed_index_can_be_removed_before_it_is_told() -> None:
    renamed = [migrations.RenameIndex("Film", old_name=NAME, new_name="made_other")]
    removed = [migrations.RemoveIndex("Film", "made_other")]
    with migrated(STEPS, renamed, removed) as model:
        assert objects() == set()
        model.objects.create(pk=1, title="lost")


def test_an_index_goes_with_its_table_and_stays_with_one_that_is_unknown(model: Any) -> None:
    model.objects.create(pk=1, title="lost", body="")
    made = objects()
    assert len(made) == 7
    ops().complete([])
    assert objects() == made
    assert keys(model, "lost") == {1}
    run(f"DROP TABLE {TABLE}")
    assert objects()
    ops().complete([])
    assert objects() == set()


def test_what_is_missing_is_made_again(model: Any) -> None:
    model.objects.create(pk=1, title="lost", body="")
    for damage in (
        f"DROP TABLE {SIDE}",
        f"DROP TRIGGER hybrid_store_write_{NAME} ON {TABLE}",
        f"DROP INDEX {NAME}",
        f"DROP FUNCTION hybrid_store_words_{NAME}",
        f"COMMENT ON TABLE {SIDE} IS NULL",
        f"COMMENT ON TABLE {SIDE} IS 'else'",
        f"ALTER TABLE {TABLE} DISABLE TRIGGER hybrid_store_write_{NAME}",
    ):
        run(damage)
        complete(model)
        assert keys(model, "lost") == {1}, damage
        model.objects.filter(pk=1).update(title="found")
        assert keys(model, "found") == {1}, damage
        model.objects.filter(pk=1).update(title="lost")


def test_an_index_is_made_and_removed_with_rows_there() -> None:
    index = TextIndex("title", name=NAME)
    with migrated(STEPS[:2]) as model:
        model.objects.create(pk=1, title="lost")
        with connection.schema_editor() as editor:
            editor.add_index(model, index)
        model._meta.indexes = [index]
        assert keys(model, "lost") == {1}
        with connection.schema_editor() as editor:
            editor.add_index(model, index)
            editor.remove_index(model, index)
        assert objects() == set()


def test_names_may_be_long_and_odd() -> None:
    table, column, names = "it's a table", "the 'title'", ["é" * 30, "é" * 29 + "f", "a'b c"]
    steps = [
        migrations.CreateModel(
            "Film",
            [
                ("id", models.AutoField(primary_key=True, db_column="the 'key'")),
                ("title", models.CharField(max_length=100, db_column=column)),
            ],
            options={"db_table": table},
        ),
        *(migrations.AddIndex("Film", TextIndex("title", name=name)) for name in names),
    ]
    with migrated(steps) as model:
        model.objects.create(pk=1, title="lost")
        for index in [*model._meta.indexes]:
            model._meta.indexes = [index]
            assert keys(model, "lost") == {1}
            complete(model)


def test_columns_may_have_collations_of_their_own() -> None:
    fields: list[Any] = [
        ("id", models.CharField(max_length=9, primary_key=True, db_collation="POSIX")),
        ("title", models.CharField(max_length=100, db_collation="C")),
        ("body", models.TextField(db_collation="POSIX")),
    ]
    steps = [migrations.CreateModel("Film", fields)]
    with migrated(steps) as model:
        model.objects.create(pk="é", title="lost", body="ÉTÉ")
        model._meta.indexes = [TextIndex("title", "body", name=NAME)]
        with connection.schema_editor() as editor:
            editor.add_index(model, model._meta.indexes[0])
        model.objects.filter(pk="é").update(title="Found")
        assert keys(model, "found") == keys(model, "ete") == {"é"}


# Roles and databases


def test_who_may_write_rows_may_write_their_index() -> None:
    steps = [migrations.AddIndex("Film", TextIndex("title", name=NAME))]
    with migrated(STEPS[:2]) as model:
        table = model._meta.db_table
        run(
            f"CREATE ROLE {WRITER}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON {table} TO {WRITER}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {WRITER}",
        )
        try:
            model._meta.indexes = [steps[0].index]
            with connection.schema_editor() as editor:
                editor.add_index(model, steps[0].index)
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {WRITER}")
                model.objects.create(pk=1, title="lost")
                model.objects.filter(pk=1).update(title="lost again")
                assert keys(model, "lost") == {1}
                model.objects.filter(pk=1).delete()
                cursor.execute(f"TRUNCATE {table}")
        finally:
            connection.close()
            run(f"DROP OWNED BY {WRITER}", f"DROP ROLE {WRITER}")


def test_rows_are_written_with_any_search_path(model: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = ''")
        cursor.execute(f"INSERT INTO public.{TABLE} (id, title, body) VALUES (1, 'lost', '')")  # noqa: S608
        cursor.execute(f"UPDATE public.{TABLE} SET title = 'found'")  # noqa: S608
        cursor.execute("RESET search_path")
    assert keys(model, "found") == {1}


def test_an_index_is_in_the_schema_of_a_tenant(model: Any) -> None:
    spec = index_of(model)
    run("CREATE SCHEMA tenant")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET search_path = tenant, public")
            with connection.schema_editor() as editor:
                editor.create_model(model)
            model.objects.create(pk=7, title="lost", body="")
            assert {*found(spec, "lost")} == {7}
            cursor.execute("SET search_path = public")
            assert {*found(spec, "lost")} == set()
            model.objects.create(pk=1, title="lost", body="")
            assert {*found(spec, "lost")} == {1}
    finally:
        run("RESET search_path", "DROP SCHEMA tenant CASCADE")


@needs_psycopg3
def test_the_server_may_bind_parameters(model: Any) -> None:
    model.objects.create(pk=1, title="lost", body="in space")
    with another_way("bound", {"server_side_binding": True}) as other, other.cursor() as cursor:
        texts, spec = vector_ops(other).texts, index_of(model)
        for _ in range(7):
            ranked = texts.ranked(spec, parse('"in space" lost or found'))
            cursor.execute(f"SELECT key0, strict FROM {ranked.sql} hits", ranked.params)  # noqa: S608
            assert cursor.fetchall() == [(1, 1)]


def test_a_dump_can_be_restored(model: Any, tmp_path: Path) -> None:
    model.objects.create(pk=1, title="lost", body="")
    dump = client("pg_dump", connection.settings_dict["NAME"])
    with fresh_database(tmp_path) as database:
        client("psql", database["NAME"], "--set=ON_ERROR_STOP=1", "--quiet", given=dump)
        with another_way("restored", NAME=database["NAME"]) as other, other.cursor() as cursor:
            texts = vector_ops(other).texts
            cursor.execute(f"INSERT INTO {TABLE} (id, title, body) VALUES (2, 'Lost', 'crew')")  # noqa: S608
            texts.complete([index_of(model)])
            ranked = texts.ranked(index_of(model), parse("lost"))
            cursor.execute(f"SELECT key0 FROM {ranked.sql} hits", ranked.params)  # noqa: S608
            assert {key for (key,) in cursor.fetchall()} == {1, 2}


def test_the_extension_may_be_in_a_schema_of_its_own(model: Any, tmp_path: Path) -> None:
    with (
        fresh_database(tmp_path) as database,
        another_way("elsewhere", NAME=database["NAME"]) as other,
    ):
        with other.cursor() as cursor:
            cursor.execute("CREATE SCHEMA extensions")
            cursor.execute("CREATE EXTENSION vector SCHEMA extensions")
        with other.schema_editor() as editor:
            editor.create_model(model)
        model.objects.using("elsewhere").create(pk=1, title="lost", body="")
        ranked = vector_ops(other).texts.ranked(index_of(model), parse("lost"))
        with other.cursor() as cursor:
            cursor.execute(f"SELECT key0 FROM {ranked.sql} hits", ranked.params)  # noqa: S608
            assert cursor.fetchall() == [(1,)]
            cursor.execute("ALTER EXTENSION vector SET SCHEMA public")
        model.objects.using("elsewhere").create(pk=2, title="lost", body="")
