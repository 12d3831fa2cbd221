"""System checks: an id, a sentence and a hint for every mistake."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.models import F, Q
from django.test.utils import isolate_apps

from hybrid_store.backends.reports import Extension
from hybrid_store.checks import check_databases, check_indexes, check_settings, check_tasks
from hybrid_store.models import (
    BitField,
    EmbeddingField,
    HalfVectorField,
    SparseVectorField,
    StaleIndex,
    VectorField,
    VectorIndex,
)


def ids(messages: list[checks.CheckMessage]) -> list[str]:
    assert all(message.hint for message in messages)
    return [str(message.id).removeprefix("hybrid_store.") for message in messages]


def field_ids(**options: Any) -> list[str]:
    class Publisher(models.Model):
        name = models.TextField()

        class Meta:
            app_label = "hybrid_store_test"

    class Tag(models.Model):
        name = models.TextField()

        class Meta:
            app_label = "hybrid_store_test"

    class Story(models.Model):
        title = models.TextField()
        number = models.BigIntegerField()
        day = models.DateField()
        price = models.DecimalField(max_digits=5, decimal_places=2)
        done = models.BooleanField()
        publisher = models.ForeignKey(Publisher, models.CASCADE)
        tags = models.ManyToManyField(Tag)
        embedding = EmbeddingField(**{"source": ["title"], "dimensions": 384, **options})

        class Meta:
            app_label = "hybrid_store_test"

    return ids(Story._meta.get_field("embedding").check())


@isolate_apps("hybrid_store.test")
@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, []),
        ({"source": ["title", "number", "publisher__name"]}, []),
        ({"source": lambda row: row.title}, []),
        ({"source": "title"}, []),
        ({"source": []}, ["E002"]),
        ({"source": ["titel"]}, ["E003"]),
        ({"source": ["publisher__nome"]}, ["E003"]),
        ({"source": ["title__name"]}, ["E003"]),
        ({"source": ["day", "price", "done"]}, ["E004", "E004", "E004"]),
        ({"source": ["publisher"]}, ["E004"]),
        ({"source": ["tags__name"]}, ["E005"]),
        ({"embedder": "nobody"}, ["E006"]),
        ({"dimensions": 3}, ["E007"]),
        ({"dimensions": 0}, ["E001", "E007"]),
        ({"dimensions": "384"}, ["E001", "E007"]),
        ({"on_save": "later"}, ["E008"]),
        ({"on_save": "now"}, []),
        ({"on_save": "task"}, []),
        ({"embed_if": Q(done=True) & ~Q(publisher__name="x", number__gte=3)}, []),
        ({"embed_if": Q(number__gt=F("publisher__pk"))}, []),
        ({"embed_if": Q(publisher=1) | Q(publisher_id__in=[2])}, []),
        ({"embed_if": True}, ["E015"]),
        ({"embed_if": {"done": True}}, ["E015"]),
        ({"embed_if": Q()}, ["E015"]),
        ({"embed_if": Q(finished=True)}, ["E015"]),
        ({"embed_if": Q(publisher__nome="x")}, ["E015"]),
        ({"embed_if": Q(number__gt=F("length"))}, ["E015"]),
        ({"embed_if": Q(number__like=1)}, ["E015"]),
        ({"embed_if": Q(number="many")}, ["E015"]),
        ({"embed_if": Q(done=True) & Q(tags__name="x")}, ["E016"]),
        ({"embed_if": Q(title=F("tags__name"))}, ["E016"]),
    ],
)
def test_every_mistake_of_a_field_has_its_number(options: Any, found: list[str]) -> None:
    assert field_ids(**options) == found


class Key(models.CharField):  # type: ignore[type-arg]
    """A field of a project's own."""


