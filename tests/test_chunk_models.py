"""Models of passages: their constraint, their migrations, and the system checks over them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.db import models
from django.db.migrations.state import ModelState, ProjectState
from django.test.utils import isolate_apps

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.models import Chunk, Chunking, EmbeddingField, chunk_checks
from hybrid_store.models.chunks import chunkings
from hybrid_store.test.models import Manual, ManualPassage
from tests.states import changes


def found_by(model: Any) -> list[str]:
    messages: list[checks.CheckMessage] = model.check()
    own = [message for message in messages if "hybrid_store" in str(message.id)]
    assert all(message.hint for message in own)
    return [str(message.id).removeprefix("hybrid_store.") for message in own]


def faults(**attributes: Any) -> list[str]:
    """Those of a model of passages with such attributes."""
    with isolate_apps("hybrid_store.test"):
        return found_by(made(**attributes))


def made(parent: Any = None, chunking: Any = None, **attributes: Any) -> Any:
    """A model of passages in an app of its own."""

    class Text(models.Model):
        body = models.TextField()
        day = models.DateField()
        slug = models.SlugField(unique=True)

        class Meta:
            app_label = "hybrid_store_test"

    given = {
        "__module__": __name__,
        "Meta": type("Meta", (), {"app_label": "hybrid_store_test"}),
        "parent": parent or models.ForeignKey(Text, models.CASCADE),
        "chunking": chunking or Chunking("body", tokens=20),
        "embedding": EmbeddingField(source="text", dimensions=384),
        **attributes,
    }
    left = {name: value for name, value in given.items() if value is not Ellipsis}
    return type("Passage", (Chunk,), left)


TEXT = "hybrid_store_test.Text"
# Of Django 6.1 and newer.
DB_CASCADE = getattr(models, "DB_CASCADE", models.CASCADE)


def key(**options: Any) -> Any:
    return models.ForeignKey(TEXT, **{"on_delete": models.CASCADE, **options})


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({}, []),
        ({"chunking": Chunking("body")}, []),
        ({"chunking": Chunking(["body", "slug"], splitter=len)}, []),  # type: ignore[arg-type]
        ({"chunking": Chunking(lambda row: row.body, tokens=20, overlap=19)}, []),
        ({"parent": models.OneToOneField(TEXT, models.CASCADE), "chunking": Chunking("body")}, []),
        ({"parent": key(on_delete=DB_CASCADE)}, []),
        ({"chunking": ...}, ["E029"]),
        ({"chunking": {"tokens": 20}}, ["E029"]),
        ({"parent": ...}, ["E029"]),
        ({"parent": models.IntegerField()}, ["E029"]),
        ({"parent": models.ForeignKey("nobody.Knows", models.CASCADE)}, ["E029"]),
        ({"parent": key(on_delete=models.SET_NULL, null=True)}, ["E029"]),
        ({"parent": key(null=True)}, ["E029"]),
        ({"parent": key(on_delete=models.DO_NOTHING)}, ["E029"]),
        ({"parent": key(db_constraint=False)}, ["E029"]),
        ({"parent": key(to_field="slug")}, ["E029"]),
        ({"parent": models.OneToOneField(TEXT, models.CASCADE)}, ["E029"]),
        ({"pk": models.CompositePrimaryKey("parent", "number")}, ["E029"]),
        ({"chunking": Chunking([])}, ["E002"]),
        ({"chunking": Chunking("boddy")}, ["E003"]),
        ({"chunking": Chunking("day")}, ["E004"]),
        ({"chunking": Chunking("passage__text")}, ["E005"]),
        ({"chunking": Chunking("body", on_save="later")}, ["E008"]),  # type: ignore[arg-type]
        ({"chunking": Chunking("body", tokens=0)}, ["E030"]),
        ({"chunking": Chunking("body", tokens="20")}, ["E030"]),  # type: ignore[arg-type]
        ({"chunking": Chunking("body", tokens=True)}, ["E030"]),
        ({"chunking": Chunking("body", tokens=20, overlap=20)}, ["E030"]),
        ({"chunking": Chunking("body", tokens=20, overlap=-1)}, ["E030"]),
        ({"chunking": Chunking("body", overlap=3)}, ["E030"]),
        ({"chunking": Chunking("body", splitter="lines")}, ["E030"]),  # type: ignore[arg-type]
        ({"chunking": Chunking("body", tokens=20, splitter=len)}, ["E030"]),  # type: ignore[arg-type]
    ],
)
def test_every_mistake_has_its_number(attributes: Any, found: list[str]) -> None:
    assert faults(**attributes) == found


class LimitedEmbedder(HashingEmbedder):
    """Reads ten tokens of a text."""

    max_tokens = 10


def test_passages_longer_than_an_embedder_reads_are_an_error(settings: Any) -> None:
    backend = f"{__name__}.LimitedEmbedder"
    settings.HYBRID_STORE = {"EMBEDDERS": {"default": {"BACKEND": backend, "MODEL": "limited"}}}
    assert faults(chunking=Chunking("body", tokens=10)) == []
    assert faults(chunking=Chunking("body", tokens=11)) == ["E031"]
    # The field itself says that there is no such embedder.
    settings.HYBRID_STORE = {"EMBEDDERS": {}}
    assert faults(chunking=Chunking("body", tokens=11)) == ["E006"]


def test_the_package_that_splits_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_checks, "find_spec", lambda name: None)
    assert faults() == ["E032"]
    assert faults(chunking=Chunking("body")) == []


@isolate_apps("hybrid_store.test")
def test_a_model_has_one_chunking_however_it_is_inherited() -> None:
    class Note(models.Model):
        body = models.TextField()

        class Meta:
            app_label = "hybrid_store_test"

    class Base(Chunk):
        chunking = Chunking("body", tokens=20)

        class Meta:
            abstract = True

    class One(Base):
        parent = models.ForeignKey(Note, models.CASCADE, related_name="ones")

        class Meta:
            app_label = "hybrid_store_test"
            constraints = [models.CheckConstraint(condition=models.Q(end__gt=0), name="own")]

    class Two(Base):
        parent = models.ForeignKey(Note, models.CASCADE, related_name="twos")

        class Meta:
            app_label = "hybrid_store_test"

    class Child(One):
        class Meta:
            app_label = "hybrid_store_test"

    class Proxy(One):
        class Meta:
            app_label = "hybrid_store_test"
            proxy = True

    assert One.chunking.model is Child.chunking.model is Proxy.chunking.model is One
    assert Two.chunking.model is Two
    assert chunkings([One, Two, Child, Proxy, Note]) == [One.chunking, Two.chunking]
    names = [constraint.name for constraint in One._meta.constraints]
    assert names == ["own", "hybrid_store_test_one_number"]
    assert Child._meta.constraints == Proxy._meta.constraints == []
    for model in (One, Two, Child, Proxy):
        assert found_by(model) == []


def test_migrations_know_the_constraint_and_nothing_of_the_chunking() -> None:
    state = ProjectState()
    for model in (Manual, ManualPassage):
        state.add_model(ModelState.from_model(model))
    assert changes(state, state) == []
    options = state.models["hybrid_store_test", "manualpassage"].options
    [unique] = options["constraints"]
    assert (unique.name, unique.fields) == (
        "hybrid_store_test_manualpassage_number",
        ("parent", "number"),
    )
    historical = state.apps.get_model("hybrid_store_test", "ManualPassage")
    assert not hasattr(historical, "chunking")
    assert len(historical._meta.constraints) == 1
    assert ModelState.from_model(historical).options["constraints"] == [unique]


def test_a_passage_is_shown_by_its_beginning() -> None:
    assert str(ManualPassage(text="a \n b")) == "a b"
    assert len(str(ManualPassage(text="word " * 50))) == 80
