"""What a migration operation must do besides its work: describe, write itself, squash, show SQL."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.optimizer import MigrationOptimizer
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import OperationWriter
from django.test import override_settings

from hybrid_store.backends import vector_ops
from hybrid_store.models import BitField, EmbeddingField, FingerprintField, VectorField
from hybrid_store.operations import ConvertVectorColumn, VectorExtension
from tests.adoption.tables import APP, Table

FIELD = VectorField(dimensions=3, null=True)


def converting(**options: Any) -> ConvertVectorColumn:
    return ConvertVectorColumn("Movie", "embedding", FIELD, **options)


def written(operation: Any) -> Any:
    """The operation as its migration file gives it back."""
    text, imports = OperationWriter(operation, indentation=0).serialize()
    names: dict[str, Any] = {}
    exec("\n".join([*imports, f"operation = [{text}][0]"]), names)  # noqa: S102
    return names["operation"]


class NobodyMigrates:
    """A router that allows what a hint asks for and nothing else."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return bool(hints.get("please"))


class TestWriting:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"on_bad": "null"},
            {"on_bad": {"random": "null", "repeated": "keep"}},
            {"source_dtype": "float64"},
        ],
    )
    def test_a_migration_file_gives_the_same_operation(self, options: dict[str, Any]) -> None:
        back = written(converting(**options))
        assert isinstance(back, ConvertVectorColumn)
        assert (back.model_name, back.name) == ("Movie", "embedding")
        assert back.field.deconstruct()[1:] == FIELD.deconstruct()[1:]
        assert back.on_bad == options.get("on_bad", "refuse")
        assert back.source_dtype == options.get("source_dtype")
        assert back.deconstruct()[2].keys() == converting(**options).deconstruct()[2].keys()

    def test_the_module_named_in_a_file_is_the_public_one(self) -> None:
        _, imports = OperationWriter(converting(), indentation=0).serialize()
        assert "import hybrid_store.operations" in imports
        assert isinstance(written(VectorExtension()), VectorExtension)
        assert written(VectorExtension(hints={"a": 1})).hints == {"a": 1}

    def test_descriptions(self) -> None:
        assert converting().describe() == "Convert field embedding on Movie to vectors"
        assert converting().formatted_description().startswith("~ ")
        assert converting().migration_name_fragment == "convert_movie_embedding"
        assert VectorExtension().describe() == "Create the extension that vectors need"
        assert VectorExtension().formatted_description().startswith("+ ")
        assert VectorExtension().migration_name_fragment == "vector_extension"

    def test_wrong_arguments_are_refused_at_once(self) -> None:
        with pytest.raises(TypeError, match="converts to a vector field"):
            ConvertVectorColumn("Movie", "embedding", models.BinaryField())  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="converts to a vector field of floats, not to"):
            ConvertVectorColumn("Movie", "embedding", BitField(length=8))
        with pytest.raises(ValueError, match="source_dtype is 'double'"):
            converting(source_dtype="double")
        with pytest.raises(ValueError, match="on_bad cannot say"):
            converting(on_bad="drop")


class TestSquashing:
    def optimized(self, *operations: Any) -> list[Any]:
        return MigrationOptimizer().optimize(list(operations), APP)

    def test_a_removed_field_needs_no_conversion(self) -> None:
        removal = migrations.RemoveField("movie", "embedding")
        assert self.optimized(converting(), removal) == [removal]

    def test_a_renamed_field_is_converted_under_its_new_name(self) -> None:
        renaming = migrations.RenameField("Movie", "embedding", "vector")
        first, second = self.optimized(converting(on_bad="null", source_dtype="float32"), renaming)
        assert first is renaming
        assert (second.name, second.on_bad, second.source_dtype) == ("vector", "null", "float32")

    def test_nothing_swallows_the_conversion(self) -> None:
        binary = models.BinaryField(null=True)
        later = VectorField(dimensions=3)
        cases: list[list[Any]] = [
            [migrations.AddField("Movie", "embedding", binary), converting()],
            [migrations.AlterField("Movie", "embedding", binary), converting()],
            [migrations.CreateModel("Movie", [("embedding", binary)]), converting()],
            [converting(), migrations.AlterField("Movie", "embedding", later)],
        ]
        for operations in cases:
            assert self.optimized(*operations) == operations

    def test_operations_on_other_fields_pass(self) -> None:
        year = models.IntegerField(null=True)
        removal = migrations.RemoveField("Movie", "year")
        optimized = self.optimized(
            migrations.AddField("Movie", "year", year), converting(), removal
        )
        assert [type(operation) for operation in optimized] == [ConvertVectorColumn]