@isolate_apps("hybrid_store.test")
@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"id": models.AutoField}, []),
        ({"id": models.SmallAutoField}, []),
        ({"id": models.PositiveBigIntegerField}, []),
        ({"id": models.UUIDField}, []),
        ({"id": models.SlugField}, []),
        ({"id": partial(models.URLField, max_length=255)}, []),
        ({"id": partial(Key, max_length=200)}, []),
        ({"id": partial(models.OneToOneField, "Word", models.CASCADE)}, []),
        ({"a": models.IntegerField, "b": models.UUIDField, "c": models.SlugField}, []),
        ({"a": models.IntegerField, "b": partial(models.ForeignKey, "Word", models.CASCADE)}, []),
        ({"id": partial(models.CharField, max_length=256)}, ["E009"]),
        ({"id": models.TextField}, ["E009"]),
        ({"id": models.DateTimeField}, ["E009"]),
        ({"id": partial(models.DecimalField, max_digits=9, decimal_places=0)}, ["E009"]),
        ({"id": partial(models.OneToOneField, "Day", models.CASCADE)}, ["E009"]),
        ({"a": models.IntegerField, "b": models.DateField}, ["E009"]),
        ({name: partial(models.CharField, max_length=127) for name in "ab"}, []),
        ({name: partial(models.CharField, max_length=128) for name in "ab"}, ["E009"]),
    ],
)
def test_a_primary_key_must_have_a_text_that_can_be_recorded(keys: Any, found: list[str]) -> None:
    class Meta:
        app_label = "hybrid_store_test"

    def model(name: str, **fields: Any) -> Any:
        return type(name, (models.Model,), {"__module__": __name__, "Meta": Meta, **fields})

    model("Word", word=models.CharField(max_length=9, primary_key=True))
    model("Day", day=models.DateField(primary_key=True))
    if len(keys) == 1:
        fields = {name: made(primary_key=True) for name, made in keys.items()}
    else:
        fields = {name: made() for name, made in keys.items()}
        fields["pk"] = models.CompositePrimaryKey(*keys)
    embedding = EmbeddingField(source="text", dimensions=384)
    leaf = model("Leaf", text=models.TextField(), embedding=embedding, **fields)
    assert ids(leaf._meta.get_field("embedding").check()) == found


@isolate_apps("hybrid_store.test")
@pytest.mark.parametrize(
    ("name", "options", "fault"),
    [
        ("embedding", {"source": ["title"]}, None),
        ("embedding", {"source": ["title", "publisher__name"]}, "'publisher__name', on which"),
        (
            "embedding",
            {"source": ["title"], "embed_if": Q(publisher__name="x")},
            "'publisher__name', on which",
        ),
        ("embedding", {"source": ["title"], "embed_if": Q(publisher=1)}, None),
        ("embedding", {"source": ["note"]}, "'note', on which 'embedding' depends"),
        ("embedding", {"source": str}, "the source of 'embedding' is a callable"),
        ("embedding", {"source": ["titel"]}, None),
        ("vector", {"source": ["title"]}, "'vector' is no EmbeddingField"),
        ("nothing", {"source": ["title"]}, None),
    ],
)
def test_an_index_of_stale_rows_that_no_database_can_have_is_reported(
    name: str, options: Any, fault: str | None
) -> None:
    class Publisher(models.Model):
        name = models.TextField()
        note = models.TextField()

        class Meta:
            app_label = "hybrid_store_test"

    class House(Publisher):
        title = models.TextField()
        publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="houses")
        vector = VectorField(dimensions=3)
        embedding = EmbeddingField(**{"dimensions": 384, **options})

        class Meta:
            app_label = "hybrid_store_test"
            indexes = [StaleIndex(name, name="house_stale")]

    config = type("Config", (), {"get_models": lambda self: [Publisher, House]})()
    found = check_indexes([config])
    assert ids(found) == (["E017"] if fault else [])
    assert all(str(fault) in message.msg for message in found)


@isolate_apps("hybrid_store.test")
def test_more_dimensions_than_a_column_holds_are_refused() -> None:
    class Wide(models.Model):
        vector = VectorField(dimensions=16_001)

        class Meta:
            app_label = "hybrid_store_test"

    assert ids(Wide.check()) == ["E001"]


@isolate_apps("hybrid_store.test")
@pytest.mark.parametrize(
    ("field", "found"),
    [
        (BitField(length=1), []),
        (BitField(length=83_886_080), []),
        (BitField(length=0), ["E023"]),
        (BitField(length=83_886_081), ["E023"]),
        (BitField(length="8"), ["E023"]),  # type: ignore[arg-type]
        (SparseVectorField(dimensions=1_000_000_000), []),
        (SparseVectorField(dimensions=1_000_000_001), ["E024"]),
        (SparseVectorField(dimensions=True), ["E024"]),
    ],
)
def test_lengths_and_dimensions_have_limits(field: Any, found: list[str]) -> None:
    meta = type("Meta", (), {"app_label": "hybrid_store_test"})
    members = {"__module__": __name__, "Meta": meta, "field": field}
    model: type[models.Model] = type("Sized", (models.Model,), members)
    messages = model.check()
    assert ids(messages) == found
    assert all(f"{field.size_name!r} must be a whole number" in m.msg for m in messages)


