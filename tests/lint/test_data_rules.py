"""Faults in the rows of a database, on every database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, ClassVar, cast

import numpy as np
import pytest
from django.apps import apps
from django.db import InterfaceError, connection, models
from django.test.utils import CaptureQueriesContext, isolate_apps

from hybrid_store.backends import vector_ops
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.management.lint import engine
from hybrid_store.management.lint.data.base import DataRule, Spot
from hybrid_store.management.lint.data.lengths import MixedLengths
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.sampling import sample
from hybrid_store.management.lint.vectors import Held
from hybrid_store.models import VectorField
from hybrid_store.test.models import Book, Lecture, Novel, Point, Remix
from tests.adoption.tables import Table
from tests.docs.conftest import IS_POSTGRESQL
from tests.lint.looking import look_at, project

pytestmark = pytest.mark.django_db

TITLE = models.CharField(max_length=50)
NAME = models.CharField(max_length=50)
# Of the project's own, which has the name of another and gives bytes.
OWN_FIELD: Any = type("VectorField", (models.BinaryField,), {"__module__": __name__})
FIELDS: dict[str, Any] = {
    "Bytes": models.BinaryField(null=True),
    "Own": OWN_FIELD(null=True),
    "JSON": models.JSONField(null=True),
    "Vectors": VectorField(dimensions=384, null=True),
}
if IS_POSTGRESQL:
    from django.contrib.postgres.fields import ArrayField

    FIELDS["Lists"] = ArrayField(models.FloatField(), null=True)
AS_LISTS = {"JSON", "Vectors", "Lists"}
SECRET = "sk-planted-secret"
Array = Any
Found = list[tuple[str, str]]


def embeddings(count: int, dimensions: int = 384) -> Array:
    """As a model of texts gives them: around a few topics, of length 1."""
    random = np.random.default_rng(1)
    topics = random.normal(size=(10, dimensions))
    values = topics[np.arange(count) % 10] + random.normal(size=(count, dimensions))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def as_float32(array: Array) -> Any:
    return array.astype("<f4").tobytes()


def as_float64(array: Array) -> Any:
    return array.astype("<f8").tobytes()


def as_json(array: Array) -> Any:
    return array.astype(float).tolist()


@pytest.fixture(scope="module")
def tables(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Table]]:
    """One for each kind of field, for tests that roll back what they write."""
    with django_db_blocker.unblock(), ExitStack() as stack:
        yield {
            kind: stack.enter_context(
                Table(f"Of{kind}").created(title=TITLE, model_name=NAME, embedding=field)
            )
            for kind, field in FIELDS.items()
        }


def fill(table: Table, values: Any) -> None:
    rows = [
        table.model(title=f"title {place}", embedding=value) for place, value in enumerate(values)
    ]
    table.rows.bulk_create(rows)


def found(table: Table, **options: Any) -> Found:
    outcome = look_at(table.model, **options)
    assert outcome.untold == []
    return [(finding.rule, finding.detail) for finding in outcome.findings]


FoundIn = Callable[..., Found]


@pytest.fixture
def found_in(tables: dict[str, Table]) -> FoundIn:
    """What is found in a table with only these values in that kind of field."""

    def found_in(values: Any, kind: str = "Bytes", **options: Any) -> Found:
        tables[kind].rows.all().delete()
        fill(tables[kind], values)
        return found(tables[kind], **options)

    return found_in


@pytest.fixture
def table(tables: dict[str, Table]) -> Table:
    return tables["Bytes"]


@pytest.mark.parametrize("kind", FIELDS)
def test_sound_embeddings_are_no_fault(found_in: FoundIn, kind: str) -> None:
    store = as_json if kind in AS_LISTS else as_float32
    assert found_in([store(array) for array in embeddings(50)], kind) == []


@pytest.mark.parametrize("kind", FIELDS)
def test_each_kind_of_field_is_read(found_in: FoundIn, kind: str) -> None:
    store = as_json if kind in AS_LISTS else as_float32
    values = [store(array) for array in np.random.default_rng(1).random((20, 384))]
    assert dict(found_in(values, kind))["L103"].startswith("20 of 20 rows read look random")


def test_blobs_that_are_no_vectors_are_no_fault(found_in: FoundIn) -> None:
    random = np.random.default_rng(1)
    images = [b"\x89PNG" + random.bytes(2044) for _ in range(50)]
    texts = ["Höhe, width and depth. ".encode() * n for n in range(10, 30)]
    digests, counts = [random.bytes(32)] * 9, [np.arange(64, dtype="<i4").tobytes()] * 9
    for blobs in (images, texts, digests, counts, [b"", None]):
        assert found_in(blobs) == []


def test_lists_that_are_no_vectors_are_no_fault(found_in: FoundIn) -> None:
    hours, digits = [9.5, 17.5] * 7, [10**400] * 40
    for value in (
        *([1, 2, 3] * 20, ["a"] * 40, {"a": 1}, [0.5, 1.5], hours, digits),
        *("text", [[0.5] * 40] * 40, 5),
    ):
        assert found_in([value] * 9, "JSON") == []


@pytest.mark.parametrize(("images", "rules"), [(2, ["L101"]), (3, [])])
def test_of_ten_values_nine_are_vectors_in_a_column_of_vectors(
    found_in: FoundIn, images: int, rules: list[str]
) -> None:
    values = [as_float64(array) for array in embeddings(20)]
    values[:images] = [np.random.default_rng(place).bytes(999) for place in range(images)]
    assert [rule for rule, _ in found_in(values)] == rules


def test_series_of_numbers_have_many_lengths_and_are_no_fault(found_in: FoundIn) -> None:
    random = np.random.default_rng(1)
    series = [random.normal(20, 3, size=size) for size in range(32, 92)]
    assert found_in(map(as_json, series), "JSON") == []
    assert found_in(map(as_float32, series)) == []


def test_float64_is_told_by_what_it_would_be_as_float32(found_in: FoundIn, table: Table) -> None:
    [(rule, detail)] = found_in(list(map(as_float64, embeddings(20))))
    [finding] = look_at(table.model).findings
    assert 'ConvertVectorColumn("OfBytes", "embedding", VectorField(dimensions=384))' in finding.fix
    assert finding.place == "adoption_tests_ofbytes.embedding"
    assert rule == "L101"
    assert detail.startswith(
        "20 of 20 rows read are float64: 3,072 bytes make sense as 384 numbers; read as float32 "
        "they are 768, "
    )


@pytest.mark.parametrize(
    ("dtype", "rules"), [("float64", []), ("float32", ["L101"]), ("int16", ["L101"])]
)
def test_float64_that_is_read_as_such_is_no_fault(
    found_in: FoundIn, dtype: str, rules: list[str]
) -> None:
    code = project(
        search=f"import numpy as np\ndef vector(movie):\n"
        f"    return np.frombuffer(movie.embedding, dtype=np.{dtype})"
    )
    values = list(map(as_float64, embeddings(20)))
    assert [rule for rule, _ in found_in(values, code=code)] == rules


def test_a_vector_that_rows_share_is_told_with_their_number(found_in: FoundIn) -> None:
    values = [as_float32(array) for array in embeddings(40)]
    values[10:20] = [as_float32(embeddings(41)[40])] * 10
    [(rule, detail)] = found_in(values)
    assert rule == "L102"
    assert detail.startswith("10 of 40 rows read (primary keys ")
    assert detail.endswith(", ...) have one and the same vector")


def test_rows_of_one_text_may_share_their_vector(table: Table) -> None:
    fill(table, [as_float32(array) for array in embeddings(40)])
    one = as_float32(embeddings(1)[0])
    keys = table.rows.order_by("pk").values_list("pk", flat=True)[:9]
    table.rows.filter(pk__in=list(keys)).update(title="the same", embedding=one)
    assert found(table) == []


def test_a_text_that_these_rows_alone_share_may_be_what_was_embedded(table: Table) -> None:
    fill(table, [as_float32(array) for array in (*embeddings(30), *[embeddings(31)[30]] * 10)])
    last = table.rows.order_by("-pk").values_list("pk", flat=True)[:10]
    for place, key in enumerate(list(last)):
        table.rows.filter(pk=key).update(title="the same", model_name=f"model {place % 2}")
    assert [rule for rule, _ in found(table)] == ["L108"]


def test_a_vector_that_fewer_than_one_in_a_hundred_rows_share_is_no_fault(
    found_in: FoundIn,
) -> None:
    values = [as_float32(array) for array in embeddings(600, 32)]
    values[:5] = values[:1] * 5
    assert found_in(values) == []
    assert [rule for rule, _ in found_in(values[:500])] == ["L102"]


@pytest.mark.parametrize(("one_title", "rules"), [(False, ["L102"]), (True, [])])
def test_what_is_the_same_in_all_rows_was_not_embedded(
    table: Table, one_title: bool, rules: list[str]
) -> None:
    fill(table, [as_float32(array) for array in (*embeddings(30), *[embeddings(31)[30]] * 10)])
    table.rows.update(model_name="en", **{"title": "one"} if one_title else {})
    assert [rule for rule, _ in found(table)] == rules


def test_uniform_numbers_look_random(found_in: FoundIn) -> None:
    random = np.random.default_rng(1)
    values = [as_float32(array) for array in embeddings(20)]
    values += [as_float32(random.random(384)) for _ in range(20)]
    rules = dict(found_in(values))
    assert set(rules) == {"L103", "L106"}
    assert rules["L103"].startswith(
        "20 of 40 rows read look random: numbers spread evenly, with mean 0.5"
    )
    assert rules["L106"].startswith("20 vectors have length 1, but 20 of 40 rows read (primary")


@pytest.mark.parametrize("scaled", [False, True])
def test_normal_numbers_look_random(found_in: FoundIn, scaled: bool) -> None:
    values = np.random.default_rng(1).normal(size=(60, 384))
    if scaled:
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    [(rule, detail)] = found_in([as_float32(value) for value in values])
    assert rule == "L103"
    assert detail.startswith("60 of 60 rows read look random: no two of them nearer than chance")


def test_zero_vectors_are_told(found_in: FoundIn) -> None:
    values = [as_json(array) for array in embeddings(20)] + [[0.0] * 384] * 3
    [(rule, detail)] = found_in(values, "Vectors")
    assert (rule, detail[:21]) == ("L104", "3 of 23 rows read (pr")
    assert [rule for rule, _ in found_in([[0.0] * 384], "Vectors")] == ["L104"]
    assert found_in([b"\0" * 1536] * 9) == found_in([[0.0] * 9] * 9, "JSON") == []


def test_two_models_in_one_column_are_told_by_their_sizes(found_in: FoundIn) -> None:
    values = [as_float32(a) for a in (*embeddings(30), *embeddings(20, 768))]
    assert found_in(values) == [
        ("L105", "of 50 rows read, 30 rows of 384 numbers, 20 rows of 768 numbers")
    ]
    values = [as_float32(a) for a in embeddings(30)] + [as_float64(a) for a in embeddings(20)]
    code = project(a="import numpy as np\nnp.frombuffer(x.embedding)")
    assert found_in(values, code=code) == [
        ("L105", "of 50 rows read, 30 rows of float32, 20 rows of float64")
    ]


def test_two_models_in_one_column_are_told_by_their_lengths(found_in: FoundIn) -> None:
    values = [as_json(a) for a in (*embeddings(30), *(7 * embeddings(60)[30:]))]
    [(rule, detail)] = found_in(values, "Vectors")
    assert rule == "L106"
    assert detail.startswith("30 vectors have length 1, but 30 of 60 rows read (primary keys ")
    assert detail.endswith(") have 7 to 7")


def test_vectors_of_no_certain_length_are_no_fault(found_in: FoundIn, seed: int) -> None:
    lengths = np.random.default_rng(seed).uniform(0.5, 1.5, size=(60, 1))
    assert found_in([as_json(a) for a in embeddings(60) * lengths], "JSON") == []


def test_vectors_that_were_rounded_to_half_precision_are_of_length_1_all_the_same(
    found_in: FoundIn,
) -> None:
    values = embeddings(60)
    values[30:] = values[30:].astype(np.float16)
    assert found_in([as_json(a) for a in values], "Vectors") == []


@pytest.mark.parametrize(
    ("rows", "longer", "is_fault"), [(60, 4, False), (60, 5, True), (300, 5, False), (300, 6, True)]
)
def test_a_few_vectors_of_another_length_are_no_fault(
    rows: int, longer: int, is_fault: bool
) -> None:
    held = Held()
    for place, array in enumerate(embeddings(rows, 32)):
        held.add(place, "vectors", array * (7 if place < longer else 1))
    nothing = cast("Any", None)
    assert bool([*MixedLengths().judge(held, nothing, nothing)]) is is_fault


def test_vectors_of_another_space_are_told() -> None:
    Book.objects.create(title="apple", embedding=embeddings(1)[0])
    Book.objects.update(embedding_fingerprint="0" * 16 + ":" + "0" * 32)
    # Updates are counted by the server, those of other tests of this table as well.
    [finding] = look_at(Book, ignored=["L113"]).findings
    assert (finding.rule, finding.place) == ("L107", "hybrid_store_test_book.embedding")
    assert "one that no configured embedder makes (digest 0000000000000000)" in finding.detail
    assert "generate_embeddings hybrid_store_test.Book.embedding --replace-spaces" in finding.fix


def test_model_names_that_no_query_asks_for_are_told(table: Table) -> None:
    fill(table, [as_float32(array) for array in embeddings(20)])
    table.rows.update(model_name="ada-002")
    assert found(table) == []
    first = table.rows.order_by("pk").first()
    table.rows.filter(pk=first.pk).update(model_name="3-small")
    assert found(table) == [
        ("L108", "model_name has 2 values ('3-small', 'ada-002'), and no query filters by it")
    ]
    asked = project(views="Chunk.objects.filter(model_name=NAME)")
    assert found(table, code=asked) == []


def test_texts_that_share_no_word_are_not_random(found_in: FoundIn, seed: int) -> None:
    """By the hashing embedder their cosines are those of random vectors."""
    embedder = HashingEmbedder("lint", {"MODEL": "hashing", "DIMENSIONS": 384})
    random = np.random.default_rng(seed)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    texts = [" ".join("".join(random.choice(letters, 7)) for _ in range(9)) for _ in range(60)]
    assert found_in([as_float32(np.asarray(vector)) for vector in embedder.embed(texts)]) == []


class TestSamples:
    @pytest.mark.parametrize("count", [5, 7, 15, 20, 25])
    def test_so_many_rows_are_read_and_as_many_of_each_part_of_the_table(
        self, table: Table, count: int
    ) -> None:
        fill(table, [b""] * 60)
        keys = [key for (key,) in table.rows.order_by("pk").values_list("pk")]
        read = [keys.index(key) for (key,) in sample(table.rows, count)]
        assert len(read) == len({*read}) == count
        parts = Counter(place * 5 // 60 for place in read)
        assert set(parts) == set(range(5))
        assert max(parts.values()) - min(parts.values()) <= 1 + count // 10

    def test_the_key_of_a_child_is_that_of_its_parent(self) -> None:
        for place in range(40):
            Novel.objects.create(title=f"{place:02}")
        titles = [title for _, title in sample(Novel._base_manager.all(), 10, "title")]
        assert titles == [f"{place:02}" for place in range(0, 40, 4)]

    def test_at_most_so_many_rows_are_read_from_all_over_the_table(self, table: Table) -> None:
        fill(table, [as_float64(array) for array in embeddings(60, 64)])
        [(_, detail)] = found(table, size=20)
        assert detail.startswith("20 of 20 rows read are float64")
        keys = table.rows.order_by("pk").values_list("pk", flat=True)
        late = as_float32(embeddings(1, 64)[0])
        table.rows.filter(pk__in=list(keys[50:])).update(embedding=late)
        assert "L105" in dict(found(table, size=20))

    @pytest.mark.django_db(transaction=True)
    def test_keys_without_a_distance_give_both_ends(self) -> None:
        key = models.CharField(max_length=9, primary_key=True)
        with Table().created(
            code=key, title=TITLE, embedding=models.BinaryField(null=True)
        ) as table:
            values = [as_float64(array) for array in embeddings(50, 64)]
            values[40:] = [as_float32(array) for array in embeddings(10, 64)]
            for place, value in enumerate(values):
                table.rows.create(code=f"k{place:03}", title="", embedding=value)
            details = dict(found(table, size=20))
            assert details["L105"] == "of 20 rows read, 10 rows of float64, 10 rows of float32"


def test_of_values_that_are_no_vectors_few_are_read(table: Table) -> None:
    images = [np.random.default_rng(place).bytes(500) for place in range(40)]
    for values, is_read_whole in ((images, False), (map(as_float32, embeddings(40)), True)):
        table.rows.all().delete()
        fill(table, values)
        with CaptureQueriesContext(connection) as queries:
            found(table)
        assert any("LIMIT 1001" in query["sql"] for query in queries) is is_read_whole


def test_a_comment_at_the_field_switches_a_rule_off(found_in: FoundIn) -> None:
    code = """
