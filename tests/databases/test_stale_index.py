"""PostgreSQL really uses a `StaleIndex`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import connection, models
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext

from hybrid_store.checks import check_databases
from hybrid_store.exceptions import InvalidIndexError
from hybrid_store.models import EmbeddingField, StaleIndex, stale
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.freshness import content_stale
from hybrid_store.models.spaces import of_other_space, of_unknown_origin
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Album, Article, Clause, Note, Novel, Page, Recording
from tests.databases.drivers import needs_psycopg3
from tests.states import changes, migrated, state_of

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

ROWS = 3000
VECTOR = [1.0] * 384


def run(sql: str, *params: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else None


def embed_all(model: type[models.Model], name: str) -> Any:
    """Fill in every vector of an embedding by SQL; the rows that are stale then."""
    field: Any = model._meta.get_field(name)
    [source] = field.source_names
    run(
        f"UPDATE {model._meta.db_table} SET {name} = %s::vector, "  # noqa: S608
        f"{field.fingerprint_name} = %s || md5({source})",
        str(VECTOR),
        field.space_prefix,
    )
    run(f"VACUUM ANALYZE {model._meta.db_table}")
    return model._base_manager.filter(content_stale(field))


@pytest.fixture(params=["client", pytest.param("server", marks=needs_psycopg3)])
def binding(request: Any) -> Iterator[None]:
    """Where parameters are put into SQL."""
    connection.close()
    if request.param == "server":
        connection.settings_dict["OPTIONS"] = {"server_side_binding": True}
    yield
    connection.close()
    connection.settings_dict["OPTIONS"] = {}


TITLES: Any = Album._meta.get_field("title_embedding")


@pytest.fixture
def albums() -> Any:
    """The stale ones of 3,000 albums: every hundredth has another title than was embedded."""
    run(
        "INSERT INTO hybrid_store_test_album (title, lyrics, distance) "
        "SELECT n::text, '', n FROM generate_series(1, %s) n",
        ROWS,
    )
    stale = embed_all(Album, "title_embedding")
    Album.objects.filter(distance__in=range(0, ROWS, 100)).update(title="another")
    run("ANALYZE hybrid_store_test_album")
    return stale


def narrowed(rows: Any) -> Any:
    return rows.exclude(of_other_space(TITLES)).exclude(of_unknown_origin(TITLES))


QUERIES: dict[str, Callable[[Any], Any]] = {
    "first": lambda rows: rows.order_by("pk")[:10],
    "next": lambda rows: rows.order_by("pk").filter(pk__gt=5)[:10],
    "narrowed": lambda rows: narrowed(rows).order_by("pk")[:10],
    "narrowed, next": lambda rows: narrowed(rows).filter(pk__gt=5).order_by("pk")[:10],
    "filtered": lambda rows: rows.filter(distance__gt=1, title="another").order_by("pk")[:10],
    "columns": lambda rows: rows.order_by("pk").values_list("pk", "title")[:10],
    "all": lambda rows: rows,
    "last": lambda rows: rows.order_by("-pk")[:10],
    "subquery": lambda rows: Album.objects.filter(pk__in=rows.order_by("pk")[:10].values("pk")),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_stale_rows_are_found_by_the_index(binding: None, albums: Any, query: Any) -> None:
    found = query(albums)
    assert "using test_album_title" in found.explain()
    assert {place % 100 for place in found.values_list("distance", flat=True)} == {0}


def test_the_index_gives_the_same_rows_as_the_table(albums: Any) -> None:
    assert albums.count() == ROWS // 100 - 1
    by_index = list(albums.order_by("pk").values_list("pk", flat=True))
    with connection.schema_editor() as editor:
        editor.remove_index(Album, Album._meta.indexes[0])
    try:
        assert list(albums.order_by("pk").values_list("pk", flat=True)) == by_index
    finally:
        with connection.schema_editor() as editor:
            editor.add_index(Album, Album._meta.indexes[0])


def test_generation_finds_its_rows_by_the_index(albums: Any) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert generate(TITLES, limit=20, batch_size=10).embedded == 20
    found = [query["sql"] for query in queries if '"_source_text"' in query["sql"]]
    assert found
    for sql in found:
        plan = "\n".join(line for (line,) in run(f"EXPLAIN {sql}"))
        assert "using test_album_title" in plan


def test_generic_plans_keep_the_index(albums: Any) -> None:
    sql, params = narrowed(albums).filter(pk__gt=5).order_by("pk")[:10].query.sql_with_params()
    run("SET plan_cache_mode = force_generic_plan")
    numbered = sql % tuple(f"${number}" for number in range(1, len(params) + 1))
    run(f"PREPARE stale_rows AS {numbered}")
    values = ", ".join(repr(value) for value in params)
    plan = "\n".join(line for (line,) in run(f"EXPLAIN EXECUTE stale_rows ({values})"))
    assert "using test_album_title" in plan
    assert "$" in plan


def test_a_condition_of_the_field_is_part_of_the_index(binding: None) -> None:
    Page.objects.bulk_create(
        [Page(title=f"t{n}", published=n % 2 == 0, views=n) for n in range(ROWS)]
    )
    stale = embed_all(Page, "embedding")
    Page.objects.filter(published=False).update(embedding=None, embedding_fingerprint=None)
    assert not stale.exists()
    Page.objects.filter(views__gte=ROWS - 10).update(published=True)
    found = stale.filter(pk__gt=1).order_by("pk")[:10]
    assert "using test_page_stale" in found.explain()
    assert [page.views for page in found] == [ROWS - n for n in (9, 7, 5, 3, 1)]


def test_composite_keys_are_indexed_in_their_order() -> None:
    Clause.objects.bulk_create([Clause(tenant=n % 10, number=n, text=f"t{n}") for n in range(ROWS)])
    stale = embed_all(Clause, "embedding")
    Clause.objects.filter(number__gte=ROWS - 10).update(text="another")
    after = stale.filter(pk__gt=(5, 0)).order_by("pk")[:10]
    assert "Index Cond: (ROW(tenant, number) > ROW(5, 0))" in after.explain()
    assert [row.tenant for row in after] == [5, 6, 7, 8, 9]


def test_children_use_their_own_index_and_their_parents() -> None:
    for n in range(20):
        Recording.objects.create(text=f"t{n}", words=f"w{n}")
    stale = embed_all(Recording, "words_embedding")
    run("SET enable_seqscan = off")
    [index] = Recording._meta.indexes
    assert f"using {index.name}" in stale.order_by("pk")[:5].explain()
    Novel.objects.create(title="new")
    novels = Novel.objects.filter(content_stale(embedding_field(Novel)))
    assert "using test_book_stale" in novels.order_by("pk")[:5].explain()
    assert novels.get().title == "new"
    connection.close()
    Note.objects.all().delete()


def test_columns_may_have_different_collations() -> None:
    plot = ("plot", models.TextField(db_collation="POSIX"))
    title = ("title", models.CharField(max_length=9, db_collation="C"))
    embedding = ("embedding", EmbeddingField(source=["title", "plot"], dimensions=384))
    state = state_of(title, plot, embedding, indexes=[StaleIndex("embedding", name="film_stale")])
    with migrated(changes(ProjectState(), state)) as film:
        film.objects.create(title="t", plot="p")
        film.objects.create()
        assert [row.title for row in stale(film.objects.all())] == ["t"]
        assert film._meta.indexes[0].is_usable(film, "default")


def test_an_index_can_be_built_concurrently() -> None:
    state = state_of(("embedding", EmbeddingField(source=["title"], dimensions=3)))
    index = StaleIndex("embedding", name="film_stale")
    create, app = changes(ProjectState(), state), "hybrid_store_test"
    with connection.schema_editor() as editor:
        for operation in create:
            operation.database_forwards(app, editor, ProjectState(), state)
    try:
        after = state.clone()
        add = AddIndexConcurrently("film", index)
        add.state_forwards(app, after)
        film = after.apps.get_model(app, "Film")
        with connection.schema_editor(atomic=False) as editor:
            add.database_forwards(app, editor, state, after)
        assert index.is_usable(film, "default")
        with connection.schema_editor(atomic=False) as editor:
            RemoveIndexConcurrently("film", index.name).database_forwards(app, editor, after, state)
        assert not index.is_usable(film, "default")
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(state.apps.get_model(app, "Film"))


def test_an_index_restored_from_a_dump_is_usable() -> None:
    [index] = Clause._meta.indexes
    [(sql,)] = run("SELECT indexdef FROM pg_indexes WHERE indexname = %s", index.name)
    run(f"DROP INDEX {index.name}")
    assert not index.is_usable(Clause, "default")
    run(sql)
    assert index.is_usable(Clause, "default")


def test_an_index_over_another_table_is_refused() -> None:
    index = StaleIndex("embedding", name="article_stale")
    with (
        pytest.raises(InvalidIndexError, match="'author__name', on which 'embedding' depends"),
        connection.schema_editor() as editor,
    ):
        editor.add_index(Article, index)


def reported() -> list[str]:
    """The names of the indexes that `check --database` warns of."""
    found = check_databases(databases=["default"])
    return [message.msg.split("'")[1] for message in found if message.id == "hybrid_store.W018"]


def test_an_index_that_is_missing_or_outdated_is_reported() -> None:
    [index] = Clause._meta.indexes
    assert reported() == []
    with connection.schema_editor() as editor:
        editor.remove_index(Clause, index)
    assert reported() == [index.name]
    run(f"CREATE INDEX {index.name} ON hybrid_store_test_clause (tenant) WHERE number = 1")
    assert reported() == [index.name]
    with connection.schema_editor() as editor:
        editor.remove_index(Clause, index)
        editor.add_index(Clause, index)
    assert reported() == []