@isolate_apps("hybrid_store.test")
@pytest.mark.parametrize(
    ("field", "metric", "fitting"),
    [
        (BitField(length=8), "jaccard", None),
        (BitField(length=8), "cosine", "'hamming', 'jaccard'"),
        (VectorField(dimensions=8), "hamming", "'cosine', 'l2', 'l1', 'inner_product'"),
        (SparseVectorField(dimensions=8), "l1", None),
        (SparseVectorField(dimensions=8), "jaccard", "'cosine', 'l2', 'l1', 'inner_product'"),
    ],
)
def test_an_index_by_a_metric_that_does_not_fit_is_reported(
    field: Any, metric: str, fitting: str | None
) -> None:
    found = checked_index(field, metric=metric)
    assert ids(found) == (["E025"] if fitting else [])
    assert [m.hint for m in found] == [f"Set metric to one of {fitting}."] * len(found)


@isolate_apps("hybrid_store.test")
@pytest.mark.parametrize(
    ("field", "options", "fitting"),
    [
        (VectorField(dimensions=8), {"precision": "half"}, None),
        (HalfVectorField(dimensions=8), {"precision": "bit"}, None),
        (HalfVectorField(dimensions=8), {"precision": "single"}, "'half', 'bit'"),
        (VectorField(dimensions=2001), {"precision": "single"}, "'half', 'bit'"),
        (BitField(length=8), {"metric": "jaccard", "precision": "half"}, "'bit'"),
        (SparseVectorField(dimensions=8), {"precision": "bit"}, "'sparse'"),
    ],
)
def test_an_index_of_a_precision_that_does_not_fit_is_reported(
    field: Any, options: Any, fitting: str | None
) -> None:
    found = checked_index(field, **options)
    assert ids(found) == (["E026"] if fitting else [])
    assert [m.hint for m in found] == [f"Leave it out, or use one of {fitting}."] * len(found)


def checked_index(field: Any, **options: Any) -> Any:
    index = VectorIndex("field", name="misfit_vec", **options)
    meta = type("Meta", (), {"app_label": "hybrid_store_test", "indexes": [index]})
    members = {"__module__": __name__, "Meta": meta, "field": field}
    model = type("Misfit", (models.Model,), members)
    config = type("Config", (), {"get_models": lambda self: [model]})()
    return check_indexes([config])