from django.db import models

class OfBytes(models.Model):
    embedding = models.BinaryField(null=True)  # vector-lint: ignore[L101]
"""
    values = list(map(as_float64, embeddings(20)))
    assert found_in(values, code=project(models=code)) == []
    assert found_in(values, code=project(models=code.replace("L101", "L102"))) != []


class Parent:
    """As an abstract model."""


class OfBytes(Parent):
    """Has no field of its own."""


class TestDeclared:
    TEXT = "from django.db import models\n\nclass {}(models.Model):\n    {} = models.BinaryField()"

    def declared(self, **files: str) -> str:
        found = project(**files).declared(OfBytes, "embedding")
        return found.source.name if found else ""

    def test_a_field_may_be_that_of_an_abstract_parent(self) -> None:
        of_parent = self.TEXT.format("Parent", "embedding")
        of_child = self.TEXT.format("OfBytes", "embedding")
        of_other = self.TEXT.format("OfBytes", "other")
        assert self.declared(a=of_other, b=of_parent) == "b.py"
        assert self.declared(a=of_parent, b=of_child) == "b.py"
        assert self.declared(a=of_other) == ""

    def test_of_classes_of_one_name_that_in_the_file_of_the_module_counts(self) -> None:
        text = self.TEXT.format("OfBytes", "embedding")
        own = __name__.replace(".", "/")
        assert self.declared(**{"films": text, own: text, "top": text}) == f"{own}.py"
        assert self.declared(**{"films": text, f"src/{own}/__init__": text}).startswith("src/")
        assert self.declared(films=text, top=text) == "films.py"


def test_rules_can_be_ignored(found_in: FoundIn) -> None:
    assert found_in(list(map(as_float64, embeddings(20))), ignored=["L101"]) == []


@pytest.mark.django_db(transaction=True)
def test_a_column_that_cannot_be_read_is_told_and_the_others_are_looked_at(table: Table) -> None:
    other = Table("Other")
    with (
        Table().created(title=TITLE, embedding=models.BinaryField(null=True)) as table,
        other.created(embedding=models.BinaryField(null=True)),
    ):
        fill(table, list(map(as_float64, embeddings(20))))
        with other.connection.schema_editor() as editor:
            field = other.model._meta.get_field("embedding")
            editor.execute(f'ALTER TABLE "{other.model._meta.db_table}" RENAME embedding TO gone')
        outcome = look_at(other.model, table.model)
        assert [finding.rule for finding in outcome.findings] == ["L101"]
        [sentence] = outcome.untold
        assert sentence.startswith(f"{other.model._meta.db_table}.{field.column} could not be told")


class Locked(models.BinaryField[Any, Any]):
    """Its values cannot be read, and the error names a key."""

    error: ClassVar[type[Exception]] = ValueError

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        raise self.error(f"no such key: {SECRET}")


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, InterfaceError])
@pytest.mark.django_db(transaction=True)
def test_what_a_column_fails_with_is_told_without_secrets(
    settings: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(Locked, "error", error)
    embedder = "hybrid_store.embedders.OpenAIEmbedder"
    settings.HYBRID_STORE = {
        "EMBEDDERS": {"default": {"BACKEND": embedder, "OPTIONS": {"api_key": SECRET}}}
    }
    with Table().created(title=TITLE, embedding=Locked(null=True)) as table:
        fill(table, [b"abc"])
        outcome = look_at(table.model)
    [sentence] = outcome.untold
    assert sentence.endswith("could not be told: no such key: ***")


def named(table: str, field: Any = None) -> type[models.Model]:
    """A model of a table that others look after."""
    meta = type("Meta", (), {"app_label": "hybrid_store_test", "db_table": table})
    fields = {"title": TITLE.clone(), "embedding": field or models.BinaryField(null=True)}
    with isolate_apps("hybrid_store.test"):
        kind: Any = type("Named", (models.Model,), {"__module__": __name__, "Meta": meta, **fields})
    return cast("type[models.Model]", kind)


def test_a_table_that_is_not_there_is_left_out() -> None:
    outcome = look_at(named("nowhere"), named('"nowhere"'), named('"nowhere"."at all"'))
    assert (outcome.findings, outcome.untold, outcome.columns) == ([], [], 0)


OTHERS = ["Odd Table of Others", '"quoted"', '"Quoted Table"']
OF_SCHEMAS = ['"attic"."others"', '"attic"."Odd Table"'] if IS_POSTGRESQL else []


@pytest.mark.parametrize("name", [*OTHERS, *OF_SCHEMAS])
def test_tables_of_any_name_and_schema_are_looked_at(name: str) -> None:
    quoted, model = connection.ops.quote_name(name), named(name)
    columns = "id integer PRIMARY KEY, title varchar(50), embedding " + (
        "bytea" if IS_POSTGRESQL else "blob"
    )
    with connection.cursor() as cursor:
        if name in OF_SCHEMAS:
            cursor.execute("CREATE SCHEMA attic")
        cursor.execute(f"CREATE TABLE {quoted} ({columns})")
    rows: Any = model._base_manager
    rows.bulk_create(
        model(pk=place, title=f"{place}", embedding=as_float64(array))
        for place, array in enumerate(embeddings(9))
    )
    outcome = look_at(model)
    assert outcome.untold == []
    assert [(f.rule, f.place) for f in outcome.findings] == [("L101", f"{name}.embedding")]


def test_models_of_every_kind_can_be_looked_at() -> None:
    """Children, proxies, keys of several columns, keys that are no numbers."""
    Lecture.objects.create(text="apple", name="Ann")
    Remix.objects.create(text="pear", words="plum", title="fig")
    every = apps.get_app_config("hybrid_store_test").get_models()
    outcome = look_at(*every, ignored=["L113"])
    assert outcome.untold == []
    assert outcome.findings == []


@pytest.mark.skipif(IS_POSTGRESQL, reason="an index is more than triggers there")
def test_an_index_of_which_a_trigger_is_missing_was_not_interrupted_where_none_can_be() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER hybrid_store_index_test_point_vec_update")
    stored = {index.name: index.is_valid for index in vector_ops(connection).stored_indexes(Point)}
    assert stored["test_point_vec"] is False
    assert look_at(Point).findings == []


@pytest.mark.django_db(databases=["default", "other"], transaction=True)
def test_the_database_that_is_named_is_looked_at() -> None:
    fields = {"title": TITLE, "embedding": models.BinaryField(null=True)}
    with Table(using="other").created(**fields) as table:
        fill(table, list(map(as_float64, embeddings(20))))
        there, here = look_at(table.model, using="other"), look_at(table.model)
    assert [finding.rule for finding in there.findings] == ["L101"]
    assert (here.findings, here.untold, here.columns) == ([], [], 0)


class Emptying(DataRule):
    id = "L199"

    def look(self, column: Column, database: Database) -> Iterator[Spot]:
        database.rows(column.model).delete()
        yield Spot(column, "is empty now")


class Erased(models.BinaryField[Any, Any]):
    """Reading a value erases all."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM adoption_tests_ofbytes")


def test_nothing_can_be_written(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(table, list(map(as_float64, embeddings(20))))
    monkeypatch.setattr(engine, "DATA_RULES", [Emptying])
    outcome = look_at(table.model)
    erased = look_at(named(table.model._meta.db_table, Erased(null=True)))
    assert outcome.findings == erased.findings == []
    [first], [second] = outcome.untold, erased.untold
    assert first.startswith(f"L199 of {table.model._meta.db_table}.embedding could not be told: ")
    assert second.startswith(f"{table.model._meta.db_table}.embedding could not be told: ")
    assert table.rows.count() == 20


def test_nothing_is_written(table: Table) -> None:
    fill(table, list(map(as_float64, embeddings(20))))
    with CaptureQueriesContext(connection) as queries:
        found(table)
    said = [query["sql"].split()[0] for query in queries.captured_queries]
    assert not {"INSERT", "UPDATE", "DELETE", "CREATE"} & set(said)
