"""Indexes that are built and removed while rows are written."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import NotSupportedError, connection
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import OperationWriter

from hybrid_store.backends import vector_ops
from hybrid_store.models import VectorIndex
from hybrid_store.operations import AddVectorIndexConcurrently, RemoveVectorIndexConcurrently
from hybrid_store.test.models import Point

pytestmark = pytest.mark.django_db(transaction=True)

APP = "hybrid_store_test"
NAME = "point_other_vec"
INDEX = VectorIndex("other", metric="l2", name=NAME)
ADD = AddVectorIndexConcurrently("point", INDEX)
REMOVE = RemoveVectorIndexConcurrently("point", NAME)


def applied(operation: Any, before: ProjectState, *, atomic: bool = False) -> ProjectState:
    after = before.clone()
    operation.state_forwards(APP, after)
    with connection.schema_editor(atomic=atomic) as editor:
        operation.database_forwards(APP, editor, before, after)
    return after


def unapplied(operation: Any, before: ProjectState, after: ProjectState) -> None:
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards(APP, editor, after, before)


def state() -> ProjectState:
    found = ProjectState()
    found.add_model(ModelState.from_model(Point))
    return found


def stored() -> list[str]:
    return [index.name for index in vector_ops(connection).stored_indexes(Point)]


@pytest.fixture
def concurrent() -> bool:
    """Does the database build indexes so?"""
    return vector_ops(connection).builds_concurrently


def test_an_index_is_added_and_removed_and_both_are_undone() -> None:
    before = state()
    added = applied(ADD, before)
    assert NAME in stored()
    removed = applied(REMOVE, added)
    assert NAME not in stored()
    unapplied(REMOVE, added, removed)
    assert NAME in stored()
    unapplied(ADD, before, added)
    assert NAME not in stored()


def test_a_build_that_has_failed_can_be_repeated(concurrent: bool) -> None:
    if not concurrent:
        pytest.skip("the database builds no index concurrently")
    before = state()
    added = applied(ADD, before)
    with connection.cursor() as cursor:
        sql = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)"
        cursor.execute(sql, [NAME])
    applied(ADD, before)
    assert [index.is_valid for index in vector_ops(connection).stored_indexes(Point)].count(
        False
    ) == 0
    unapplied(ADD, before, added)


def test_within_a_transaction_it_is_refused_with_the_fix(concurrent: bool) -> None:
    if not concurrent:
        applied(ADD, state(), atomic=True)
        return
    with pytest.raises(NotSupportedError, match="set atomic = False on the migration"):
        applied(ADD, state(), atomic=True)


def test_migrations_name_the_public_module() -> None:
    for operation in (ADD, REMOVE):
        text, imports = OperationWriter(operation).serialize()
        assert f"hybrid_store.operations.{type(operation).__name__}(" in text
        assert "import hybrid_store.operations" in imports
        assert operation.describe().startswith("Concurrently ")