@pytest.mark.django_db(databases=["default", "other"])  # Django asks them of their features.
def test_the_projects_own_models_and_settings_are_sound() -> None:
    call_command("check", fail_level="WARNING")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"EMBEDERS": {}}, ["E010"]),
        ({"EMBEDDERS": {"default": {"BACKEND": "nowhere.Embedder"}}}, ["E011"]),
        ({"EMBEDDERS": {"default": {}}}, ["E011"]),
        ({"EMBEDDERS": ["default"]}, ["E011"]),
        (["EMBEDDERS"], ["E010"]),
        ("EMBEDDERS", ["E010"]),
        ({}, []),
        ({"CREATE_EXTENSION": False}, []),
        ({"QUERY_CACHE": None}, []),
        ({"QUERY_CACHE": {}}, []),
        ({"QUERY_CACHE": {"ALIAS": "default", "TIMEOUT": 60}}, []),
        ({"QUERY_CACHE": {"TIMEOUT": None}}, []),
        ({"QUERY_CACHE": {"TIMEOUT": 0.5}}, []),
        ({"QUERY_CACHE": "default"}, ["E019"]),
        ({"QUERY_CACHE": {"ALIAS": "nobody", "TIME": 60}}, ["E019", "E019"]),
        ({"QUERY_CACHE": {"ALIAS": ["default"]}}, ["E019"]),
        ({"QUERY_CACHE": {"TIMEOUT": "60"}}, ["E019"]),
        ({"QUERY_CACHE": {"TIMEOUT": True}}, ["E019"]),
        ({"QUERY_CACHE": {"TIMEOUT": 0}}, ["E019"]),
        ({"INDEX_MEMORY": 2**30}, []),
        ({"INDEX_MEMORY": 0}, []),
        ({"INDEX_MEMORY": -1}, ["E028"]),
        ({"INDEX_MEMORY": "1 GB"}, ["E028"]),
        ({"INDEX_MEMORY": True}, ["E028"]),
        ({"LEASE_SECONDS": 0.5}, []),
        ({"LEASE_SECONDS": 0}, ["E021"]),
        ({"LEASE_SECONDS": True}, ["E021"]),
        ({"LEASE_SECONDS": float("nan")}, ["E021"]),
        ({"LEASE_SECONDS": float("inf")}, ["E021"]),
        ({"LEASE_SECONDS": "60"}, ["E021"]),
        ({"SEARCH": {}}, []),
        ({"SEARCH": {"EXACT": True}}, []),
        ({"SEARCH": {"EXACT": 1, "EXACTLY": True, "exact": True}}, ["E022"] * 3),
        ({"SEARCH": {"RECALL": 0.9, "EF_SEARCH": 100, "EXACT_ROWS": 0}}, []),
        ({"SEARCH": {"RECALL": 2, "EF_SEARCH": 0, "EXACT_ROWS": -1}}, ["E022"] * 3),
        ({"SEARCH": True}, ["E022"]),
    ],
)
def test_mistakes_in_the_settings_have_their_numbers(
    settings: Any, value: Any, found: list[str]
) -> None:
    settings.HYBRID_STORE = value
    assert ids(check_settings()) == found


def test_tasks_need_a_framework_and_settings_that_take_them(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hybrid_store.sync.tasks import FRAMEWORKS

    assert check_tasks() == []
    settings.TASKS = {"default": {"BACKEND": "nowhere.Backend"}}
    messages = check_tasks()
    # Memo, Passage and SpeechParagraph.
    assert ids(messages) == ["E020"] * 3
    assert "nowhere.Backend" in messages[0].msg
    with monkeypatch.context() as without:
        for name in FRAMEWORKS:
            without.setitem(sys.modules, name, None)
        assert 'pip install "django-hybrid-store[tasks]"' in check_tasks()[0].msg


def test_no_database_is_opened_unless_one_is_named() -> None:
    assert check_databases(databases=None) == []


@pytest.mark.django_db
def test_the_databases_of_the_run_pass() -> None:
    assert check_databases(databases=["default"]) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("report", "found"),
    [
        (Extension("vector", None, available="0.8.5"), ["W012"]),
        (Extension("vector", None), ["E012"]),
        (Extension("vector", "0.8.0", "public", "0.8.5", "0.8.4"), ["W013"]),
        (Extension("vector", "0.8.4", "public", "0.8.5", "0.8.4"), []),
        (Extension("vector", "0.10.0", "public", "0.10.0", "0.8.4"), []),
    ],
)
def test_a_missing_or_old_extension_is_reported(
    monkeypatch: Any, report: Extension, found: list[str]
) -> None:
    from hybrid_store.backends import vector_ops

    monkeypatch.setattr(vector_ops(connection), "extension_report", lambda: report)
    assert ids(check_databases(databases=["default"])) == found


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no limit")
@isolate_apps("hybrid_store.test")
def test_an_index_over_too_many_dimensions_is_reported() -> None:
    from hybrid_store.backends import vector_ops
    from hybrid_store.checks.databases import _too_many_dimensions

    class Wide(models.Model):
        vector = VectorField(dimensions=5000)

        class Meta:
            app_label = "hybrid_store_test"
            indexes = [VectorIndex("vector", name="wide_vec")]

    assert ids(list(_too_many_dimensions(Wide, vector_ops(connection)))) == ["E014"]


@pytest.mark.django_db(databases=["default", "other"])  # Django asks them of their features.
def test_a_failing_check_stops_the_command(settings: Any) -> None:
    settings.HYBRID_STORE = {"WRONG": 1}
    with pytest.raises(CommandError, match="unknown key 'WRONG'"):
        call_command("check")
