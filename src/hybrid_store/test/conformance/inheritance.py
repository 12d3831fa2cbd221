"""The companion column on every kind of model."""

from __future__ import annotations

from typing import Any

from django.db import connection, models
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Q

from hybrid_store.models import EmbeddingField, FingerprintField, HalfVectorField, VectorField
from hybrid_store.models.ranked_search import nearest
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field, generate
from hybrid_store.test.models import (
    Album,
    Author,
    Book,
    Lecture,
    Note,
    Novel,
    Point,
    Post,
    Report,
    ShortBook,
)

__all__ = ["InheritanceConformance"]


def columns(model: type[models.Model]) -> list[str]:
    return [field.name for field in model._meta.local_concrete_fields]


class InheritanceConformance(ConformanceBase):
    def test_every_embedding_has_one_companion_where_its_column_is(self) -> None:
        assert columns(Book).count("embedding_fingerprint") == 1
        assert columns(Novel) == ["book_ptr", "series"]
        assert columns(ShortBook) == []
        assert columns(Post).count("embedding_fingerprint") == 1
        assert columns(Note).count("embedding_fingerprint") == 1
        assert {"title_embedding_fingerprint", "lyrics_embedding_fingerprint"} <= {*columns(Album)}
        assert Novel._meta.get_field("embedding_fingerprint").model is Book

    def test_the_column_of_a_companion_is_named_after_that_of_its_vector(self) -> None:
        names = {field.name: field.column for field in Album._meta.local_concrete_fields}
        assert names["title_embedding_fingerprint"] == "title_embedding_fingerprint"
        assert names["lyrics_embedding_fingerprint"] == "lyrics_vector_fingerprint"
        album = Album.objects.create(title="t", lyrics="l")
        generate(embedding_field(Album, "lyrics_embedding"))
        assert Album.objects.nearest("l", field="lyrics_embedding", distance_as="d").get() == album
        assert not Album.objects.stale("lyrics_embedding").exists()

    def test_an_embedding_given_up_in_a_child_takes_its_companion_along(self) -> None:
        assert columns(Report) == ["id", "text"]

    def test_a_child_and_a_proxy_forget_fingerprints_too(self) -> None:
        for model in (Novel, ShortBook):
            row: Any = model._default_manager.create(title="t")
            generate(Book)
            row.refresh_from_db()
            row.embedding = [1.0] * 384
            row.save(update_fields=["embedding"])
            assert Book.objects.get(pk=row.pk).embedding_fingerprint is None

    def test_a_child_of_two_parents_is_known_by_the_key_of_the_one_that_is_embedded(self) -> None:
        Author.objects.create(name="somebody, so that the keys differ")
        for text in ("pie", "wall"):
            Lecture.objects.create(name="Ann", text=text)
        generate(Note)
        lecture = Lecture.objects.get(text="pie")
        deferred = Lecture.objects.defer("embedding").get(text="pie")
        for row in (lecture, deferred):
            assert [hit.text for hit in nearest(Lecture.objects.all(), row)] == ["wall"]
            assert [hit.text for hit in nearest(Note.objects.all(), row)] == ["wall"]
        assert deferred.embedding == lecture.embedding
        lecture.embedding = [1.0] * 384
        lecture.save(update_fields=["embedding"])
        marks = Note.objects.order_by("text").values_list("text", "embedding_fingerprint")
        assert [text for text, mark in marks if mark is None] == ["pie"]

    def test_historical_models_hold_exactly_what_the_state_lists(self) -> None:
        state = ProjectState()
        state.add_model(ModelState.from_model(Book))
        fields = state.models["hybrid_store_test", "book"].fields
        assert isinstance(fields["embedding_fingerprint"], FingerprintField)
        fields.pop("author")
        historical = state.apps.get_model("hybrid_store_test", "Book")
        assert columns(historical).count("embedding_fingerprint") == 1
        row = historical.objects.create(title="t", embedding=[1.0] * 384)
        row.embedding = [2.0] * 384
        row.save(update_fields=["embedding"])
        assert row.embedding[0] == 2.0

    def test_fields_can_be_rebuilt_from_their_description(self) -> None:
        for field in (
            VectorField(dimensions=3, null=True),
            HalfVectorField("name", dimensions=8, help_text="h"),
            EmbeddingField(source=["a", "b"], dimensions=5),
            EmbeddingField(
                source="a", embedder="second", on_save="now", dimensions=5, editable=True
            ),
            EmbeddingField(source="a", embed_if=Q(b=True) | ~Q(c__gt=1), dimensions=5),
            FingerprintField(),
        ):
            field.set_attributes_from_name("f")
            _, path, args, kwargs = field.deconstruct()
            assert path == f"hybrid_store.models.{type(field).__name__}"
            again = type(field)(*args, **kwargs)
            again.set_attributes_from_name("f")
            assert again.deconstruct() == field.deconstruct()
            assert field.clone().deconstruct()[1:] == field.deconstruct()[1:]

    def test_source_and_embedder_are_no_matter_of_the_schema(self) -> None:
        before = EmbeddingField(source=["a"], dimensions=5)
        after = EmbeddingField(
            source=["b"], embedder="second", on_save="now", embed_if=Q(b=True), dimensions=5
        )
        for field in (before, after):
            field.set_attributes_from_name("f")
            field.model = Book
        editor: Any = connection.schema_editor()
        assert not editor._field_should_be_altered(before, after)

    def test_both_precisions_can_stand_on_one_model(self) -> None:
        point = Point.objects.create(vector=[1, 2, 3], half=[1, 2, 3])
        point.refresh_from_db()
        assert point.vector == point.half
