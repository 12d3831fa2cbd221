"""`StaleIndex` in migrations: it is always the one that the models ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models
from django.db.migrations.operations import AddIndex
from django.db.migrations.state import ProjectState
from django.db.models import Q

from hybrid_store.backends import vector_ops
from hybrid_store.models import EmbeddingField, StaleIndex, stale
from tests.states import changes, migrated, names, state_of, written

pytestmark = pytest.mark.django_db(transaction=True)


def described(name: str = "description") -> tuple[str, Any]:
    return (name, models.TextField(default=""))


def with_queue(
    *source: str, name: str = "film_stale", extra: Any = (), **options: Any
) -> ProjectState:
    """The state of a model whose embedding of `source` has an index of its stale rows."""
    embedding = ("embedding", EmbeddingField(source=source, dimensions=3, **options))
    return state_of(*extra, embedding, indexes=[StaleIndex("embedding", name=name)])


def is_usable(film: Any) -> bool:
    [index] = film._meta.indexes
    return bool(index.is_usable(film, "default"))


needs_partial_index = pytest.mark.skipif(
    not vector_ops(connection).supports_stale_index, reason="the database makes no such index"
)


def test_a_stale_index_carries_the_source_it_is_made_for(tmp_path: Path) -> None:
    state = with_queue("title")
    operations = changes(ProjectState(), state)
    migration = written(operations, tmp_path)
    ingredients = "made_of={'columns': {'title': 'CharField'}, 'source': ['title']}"
    assert ingredients in (tmp_path / "made.py").read_text()
    assert changes(migration.mutate_state(ProjectState()), state) == []
    [index] = state.models["hybrid_store_test", "film"].options["indexes"]
    assert index.clone() == index != StaleIndex("embedding", name="film_stale")


def test_another_source_makes_another_index() -> None:
    before, after = (with_queue(name, extra=[described()]) for name in ("title", "description"))
    operations = changes(before, after)
    assert names(operations) == ["RemoveIndex", "AlterField", "AddIndex"]
    with migrated(changes(ProjectState(), before), operations) as film:
        assert is_usable(film)


def test_another_condition_makes_another_index(tmp_path: Path) -> None:
    year = ("year", models.IntegerField())
    before, after = (
        with_queue("title", extra=[year], embed_if=condition)
        for condition in (Q(year__gte=1), Q(year__gte=2) & ~Q(title="%s 'x'"))
    )
    operations = changes(before, after)
    assert names(operations) == ["RemoveIndex", "AlterField", "AddIndex"]
    migration = written(changes(ProjectState(), after), tmp_path)
    assert changes(migration.mutate_state(ProjectState()), after) == []
    with migrated(changes(ProjectState(), before), operations) as film:
        assert is_usable(film)


def test_a_source_that_is_removed_or_renamed_takes_its_index_along() -> None:
    both, one = with_queue("title", "plot", extra=[described("plot")]), with_queue("title")
    with migrated(changes(ProjectState(), both), changes(both, one)) as film:
        assert is_usable(film)
    renamed = with_queue("title", "text", extra=[described("text")])
    steps = changes(both, renamed, ask_rename=True)
    assert "RenameField" in names(steps)
    with migrated(changes(ProjectState(), both), steps) as film:
        assert is_usable(film)


def test_a_stale_index_can_be_renamed() -> None:
    before, after = with_queue("title"), with_queue("title", name="film_queue")
    operations = changes(before, after)
    assert names(operations) == ["RenameIndex"]
    with migrated(changes(ProjectState(), before), operations) as film:
        assert is_usable(film)


@pytest.mark.parametrize(
    ("column", "operations"),
    [
        (models.CharField(max_length=200), ["AlterField"]),
        (models.TextField(), ["RemoveIndex", "AlterField", "AddIndex"]),
        (models.UUIDField(), ["RemoveIndex", "AlterField", "AddIndex"]),
    ],
)
def test_a_stale_index_survives_changes_of_its_columns(column: Any, operations: Any) -> None:
    narrow = models.CharField(max_length=100)
    first, second = (
        with_queue("title", "plot", extra=[("plot", plot)]) for plot in (narrow, column)
    )
    create, there, back = (
        changes(*states) for states in ((ProjectState(), first), (first, second), (second, first))
    )
    assert names(there) == operations
    with migrated(create, there) as film:
        assert is_usable(film)
        film.objects.create(title="t", plot="0" * 32)
        assert stale(film.objects.all()).count() == 1
    with migrated(create, there, back) as film:
        assert is_usable(film)


def test_a_migration_by_hand_need_not_say_what_the_index_is_made_of() -> None:
    plain = state_of(("embedding", EmbeddingField(source=["title"], dimensions=3)))
    index = StaleIndex("embedding", name="film_stale")
    add = AddIndex("film", index)
    with migrated(changes(ProjectState(), plain), [add]) as film:
        assert is_usable(film)
    # It would not be told from one of another source.
    add.state_forwards("hybrid_store_test", plain)
    assert names(changes(plain, with_queue("title"))) == ["RemoveIndex", "AddIndex"]


@needs_partial_index
def test_an_index_of_another_source_or_name_is_not_usable() -> None:
    before, after = (with_queue(name, extra=[described()]) for name in ("title", "description"))
    [_, alter_field, _] = changes(before, after)
    with migrated(changes(ProjectState(), before), [alter_field]) as film:
        assert not is_usable(film)
        other = StaleIndex("embedding", name="film_queue")
        assert not other.is_usable(film, "default")
