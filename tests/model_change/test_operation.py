"""`SwitchEmbedding` as an operation: what it makes of the state, writes, refuses and reduces to."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import migrations, models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.optimizer import MigrationOptimizer
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import OperationWriter
from django.db.models.functions import Length
from django.test.utils import isolate_apps

from hybrid_store.exceptions import SwitchError
from hybrid_store.models import (
    EmbeddingField,
    FingerprintField,
    StaleIndex,
    VectorField,
    VectorIndex,
)
from hybrid_store.operations import SwitchEmbedding

APP = "hybrid_store_test"
SWITCH = SwitchEmbedding("movie", "embedding", "embedding_next")


def old(**options: Any) -> EmbeddingField:
    return EmbeddingField(source=["title"], dimensions=3, **options)


def new(**options: Any) -> EmbeddingField:
    return EmbeddingField(source=["title"], dimensions=5, embedder="second", **options)


def model(
    name: str = "Movie", base: type[models.Model] = models.Model, **attributes: Any
) -> type[models.Model]:
    """A model as models.py would have it; `meta` are options of class Meta."""
    options = {"app_label": APP, **attributes.pop("meta", {})}
    body = {"__module__": __name__, "Meta": type("Meta", (), options), **attributes}
    return type(name, (base,), body)


def movie(embedding: Any, embedding_next: Any, *indexes: Any, **attributes: Any) -> Any:
    fields = {
        "title": models.CharField(max_length=100),
        "embedding": embedding,
        "embedding_next": embedding_next,
    }
    return model(**fields, **attributes, meta={"indexes": list(indexes)})


def state_of(*classes: type[models.Model]) -> ProjectState:
    state = ProjectState()
    for each in classes:
        state.add_model(ModelState.from_model(each))
    return state


def movies(*arguments: Any, **attributes: Any) -> ProjectState:
    """The state of a `movie` that no other model knows."""
    with isolate_apps("hybrid_store.test"):
        return state_of(movie(*arguments, **attributes))


def after(state: ProjectState, *operations: Any) -> ProjectState:
    state = state.clone()
    for operation in operations:
        operation.state_forwards(APP, state)
    return state


def changes(before: ProjectState, wanted: ProjectState) -> list[Any]:
    """What `makemigrations` would write."""
    detector: Any = MigrationAutodetector(before, wanted)
    found = detector._detect_changes().values()
    return [operation for each in found for one in each for operation in one.operations]


def columns(state: ProjectState, name: str = "Movie") -> dict[str, str]:
    fields = state.apps.get_model(APP, name)._meta.local_concrete_fields
    return {field.name: str(field.column) for field in fields if field.name.startswith("embedding")}


def described(state: ProjectState) -> list[Any]:
    """Fields in their order and indexes of the only model, in full."""
    [found] = state.models.values()
    fields = [(name, field.deconstruct()[1:]) for name, field in found.fields.items()]
    return [fields, [index.deconstruct() for index in found.options["indexes"]]]


@pytest.fixture(autouse=True)
def isolated() -> Any:
    """Models of one test are unknown to the others."""
    with isolate_apps("hybrid_store.test"):
        yield


class TestState:
    def test_fields_exchange_everything_but_their_names(self) -> None:
        before = movies(old(on_save="now"), new(help_text="h"))
        fields = after(before, SWITCH).models[APP, "movie"].fields
        embedding: Any = fields["embedding"]
        assert (embedding.dimensions, embedding.embedder_alias) == (5, "second")
        assert (embedding.db_column, embedding.help_text) == ("embedding_next", "h")
        other: Any = fields["embedding_next"]
        assert (other.dimensions, other.embedder_alias) == (3, "default")
        assert (other.db_column, other.on_save) == ("embedding", "now")
        assert fields["embedding_fingerprint"].db_column == "embedding_next_fingerprint"
        assert fields["embedding_next_fingerprint"].db_column == "embedding_fingerprint"

    def test_an_edited_models_py_is_found_to_be_in_step(self) -> None:
        before = movies(
            old(),
            new(),
            VectorIndex("embedding", name="old_vec"),
            VectorIndex("embedding_next", metric="l2", name="new_vec"),
            models.Index(fields=["title", "-embedding_fingerprint"], name="old_print"),
            models.Index(fields=["title"], include=["embedding_next"], name="new_cover"),
            VectorIndex("embedding", metric="l1"),
            StaleIndex("embedding_next", name="new_stale"),
        )
        wanted = movies(
            new(db_column="embedding_next"),
            old(db_column="embedding"),
            VectorIndex("embedding_next", name="old_vec"),
            VectorIndex("embedding", metric="l2", name="new_vec"),
            models.Index(fields=["title", "-embedding_next_fingerprint"], name="old_print"),
            models.Index(fields=["title"], include=["embedding"], name="new_cover"),
            VectorIndex("embedding_next", metric="l1"),
            StaleIndex("embedding", name="new_stale"),
        )
        assert len(changes(before, wanted)) > 4
        assert changes(after(before, SWITCH), wanted) == []
        assert changes(after(wanted, SWITCH), before) == []

    @pytest.mark.parametrize("column", [None, "vectors"])
    def test_twice_is_as_if_it_had_never_been(self, column: str | None) -> None:
        before = movies(old(db_column=column), new(), VectorIndex("embedding", name="v"))
        other_way_round = SwitchEmbedding("Movie", "embedding_next", "embedding")
        assert described(after(before, SWITCH)) != described(before)
        assert described(after(before, SWITCH, SWITCH)) == described(before)
        assert described(after(before, SWITCH, other_way_round)) == described(before)

    def test_a_column_of_another_name_goes_with_its_field(self) -> None:
        before = movies(old(db_column="vectors"), new())
        assert columns(before) == {
            "embedding": "vectors",
            "embedding_fingerprint": "vectors_fingerprint",
            "embedding_next": "embedding_next",
            "embedding_next_fingerprint": "embedding_next_fingerprint",
        }
        assert columns(after(before, SWITCH)) == {
            "embedding": "embedding_next",
            "embedding_fingerprint": "embedding_next_fingerprint",
            "embedding_next": "vectors",
            "embedding_next_fingerprint": "vectors_fingerprint",
        }
        wanted = movies(new(db_column="embedding_next"), old(db_column="vectors"))
        assert changes(after(before, SWITCH), wanted) == []

    def test_models_that_were_rendered_before_are_rendered_anew(self) -> None:
        state = movies(old(), new())
        assert columns(state)["embedding"] == "embedding"
        SWITCH.state_forwards(APP, state)
        assert columns(state)["embedding"] == "embedding_next"

    def test_every_child_of_an_abstract_model_is_switched_by_itself(self) -> None:
        def children(first: Any, second: Any, indexed: str = "embedding") -> list[Any]:
            indexes = [VectorIndex(indexed, name="%(class)s_vec")]
            base = model(
                "Base",
                title=models.CharField(max_length=9),
                embedding=first,
                embedding_next=second,
                meta={"abstract": True, "indexes": indexes},
            )
            meta = type("Meta", (base.Meta,), {"app_label": APP})  # type: ignore[attr-defined]
            body = {"__module__": __name__, "Meta": meta}
            return [type(name, (base,), dict(body)) for name in ("Movie", "Series")]

        before = state_of(*children(old(), new()))
        assert columns(after(before, SWITCH), "Series")["embedding"] == "embedding"
        both = after(before, SWITCH, SwitchEmbedding("series", "embedding", "embedding_next"))
        with isolate_apps("hybrid_store.test"):
            wanted = state_of(
                *children(
                    new(db_column="embedding_next"), old(db_column="embedding"), "embedding_next"
                )
            )
        assert changes(both, wanted) == []

    def test_a_child_with_a_table_of_its_own_follows_its_parent(self) -> None:
        parent = movie(old(), new())
        child = model("Classic", parent, award=models.TextField())
        state = state_of(parent, child)
        assert state.apps.get_model(APP, "Classic")
        SWITCH.state_forwards(APP, state)
        field: Any = state.apps.get_model(APP, "Classic")._meta.get_field("embedding")
        assert (field.column, field.dimensions) == ("embedding_next", 5)


class TestRefusals:
    def refusal(self, state: ProjectState, operation: SwitchEmbedding = SWITCH) -> str:
        unchanged = {key: dict(found.fields) for key, found in state.models.items()}
        with pytest.raises(SwitchError) as caught:
            operation.state_forwards(APP, state)
        assert {key: dict(found.fields) for key, found in state.models.items()} == unchanged
        return str(caught.value)

    def test_one_field_cannot_be_switched_with_itself(self) -> None:
        with pytest.raises(ValueError, match="name two fields of movie, not 'embedding' twice"):
            SwitchEmbedding("movie", "embedding", "embedding")

    def test_a_model_that_there_is_not(self) -> None:
        said = self.refusal(ProjectState())
        assert f"the app {APP!r} has no model 'movie' here. Name a model that an earlier" in said

    def test_a_field_that_there_is_not(self) -> None:
        state = movies(old(), new())
        said = self.refusal(state, SwitchEmbedding("movie", "embedding", "next"))
        assert f"{APP}.Movie has no field 'next' here. " in said
        assert "Name two of 'embedding', 'embedding_next'." in said

    def test_a_second_field_that_was_not_added_yet(self) -> None:
        said = self.refusal(movies(old(), None))
        assert "Let an earlier migration add the second embedding." in said

    def test_a_field_that_is_no_embedding(self) -> None:
        state = movies(old(), VectorField(dimensions=3))
        said = self.refusal(state)
        assert f"{APP}.Movie.embedding_next is no EmbeddingField but a VectorField." in said

    def test_an_embedding_without_its_companion(self) -> None:
        state = movies(old(), new())
        state.models[APP, "movie"].fields.pop("embedding_next_fingerprint")
        said = self.refusal(state)
        assert f"{APP}.Movie.embedding_next has no companion 'embedding_next_fingerprint'" in said

    @pytest.mark.parametrize("options", [{}, {"proxy": True}], ids=["child", "proxy"])
    def test_a_field_of_a_parent(self, options: Any) -> None:
        parent = movie(old(), new())
        child = model("Classic", parent, meta=options)
        grandchild = model("Oldest", child, meta=options)
        for name in ("Classic", "Oldest"):
            operation = SwitchEmbedding(name, "embedding", "embedding_next")
            said = self.refusal(state_of(parent, child, grandchild), operation)
            assert f"{APP}.{name} has no field 'embedding' here." in said
            assert f"It is a field of {APP}.Movie: switch it there." in said

    @pytest.mark.parametrize(
        ("described", "meta"),
        [
            (
                "index 'part'",
                {
                    "indexes": [
                        models.Index(
                            fields=["title"],
                            condition=models.Q(embedding__isnull=True),
                            name="part",
                        )
                    ]
                },
            ),
            (
                "index 'long'",
                {"indexes": [models.Index(Length("embedding_next_fingerprint"), name="long")]},
            ),
            (
                "constraint 'filled'",
                {
                    "constraints": [
                        models.CheckConstraint(
                            condition=models.Q(title="") | ~models.Q(embedding_next=None),
                            name="filled",
                        )
                    ]
                },
            ),
            (
                "constraint 'once'",
                {"constraints": [models.UniqueConstraint(fields=["embedding"], name="once")]},
            ),
            (
                "constraint 'apart'",
                {
                    "constraints": [
                        ExclusionConstraint(
                            expressions=[(models.F("embedding"), "=")], name="apart"
                        )
                    ]
                },
            ),
            ("unique_together", {"unique_together": [("title", "embedding")]}),
        ],
    )
    def test_what_names_a_field_in_sql(self, described: str, meta: Any) -> None:
        title = models.TextField()
        found = model(title=title, embedding=old(), embedding_next=new(), meta=meta)
        said = self.refusal(state_of(found))
        assert f"{described} of {APP}.Movie uses 'embedding' or 'embedding_next'" in said
        assert "Remove it in an operation before the switch, and add it again after it." in said

    def test_a_generated_field_that_names_one(self) -> None:
        filled: Any = models.Q(embedding__isnull=False)
        generated = models.GeneratedField(
            expression=filled,
            output_field=models.BooleanField(),
            db_persist=True,
        )
        said = self.refusal(movies(old(), new(), filled=generated))
        assert "the generated field 'filled' of" in said

    def test_indexes_constraints_and_fields_without_them_are_no_hindrance(self) -> None:
        title = models.Q(title__gt="embedding next")
        part = models.Index(fields=["title"], condition=title, name="part")
        generated = models.GeneratedField(
            expression=Length("title"), output_field=models.IntegerField(), db_persist=True
        )
        state = movies(old(), new(), part, length=generated)
        assert columns(after(state, SWITCH))["embedding"] == "embedding_next"


class TestWriting:
    def test_a_migration_file_gives_the_same_operation(self) -> None:
        text, imports = OperationWriter(SWITCH, indentation=0).serialize()
        assert imports == {"import hybrid_store.operations"}
        names: dict[str, Any] = {}
        exec("\n".join([*imports, f"operation = [{text}][0]"]), names)  # noqa: S102
        assert type(names["operation"]) is SwitchEmbedding
        assert names["operation"].deconstruct() == SWITCH.deconstruct()
        assert SWITCH.deconstruct()[2] == {
            "model_name": "movie",
            "name": "embedding",
            "other_name": "embedding_next",
        }

    def test_it_describes_itself(self) -> None:
        assert SWITCH.formatted_description() == (
            "~ Switch fields embedding and embedding_next on movie"
        )
        assert SWITCH.migration_name_fragment == "switch_movie_embedding"
        assert SWITCH.reversible


class TestSquashing:
    def optimized(self, *operations: Any) -> list[Any]:
        return MigrationOptimizer().optimize(list(operations), APP)

    def test_two_switches_cancel_out(self) -> None:
        back = SwitchEmbedding("Movie", "embedding_next", "embedding")
        year = migrations.AddField("movie", "year", models.IntegerField(null=True))
        other = migrations.DeleteModel("series")
        assert self.optimized(SWITCH, back) == []
        assert self.optimized(SWITCH, year, other, back) == [year, other]
        assert self.optimized(SWITCH, SWITCH, back) == [back]

    def test_switches_of_something_else_do_not(self) -> None:
        for other in (
            SwitchEmbedding("series", "embedding", "embedding_next"),
            SwitchEmbedding("movie", "embedding", "words"),
        ):
            assert self.optimized(SWITCH, other) == [SWITCH, other]

    @pytest.mark.parametrize(
        "between",
        [
            migrations.RunPython(migrations.RunPython.noop),
            migrations.RenameField("movie", "embedding_next", "words"),
            migrations.AlterField("movie", "embedding", old(on_save="now")),
            migrations.AddField("movie", "embedding_next_fingerprint", FingerprintField()),
            migrations.AddIndex("movie", VectorIndex("embedding", name="v")),
            migrations.DeleteModel("movie"),
        ],
        ids=lambda operation: type(operation).__name__,
    )
    def test_nothing_that_means_the_fields_is_passed(self, between: Any) -> None:
        operations = [SWITCH, between, SWITCH]
        assert self.optimized(*operations) == operations

    def test_a_model_that_is_renamed_between_is_not_the_same(self) -> None:
        back = SwitchEmbedding("film", "embedding", "embedding_next")
        operations = [SWITCH, migrations.RenameModel("movie", "film"), back]
        assert self.optimized(*operations) == operations

    @pytest.mark.parametrize("name", ["embedding", "embedding_next"])
    def test_nothing_swallows_the_switch(self, name: str) -> None:
        created = migrations.CreateModel("Movie", [("title", models.TextField())])
        added = migrations.AddField("movie", name, old())
        removed = migrations.RemoveField("movie", name)
        for operations in ([added, SWITCH, removed], [created, SWITCH, removed]):
            assert self.optimized(*operations) == operations
        indexed = migrations.AddIndex("movie", VectorIndex(name, name="v"))
        unindexed = migrations.RemoveIndex("movie", "v")
        assert self.optimized(indexed, SWITCH, unindexed) == [indexed, SWITCH, unindexed]

    def test_operations_on_other_fields_are_reduced_as_if_it_were_not_there(self) -> None:
        year = migrations.AddField("movie", "year", models.IntegerField(null=True))
        created = migrations.CreateModel("Movie", [("title", models.TextField())])
        removed = migrations.RemoveField("movie", "year")
        assert self.optimized(year, SWITCH, removed) == [SWITCH]
        first, second = self.optimized(created, SWITCH, year)
        assert [name for name, _ in first.fields] == ["title", "year"]
        assert second is SWITCH
