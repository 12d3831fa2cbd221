"""What `makemigrations` writes, and historical models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.state import ProjectState

from hybrid_store.models import (
    BitField,
    EmbeddingField,
    SparseVectorField,
    StaleIndex,
    VectorIndex,
)
from tests.states import changes, names, state_of, written


def essay_source(row: Any) -> str:
    return str(row.title)


EMBEDDING = ("embedding", EmbeddingField(source=["title"], dimensions=3))


def test_adding_an_embedding_adds_its_companion_and_index() -> None:
    index = VectorIndex("embedding", metric="l2", name="film_vec", m=4)
    operations = changes(state_of(), state_of(EMBEDDING, indexes=[index]))
    assert names(operations) == ["AddField", "AddField", "AddIndex"]
    assert {operation.name for operation in operations[:2]} == {
        "embedding",
        "embedding_fingerprint",
    }


@pytest.mark.parametrize(
    ("arguments", "options", "fault"),
    [
        ([], {}, "takes the name of one vector field"),
        (["a", "b"], {}, "takes the name of one vector field"),
        (["-a"], {}, "takes the name of one vector field"),
        (["a"], {"fields": ["a"]}, "takes the name of one vector field"),
        (["a"], {"metric": "angular"}, "unknown metric 'angular', use one of 'cosine'"),
        (["a"], {"m": 1}, "m is 1, not a whole number from 2 to 100"),
        (["a"], {"m": "16"}, "m is '16', not a whole number"),
        (["a"], {"ef_construction": 2000}, "ef_construction is 2000"),
        (["a"], {"m": 50, "ef_construction": 64}, "at least twice m"),
    ],
)
def test_an_index_that_cannot_be_built_is_refused(arguments: Any, options: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        VectorIndex(*arguments, name="made_vec", **options)


def test_nothing_is_found_to_change_twice() -> None:
    assert changes(state_of(EMBEDDING), state_of(EMBEDDING)) == []


def test_an_index_or_field_that_changes_is_noticed() -> None:
    def with_index(**options: Any) -> ProjectState:
        return state_of(EMBEDDING, indexes=[VectorIndex("embedding", name="film_vec", **options)])

    assert changes(with_index(), with_index(metric="l1"))
    assert changes(with_index(), with_index(m=4))
    wider = ("embedding", EmbeddingField(source=["title"], dimensions=4))
    assert names(changes(state_of(EMBEDDING), state_of(wider))) == ["AlterField"]


@pytest.mark.django_db(transaction=True)
def test_bits_and_sparse_vectors_are_migrated_and_altered(tmp_path: Path) -> None:
    def with_sizes(length: int, dimensions: int) -> ProjectState:
        return state_of(
            ("bits", BitField(length=length, null=True)),
            ("terms", SparseVectorField(dimensions=dimensions, null=True)),
            indexes=[VectorIndex("bits", metric="jaccard", name="made_film_bits")],
        )

    first, second = with_sizes(12, 50), with_sizes(20, 60)
    assert changes(first, with_sizes(12, 50)) == []
    migration = written(changes(ProjectState(), first), tmp_path)
    text = (tmp_path / "made.py").read_text()
    assert "hybrid_store.models.BitField(length=12, null=True)" in text
    assert "hybrid_store.models.SparseVectorField(dimensions=50, null=True)" in text
    alterations = changes(first, second)
    assert names(alterations) == ["AlterField", "AlterField"]
    with connection.schema_editor() as editor:
        state = migration.apply(ProjectState(), editor)
    try:
        state.apps.get_model("hybrid_store_test", "Film").objects.create(title="empty")
        for alteration in alterations:
            after = state.clone()
            alteration.state_forwards("hybrid_store_test", after)
            with connection.schema_editor() as editor:
                alteration.database_forwards("hybrid_store_test", editor, state, after)
            state = after
        film: Any = state.apps.get_model("hybrid_store_test", "Film")
        film.objects.create(title="t", bits="1" * 20, terms={59: 1})
        row = film.objects.get(title="t")
        assert (row.bits.to_text(), row.terms.to_text()) == ("1" * 20, "{60:1.0}/60")
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(state.apps.get_model("hybrid_store_test", "Film"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("source", [["title"], essay_source])
def test_a_written_migration_runs_forwards_and_backwards(tmp_path: Path, source: Any) -> None:
    field = ("embedding", EmbeddingField(source=source, on_save="now", dimensions=3))
    indexes: list[Any] = [VectorIndex(fields=["embedding"], name="made_film_vec")]
    if not callable(source):
        indexes.append(StaleIndex("embedding", name="made_film_stale"))
    operations = changes(ProjectState(), state_of(field, indexes=indexes))
    migration = written(operations, tmp_path)
    empty = ProjectState()
    with connection.schema_editor() as editor:
        state = migration.apply(empty.clone(), editor)
    try:
        film: Any = state.apps.get_model("hybrid_store_test", "Film")
        film.objects.create(title="t", embedding=[1, 2, 3])
        assert film.objects.get().embedding == [1, 2, 3]
        assert {f.name for f in film._meta.get_fields()} >= {"embedding", "embedding_fingerprint"}
    finally:
        with connection.schema_editor() as editor:
            migration.unapply(empty.clone(), editor)


@pytest.mark.django_db(transaction=True)
def test_other_dimensions_can_be_migrated_to_and_back() -> None:
    before, after = (
        state_of(EMBEDDING),
        state_of(("embedding", EmbeddingField(source=["title"], dimensions=5))),
    )
    [alter] = changes(before, after)
    model = before.apps.get_model("hybrid_store_test", "Film")
    with connection.schema_editor() as editor:
        editor.create_model(model)
    try:
        with connection.schema_editor() as editor:
            alter.database_forwards("hybrid_store_test", editor, before, after)
        film: Any = after.apps.get_model("hybrid_store_test", "Film")
        film._base_manager.create(title="t", embedding=[1, 2, 3, 4, 5])
        film._base_manager.all().delete()
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(after.apps.get_model("hybrid_store_test", "Film"))
