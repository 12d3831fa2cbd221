"""A store leads to no rows but those of its queryset, and documents come back as they were."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from haystack import Document
from haystack.core.errors import DeserializationError, SerializationError
from haystack.core.serialization import allow_deserialization_module
from haystack.dataclasses import ByteStream, SparseEmbedding
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.errors import FilterError

from hybrid_store.contrib.haystack import DjangoDocumentStore
from hybrid_store.exceptions import DocumentError
from hybrid_store.test.models import Author, Book
from tests.contrib.haystack.sources import mine
from tests.contrib.models import Leaflet, Paper

pytestmark = pytest.mark.django_db(transaction=True)


def papers(owner: str, **options: Any) -> DjangoDocumentStore:
    return DjangoDocumentStore(
        Paper.objects.filter(owner=owner),
        defaults={"owner": owner},
        embedded_by="default",
        **options,
    )


def vector(*numbers: float) -> list[float]:
    return [*numbers, *[0.0] * (384 - len(numbers))]


def condition(field: str, operator: Any, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def ids(documents: list[Document]) -> set[str]:
    return {document.id for document in documents}


DOCUMENTS = [
    Document(id="a", content="red apples", meta={"n": 1, "by": {"name": "Kim"}}),
    Document(id="b", content="green apples", meta={"n": 2}, embedding=vector(1.0)),
]
EVERYTHING = condition("id", "!=", "nothing")


@pytest.fixture
def store() -> DjangoDocumentStore:
    """Mine; another one has a document that is alike."""
    papers("you").write_documents(
        [Document(id="x", content="red apples", meta={"n": 1, "s": 7}, embedding=vector(1.0))]
    )
    store = papers("me")
    assert store.write_documents(DOCUMENTS) == 2
    return store


class TestTenants:
    def test_updates_that_lead_outside_are_refused(self) -> None:
        store = papers("me", fields=["owner"])
        store.write_documents([Document(id="a", content="red")])
        with pytest.raises(DocumentError, match="outside of the queryset"):
            store.update_by_filter(EVERYTHING, {"owner": "you"})
        assert Paper.objects.get().owner == "me"

    async def test_awaited_they_are_the_same(self) -> None:
        you, me = papers("you"), papers("me")
        await you.write_documents_async([Document(id="x", content="red", embedding=vector(1.0))])
        assert await me.write_documents_async(DOCUMENTS) == 2
        assert ids(await me.retrieve_async(vector(1.0))) == {"b"}
        assert ids(await me.filter_documents_async(condition("by.name", "==", "Kim"))) == {"a"}
        await me.delete_all_documents_async()
        assert (await me.count_documents_async(), await you.count_documents_async()) == (0, 1)


class TestFilters:
    def test_fields_of_documents_are_asked_for(self, store: DjangoDocumentStore) -> None:
        for given, found in [
            (condition("id", "in", ["a", "x"]), {"a"}),
            (condition("content", "==", "green apples"), {"b"}),
            (condition("meta.by.name", "==", "Kim"), {"a"}),
            (condition("n", ">", 1), {"b"}),
            ({"operator": "NOT", "conditions": [condition("n", "==", 1), EVERYTHING]}, {"b"}),
        ]:
            assert ids(store.filter_documents(given)) == found

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ("n = 1", "is no filter"),
            ([], "is no filter"),
            (condition("n", "=", 1), "'=' is no operator"),
            (condition("n", ["=="], 1), "is no operator"),
            (condition("", "==", 1), "no field to filter by"),
            (condition("embedding", "==", 1), "no field to filter by"),
            (condition("n", "==", {"a": 1}), "is no text"),
            (condition("n", ">", True), "neither greater nor smaller"),
            (condition("n", "==", "\x00"), "has characters that no text"),
            ({**condition("n", "==", 1), "conditions": []}, "has 'conditions'"),
            ({"operator": "AND", "conditions": []}, "a list of some"),
            ({"operator": "AND", "conditions": {}}, "a list of some"),
            ({"operator": "XOR", "conditions": [EVERYTHING]}, "'XOR' is no operator"),
            ({"operator": "AND", "conditions": ["n"]}, "'n' is no filter"),
        ],
    )
    def test_bad_filters_are_refused(self, given: Any, message: str) -> None:
        store = papers("me")
        for ask in (
            store.filter_documents,
            store.count_documents_by_filter,
            store.delete_by_filter,
            lambda filters: store.retrieve(vector(1.0), filters=filters),
            lambda filters: store.count_unique_metadata_by_filter(filters, ["n"]),
        ):
            with pytest.raises(FilterError, match=message if given else None):
                ask(given)

    def test_filters_that_are_too_deep_are_refused(self) -> None:
        given: dict[str, Any] = EVERYTHING
        for _ in range(3000):
            given = {"operator": "NOT", "conditions": [given]}
        with pytest.raises(FilterError, match="nested too deeply"):
            papers("me").filter_documents(given)

    def test_nothing_is_changed_for_want_of_a_filter(self, store: DjangoDocumentStore) -> None:
        with pytest.raises(FilterError, match="no filter"):
            store.delete_by_filter({})
        with pytest.raises(FilterError, match="no filter"):
            store.update_by_filter({}, {"n": 3})
        assert store.count_documents_by_filter({}) == 2


class TestDocuments:
    def test_they_come_back_as_they_were(self) -> None:
        documents = [
            Document(id="empty", content=""),
            Document(id="missing", content=None, meta={"a": [1, None, {"b": "\u00e9"}]}),
            Document(id="blob", blob=ByteStream(b"\x00\xff", {"name": "x"}, "image/png")),
            Document(id="sparse", content="a", sparse_embedding=SparseEmbedding([1, 5], [0.5, 2])),
        ]
        store = DjangoDocumentStore(Leaflet.objects.all())
        store.write_documents(documents)
        assert sorted(store.filter_documents(), key=lambda one: one.id) == sorted(
            documents, key=lambda one: one.id
        )

    def test_a_text_that_is_there_now_is_given(self) -> None:
        store = DjangoDocumentStore(Leaflet.objects.all())
        store.write_documents([Document(id="missing")])
        Leaflet.objects.update(text="written since")
        assert store.filter_documents()[0].content == "written since"

    def test_what_has_no_place_is_refused(self) -> None:
        store = DjangoDocumentStore(Book.objects.all(), text="title")
        with pytest.raises(DocumentError, match="no field for the missing content, blob"):
            store.write_documents([Document(id="1", blob=ByteStream(b"a"))])
        with pytest.raises(DocumentError, match="no field for the metadata 'pages'"):
            store.write_documents([Document(id="1", content="a", meta={"pages": 1})])

    def test_fields_are_metadata(self) -> None:
        author = Author.objects.create(name="Kim")
        Book.objects.create(title="red apples", year=2001, author=author)
        store = DjangoDocumentStore(
            Book.objects.all(), text="title", fields={"year": "year", "by": "author__name"}
        )
        [found] = store.filter_documents(condition("meta.by", "==", "Kim"))
        assert (found.content, found.meta) == ("red apples", {"year": 2001, "by": "Kim"})
        assert store.get_metadata_field_min_max("meta.year") == {"min": 2001, "max": 2001}
        assert store.update_by_filter(EVERYTHING_OF_BOOKS, {"year": 2002}) == 1
        assert Book.objects.get().year == 2002
        with pytest.raises(DocumentError, match="author__name is only read"):
            store.update_by_filter(EVERYTHING_OF_BOOKS, {"by": "Lee"})

    def test_one_of_each_id_is_written(self) -> None:
        first, second = Document(id="a", content="first"), Document(id="a", content="second")
        for policy, count, content in [
            (DuplicatePolicy.SKIP, 1, "first"),
            (DuplicatePolicy.OVERWRITE, 2, "second"),
        ]:
            store = papers("me")
            store.delete_all_documents()
            assert store.write_documents([first, second], policy) == count
            assert store.filter_documents()[0].content == content
        with pytest.raises(DuplicateDocumentError, match="given twice"):
            papers("me").write_documents([first, second])

    def test_vectors_of_unknown_origin_are_refused(self) -> None:
        with pytest.raises(DocumentError, match="embedded_by='default'"):
            DjangoDocumentStore(Paper.objects.all()).write_documents(DOCUMENTS)


EVERYTHING_OF_BOOKS = condition("content", "!=", "")


class TestFiles:
    @pytest.fixture(autouse=True)
    def _trusted(self) -> None:
        allow_deserialization_module("tests.contrib.*")

    def test_a_path_is_called_for_every_operation(self, store: DjangoDocumentStore) -> None:
        named = DjangoDocumentStore("tests.contrib.haystack.sources.mine", fields=["year"])
        again = DjangoDocumentStore.from_dict(named.to_dict())
        assert again.to_dict() == named.to_dict()
        assert ids(again.filter_documents()) == {"a", "b"}
        Paper.objects.filter(pk="x").update(owner="me")
        assert again.count_documents() == 3

    def test_all_of_a_model_has_a_name(self) -> None:
        store = DjangoDocumentStore(Paper.objects, defaults={"owner": "me"}, embedded_by="default")
        data = store.to_dict()
        assert data["init_parameters"]["queryset"] == "contrib.Paper"
        again = DjangoDocumentStore.from_dict(data)
        again.write_documents(DOCUMENTS)
        assert Paper.objects.filter(owner="me").count() == 2

    @pytest.mark.parametrize(
        "narrow",
        [
            mine,
            lambda: Paper.objects.exclude(year=1),
            lambda: Paper.objects.none(),
            lambda: Paper.objects.all()[:3],
            lambda: Paper.objects.distinct(),
            lambda: Paper.objects.using("other"),
            lambda: Paper.objects.filter(pk=1) | Paper.objects.filter(pk=2),
            lambda: Paper.objects.filter(pk=1).union(Paper.objects.filter(pk=2)),
        ],
    )
    def test_conditions_are_not_written_to_files(self, narrow: Any) -> None:
        with pytest.raises(SerializationError, match=r"contrib\.Paper that is not all of it"):
            DjangoDocumentStore(narrow()).to_dict()

    def test_defaults_have_to_be_plain(self) -> None:
        store = DjangoDocumentStore(Paper.objects.all(), defaults={"published": datetime.now()})
        with pytest.raises(SerializationError, match="defaults cannot be written to a file"):
            store.to_dict()

    def test_a_path_has_to_be_that_of_a_function(self) -> None:
        with pytest.raises(TypeError, match="is no function that gives a queryset"):
            DjangoDocumentStore("tests.contrib.haystack.sources.text_embedder")
        with pytest.raises(ImportError):
            DjangoDocumentStore("tests.contrib.haystack.sources.nothing")

    @pytest.mark.parametrize("name", ["os.getcwd", "auth.User", "shutil.rmtree"])
    def test_what_is_not_trusted_is_not_asked(self, name: str) -> None:
        data = DjangoDocumentStore(Paper.objects.all()).to_dict()
        data["init_parameters"]["queryset"] = name
        with pytest.raises(DeserializationError, match="allowlist"):
            DjangoDocumentStore.from_dict(data)
