"""States of a project with one model, and the migrations between them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.migration import Migration
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import MigrationWriter
from django.test.utils import isolate_apps

from hybrid_store.models import HybridManager

__all__ = ["changes", "migrated", "names", "state_of", "written"]


def state_of(*fields: Any, indexes: Any = ()) -> ProjectState:
    """The state of an app with one model of these fields."""
    with isolate_apps("hybrid_store.test"):
        attributes = {
            "__module__": __name__,
            "Meta": type("Meta", (), {"app_label": "hybrid_store_test", "indexes": list(indexes)}),
            "title": models.CharField(max_length=100),
            "objects": HybridManager(),
            **dict(fields),
        }
        model = type("Film", (models.Model,), attributes)
        state = ProjectState()
        state.add_model(ModelState.from_model(model))
        return state


def changes(before: ProjectState, after: ProjectState, **answers: Any) -> list[Any]:
    """The operations between two states; `answers` are those to `makemigrations`' questions."""
    questioner = MigrationQuestioner(answers)
    detector: Any = MigrationAutodetector(before.clone(), after.clone(), questioner)
    found = detector._detect_changes()
    return [
        operation
        for migration in found.get("hybrid_store_test", [])
        for operation in migration.operations
    ]


def written(operations: list[Any], folder: Path) -> Any:
    """The migration as a file, imported again."""
    migration = type("Migration", (Migration,), {"operations": operations})
    text = MigrationWriter(migration("0001_made", "hybrid_store_test")).as_string()
    (folder / "made.py").write_text(text)
    spec = importlib.util.spec_from_file_location("made", folder / "made.py")
    module: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module.Migration("0001_made", "hybrid_store_test")


def names(operations: list[Any]) -> list[str]:
    return [type(operation).__name__ for operation in operations]


@contextmanager
def migrated(*steps: list[Any]) -> Iterator[Any]:
    """The historical model after each of the lists of operations has been run, one by one."""
    state, app = ProjectState(), "hybrid_store_test"
    try:
        for operations in steps:
            before = state.clone()
            made = type("Migration", (Migration,), {"operations": operations})
            migration = made("0001_made", app)
            with connection.schema_editor() as editor:
                state = migration.apply(before, editor)
        yield state.apps.get_model(app, "Film")
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(state.apps.get_model(app, "Film"))