class TestAutodetector:
    """What `makemigrations` writes, so that changing one name is all that is left to do."""

    def state(self, **fields: Any) -> ProjectState:
        state = ProjectState()
        keys: list[Any] = [
            ("id", models.BigAutoField(primary_key=True)),
            ("title", models.TextField()),
        ]
        state.add_model(ModelState(APP, "Movie", [*keys, *fields.items()]))
        return state

    def changes(self, before: ProjectState, after: ProjectState) -> list[Any]:
        questioner = MigrationQuestioner({"ask_initial": True})
        found = MigrationAutodetector(before, after, questioner).changes(MigrationGraph())
        return list(found[APP][0].operations) if found else []

    def test_alter_field_is_written_and_a_conversion_in_its_place_leaves_nothing_to_do(
        self,
    ) -> None:
        field = EmbeddingField(source=["title"], dimensions=3)
        before = self.state(embedding=models.BinaryField(default=b"x"))
        after = self.state(embedding=field, embedding_fingerprint=FingerprintField())
        added, altered = self.changes(before, after)
        assert isinstance(added, migrations.AddField)
        assert isinstance(altered, migrations.AlterField)
        operation = ConvertVectorColumn(**altered.deconstruct()[2])
        for step in (added, operation):
            step.state_forwards(APP, before)
        assert self.changes(before, after) == []


@pytest.mark.django_db(transaction=True)
class TestSqlMigrate:
    def test_the_schema_is_shown_and_the_rest_is_said(self) -> None:
        with Table().created(embedding=models.BinaryField(null=True)) as table:
            table.rows.create(embedding=b"not looked at")
            sql = table.sql_of(converting())
            assert table.rows.get().embedding is not None
        assert 'ADD COLUMN "hybrid_store_staged"' in sql
        assert f"-- {APP}.Movie.embedding: Python converts the values here" in sql
        assert sql.index("ADD COLUMN") < sql.index("Python converts") < sql.index("DROP COLUMN")

    def test_no_table_is_needed(self) -> None:
        table = Table()
        movie = migrations.CreateModel("Movie", [("embedding", models.BinaryField(null=True))])
        assert "Python converts" in table.sql_of(movie, converting())

    def test_the_extension(self) -> None:
        sql = Table().sql_of(VectorExtension())
        needed = vector_ops(connection).needs_extension
        assert ("CREATE EXTENSION" in sql) is needed


@pytest.mark.django_db(transaction=True)
class TestRouters:
    @override_settings(DATABASE_ROUTERS=[NobodyMigrates()])
    def test_a_conversion_happens_where_the_model_is_migrated(self) -> None:
        table = Table()
        movie = migrations.CreateModel("Movie", [("embedding", models.BinaryField(null=True))])
        before = table.apply(movie, converting())
        table.unapply(before, movie, converting())

    def test_the_extension_follows_the_hints(self, monkeypatch: pytest.MonkeyPatch) -> None:
        created: list[str] = []
        ops = vector_ops(connection)
        monkeypatch.setattr(ops, "create_extension", lambda: created.append("yes"), raising=False)
        monkeypatch.setattr(ops, "needs_extension", True, raising=False)
        with override_settings(DATABASE_ROUTERS=[NobodyMigrates()]):
            Table().apply(VectorExtension(), VectorExtension(hints={"please": False}))
            assert created == []
            Table().apply(VectorExtension(hints={"please": True}))
            assert created == ["yes"]


@pytest.mark.django_db(transaction=True)
def test_the_extension_is_there_afterwards_and_stays() -> None:
    table = Table()
    before = table.apply(VectorExtension(), VectorExtension())
    table.unapply(before, VectorExtension())
    report = vector_ops(connection).extension_report()
    assert report is None or report.version is not None
