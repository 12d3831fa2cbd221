"""Two tenants in one table: what one of them is answered does not depend on the other.

Every public method of every adapter is called without and with the rows of another tenant, whose
texts are the same and whose vectors are nearer. The answers, errors included, have to be the same,
and the other's rows unchanged. Scores by words are left out: they tell how common a word is in the
whole table.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import Model
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import BaseComponent, BaseNode, TextNode
from llama_index.core.storage.kvstore.types import BaseKVStore
from llama_index.core.vector_stores.types import (
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from mcp.client.client import Client

from hybrid_store.contrib import langchain, llamaindex
from hybrid_store.contrib.langchain.models import IndexedKey
from hybrid_store.contrib.llamaindex.models import Entry
from hybrid_store.contrib.mcp import Source, search_server
from hybrid_store.contrib.retrieval.collection import Collection, Hit, Question, collection
from hybrid_store.contrib.retrieval.filters import Condition, Operator
from hybrid_store.contrib.retrieval.layout import Record
from hybrid_store.contrib.retrieval.writing import Conflict
from hybrid_store.embedders import embedders
from hybrid_store.exceptions import HybridStoreError
from tests.contrib.llamaindex.suite import where
from tests.contrib.models import Paper

# Before it is imported, as in its own tests.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

import haystack
from haystack.core.errors import SerializationError
from haystack.core.serialization import allow_deserialization_module
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

from hybrid_store.contrib import haystack as our_haystack

SECRET = "zebra"
"""In everything that only the other one knows."""
MINE, THEIRS = "mine-0", "theirs-0"

REFUSALS = (HybridStoreError, DuplicateDocumentError, SerializationError)

Calls = Mapping[str, Callable[[Any], Any]]


def vector(*numbers: float) -> list[float]:
    return [*numbers, *[0.0] * (384 - len(numbers))]


NEAR = vector(1)
MY_RECORDS = [
    Record("mine-0", "red apples", {"kind": "fruit", "n": 1}, vector(0.9, 0.1), "guide"),
    Record("mine-1", "green apples", {"kind": "fruit", "n": 2}, vector(0.5, 0.5), "guide"),
    Record("mine-2", "stone bridges", {"n": 3}, vector(0, 1)),
]
THEIR_RECORDS = [
    Record("theirs-0", "red apples", {"kind": "fruit", "n": 99}, vector(1), "guide"),
    Record("theirs-1", "red apples", {"kind": "fruit", "n": -9}, None, "guide"),
    Record("theirs-2", f"red apples {SECRET}", {SECRET: SECRET, "n": SECRET}, vector(1), SECRET),
]


def papers(owner: str) -> Collection:
    rows = Paper.objects.filter(owner=owner)
    return collection(rows, defaults={"owner": owner}, embedded_by="default")


def shown(value: Any) -> Any:
    """What a caller learns, but for scores and the order of what is equal."""
    if isinstance(value, Mapping):
        return sorted((str(key), shown(one)) for key, one in value.items())
    if isinstance(value, Hit | VectorStoreQueryResult):
        return shown(value.record if isinstance(value, Hit) else value.nodes)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], float):
        return shown(value[0])
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, BaseNode):
        return repr((value.node_id, value.get_content(), value.metadata, value.ref_doc_id))
    if isinstance(value, Record | LangChainDocument | haystack.Document):
        return repr(replace(value, score=None) if isinstance(value, haystack.Document) else value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return sorted(map(repr, map(shown, value)))
    return repr(value)


def outcome(call: Callable[[Any], Any], store: Any) -> Any:
    """What a call answers, or how it fails; what it does is taken back."""
    try:
        with transaction.atomic():
            return shown(call(store))
    except REFUSALS as error:
        return repr(error)


def does(name: str, *args: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda store: getattr(store, name)(*args, **options)


def awaited(name: str, *args: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda store: async_to_sync(getattr(store, name))(*args, **options)


def both(name: str, twin: str, *args: Any, **options: Any) -> Calls:
    """A method and the one that is awaited."""
    return {name: does(name, *args, **options), twin: awaited(twin, *args, **options)}


def public(of: type, *, without: type = object) -> set[str]:
    return {name for name in dir(of) if not name.startswith("_")} - {*dir(without)}


@pytest.mark.django_db
class Tenants:
    """Of one adapter: what is called, by the name of the method and words that tell more."""

    methods: ClassVar[set[str]]
    calls: ClassVar[Calls]
    # Calls with a key of the other's.
    thefts: ClassVar[Calls] = {}

    def store(self) -> Any:
        """That of one of them."""
        raise NotImplementedError

    def fill(self, owner: str) -> None:
        papers(owner).write({"me": MY_RECORDS, "you": THEIR_RECORDS}[owner])
        if owner == "you":
            # Nearer to the text than anything else.
            query = embedders["default"].embed_query("red apples")
            papers("you").write([replace(THEIR_RECORDS[1], embedding=query)])

    def rows_of(self, owner: str) -> list[Any]:
        return [*Paper.objects.filter(owner=owner).order_by("pk").values()]

    def test_every_method_is_called(self) -> None:
        assert self.methods <= {name.partition(" ")[0] for name in (*self.calls, *self.thefts)}

    def test_answers_do_not_depend_on_another_tenant(self) -> None:
        self.fill("me")
        alone = {name: self.done(call)[:2] for name, call in self.calls.items()}
        self.fill("you")
        theirs = self.rows_of("you")
        for name, call in self.calls.items():
            assert self.done(call) == (*alone[name], theirs), name

    def done(self, call: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
        """The answer of a call, and the rows of both after it; then it is taken back."""
        with transaction.atomic():
            answer = outcome(call, self.store())
            rows = [self.rows_of(owner) for owner in ("me", "you")]
            transaction.set_rollback(True)
        return answer, *rows

    def test_keys_of_another_are_refused(self) -> None:
        self.fill("me")
        self.fill("you")
        before = [self.rows_of(owner) for owner in ("me", "you")]
        for name, call in self.thefts.items():
            answer, *rows = self.done(call)
            assert "in use elsewhere" in str(answer), name
            assert "apples" not in str(answer), name
            assert SECRET not in str(answer), name
            assert rows == before, name


class TestCollection(Tenants):
    methods = public(Collection) - {"queryset", "layout", "defaults", "embedded_by", "embedder"}
    calls: ClassVar[Calls] = {
        "rows": lambda store: store.rows(),
        "rows by a filter": lambda store: store.rows(Condition(("n",), Operator.NE, 2)),
        "rows_by_key": lambda store: store.rows_by_key([MINE, THEIRS]),
        "records": lambda store: store.records(store.rows(), with_embeddings=True),
        "metadata": lambda store: store.metadata(store.rows()),
        "by_key": lambda store: store.by_key([MINE, THEIRS], with_embeddings=True),
        "within keys": lambda store: store.within([MINE, THEIRS]).rows(),
        "within sources": lambda store: store.within(sources=["guide", SECRET]).rows(),
        "search by a vector": lambda store: store.search(Question(2, vector=NEAR)),
        "search by meaning": lambda store: store.search(Question(2, vector="red apples")),
        "search by words": lambda store: store.search(Question(9, text="apples bridges")),
        "search by both": lambda store: store.search(Question(9, NEAR, "apples bridges")),
        "search for others": lambda store: store.search(Question(9, text=SECRET)),
        "search diversely": lambda store: store.search(Question(2, NEAR, lambda_=0.3)),
        "search with a filter": lambda store: store.search(
            Question(9, NEAR, filter=Condition((SECRET,), Operator.NE, "x"))
        ),
        "search within a source": lambda store: store.within(sources=["guide"]).search(
            Question(2, NEAR)
        ),
        "write": lambda store: store.write([*MY_RECORDS[:1], Record("new", "red apples", {})]),
        "write and skip": lambda store: store.write(MY_RECORDS, Conflict.SKIP),
        "write or fail": lambda store: store.write(MY_RECORDS, Conflict.FAIL),
        "merge": lambda store: store.merge(store.rows(), {"n": 7}),
        "merge by a filter": lambda store: store.merge(
            store.rows(Condition(("n",), Operator.NE, 1)), {SECRET: 7}
        ),
        "delete": lambda store: store.delete(store.rows()),
        "delete by key": lambda store: store.delete(store.rows_by_key([MINE, THEIRS])),
    }
    thefts: ClassVar[Calls] = {
        f"write {conflict}": does(
            "write", [Record(THEIRS, "mine", {}), Record("new", "new", {})], conflict
        )
        for conflict in Conflict
    }

    def store(self) -> Collection:
        return papers("me")


def queries() -> Calls:
    """By every mode, restricted and not."""
    given: dict[str, Any] = {"query_str": "apples bridges", "query_embedding": NEAR}
    asked: dict[str, dict[str, Any]] = {
        "default": {"similarity_top_k": 2},
        "mmr": {"similarity_top_k": 2},
        **{key: {} for key in ("sparse", "text_search", "hybrid", "semantic_hybrid")},
        "default for keys": {"node_ids": [MINE, THEIRS]},
        "default for documents": {"doc_ids": ["guide", SECRET]},
        "default with a filter": {"filters": where((SECRET, "!=", "x"))},
    }
    calls: dict[str, Callable[[Any], Any]] = {}
    for name, values in asked.items():
        mode = VectorStoreQueryMode(name.partition(" ")[0])
        query = VectorStoreQuery(mode=mode, **{**given, "similarity_top_k": 9, **values})
        for method, call in both("query", "aquery", query).items():
            calls[f"{method} {name}"] = call
    return calls


def node(key: str) -> TextNode:
    return TextNode(id_=key, text="red apples", embedding=NEAR)


class TestLlamaIndex(Tenants):
    methods = public(llamaindex.DjangoVectorStore, without=BaseComponent)
    calls: ClassVar[Calls] = {
        **both("add", "async_add", [node(MINE), node("new")]),
        **both("delete", "adelete", "guide"),
        **both("delete_nodes", "adelete_nodes", [MINE, THEIRS]),
        "delete_nodes by a filter": lambda store: store.delete_nodes(
            filters=where((SECRET, "!=", "x"))
        ),
        **both("clear", "aclear"),
        **both("get_nodes", "aget_nodes"),
        "get_nodes by id": lambda store: store.get_nodes([MINE, THEIRS]),
        "get_nodes by a filter": lambda store: store.get_nodes(filters=where(("n", "!=", 2))),
        **queries(),
        "client": lambda store: store.client,
        "persist": lambda store: store.persist("nowhere"),
        "stores_text": lambda store: store.stores_text,
        "is_embedding_query": lambda store: store.is_embedding_query,
    }
    thefts: ClassVar[Calls] = both("add", "async_add", [node("new"), node(THEIRS)])

    def store(self) -> Any:
        return llamaindex.DjangoVectorStore(
            Paper.objects.filter(owner="me"),
            defaults={"owner": "me"},
            embedded_by="default",
            reranker=lambda query, texts: [-len(text) for text in texts],
        )


class TestKeyValues(Tenants):
    """Of stores of LlamaIndex with names of their own."""

    methods = public(llamaindex.DjangoKVStore)
    calls: ClassVar[Calls] = {
        **both("put", "aput", "a", {"v": 2}),
        **both("put_all", "aput_all", [("a", {"v": 2}), ("new", {"v": 3})]),
        **both("get", "aget", "a"),
        "get what another has": lambda store: store.get("theirs"),
        "get from a collection": lambda store: store.get("a", "other"),
        **both("get_all", "aget_all"),
        **both("delete", "adelete", "a"),
        "delete what another has": lambda store: store.delete("theirs"),
    }

    def store(self) -> BaseKVStore:
        return llamaindex.DjangoKVStore("me")

    def fill(self, owner: str) -> None:
        values = {"a": {"v": 1 if owner == "me" else SECRET}}
        values |= {"theirs": {"v": SECRET}} if owner == "you" else {}
        for name in ("data", "other"):
            llamaindex.DjangoKVStore(owner).put_all([*values.items()], name)

    def rows_of(self, owner: str) -> list[Any]:
        rows = Entry.objects.filter(store=owner).order_by("collection", "key")
        return [*rows.values_list("collection", "key", "value")]


def search_methods() -> Calls:
    """Of LangChain, by every mode."""
    texts = [
        *("similarity_search", "similarity_search_with_score"),
        *("similarity_search_with_relevance_scores", "max_marginal_relevance_search"),
    ]
    vectors = [
        *("similarity_search_by_vector", "similarity_search_with_score_by_vector"),
        "max_marginal_relevance_search_by_vector",
    ]
    words: dict[str, Any] = {"k": 9, "mode": "text"}
    of_both: dict[str, Any] = {"k": 9, "mode": "hybrid", "filter": {SECRET: {"$ne": "x"}}}
    calls: dict[str, Callable[[Any], Any]] = {}
    for name in texts:
        calls |= both(name, f"a{name}", "red apples", k=2)
        calls[f"{name} by words"] = does(name, "apples bridges", **words)
        calls[f"{name} by both"] = does(name, "apples bridges", **of_both)
    for name in vectors:
        calls |= both(name, f"a{name}", NEAR, k=2)
    for kind in ("similarity", "mmr", "similarity_score_threshold"):
        options = {"search_type": kind, "k": 2}
        calls |= {
            f"{n} {kind}": c for n, c in both("search", "asearch", "apples", **options).items()
        }
    return calls


LANGCHAIN_TEXTS = {"texts": ["red apples", "new"], "ids": [MINE, "new"]}
LANGCHAIN_DOCUMENTS = [LangChainDocument("red apples", id=MINE), LangChainDocument("new", id="new")]
STOLEN = [LangChainDocument("new", id="new"), LangChainDocument("mine now", id=THEIRS)]


def made(name: str, given: Any, **options: Any) -> Callable[[Any], Any]:
    """By a class method, and then searched."""

    def call(store: Any) -> Any:
        options.update(queryset=Paper.objects.filter(owner="me"), defaults={"owner": "me"})
        make = getattr(langchain.DjangoVectorStore, name)
        found = (async_to_sync(make) if name.startswith("a") else make)(given, None, **options)
        return found.similarity_search("red apples", k=2)

    return call


class TestLangChain(Tenants):
    methods = public(langchain.DjangoVectorStore)
    calls: ClassVar[Calls] = {
        **both("add_texts", "aadd_texts", **LANGCHAIN_TEXTS),
        **both("add_documents", "aadd_documents", LANGCHAIN_DOCUMENTS),
        **both("delete", "adelete", [MINE, THEIRS]),
        "delete by a filter": lambda store: store.delete(filter={SECRET: {"$ne": "x"}}),
        "delete all": lambda store: store.delete(),
        **both("get_by_ids", "aget_by_ids", [MINE, THEIRS]),
        **search_methods(),
        "as_retriever": lambda store: store.as_retriever(search_kwargs={"k": 2}).invoke("apples"),
        "from_texts": made("from_texts", ["red apples"], ids=[MINE]),
        "afrom_texts": made("afrom_texts", ["red apples"], ids=[MINE]),
        "from_documents": made("from_documents", LANGCHAIN_DOCUMENTS),
        "afrom_documents": made("afrom_documents", LANGCHAIN_DOCUMENTS),
        "embeddings": lambda store: store.embeddings,
        "retriever": lambda store: langchain.DjangoRetriever(store=store, k=9).invoke("apples"),
        "retriever awaited": lambda store: async_to_sync(
            langchain.DjangoRetriever(store=store, k=9).ainvoke
        )("apples"),
    }
    thefts: ClassVar[Calls] = {
        **both("add_texts", "aadd_texts", ["new", "mine"], ids=["new", THEIRS]),
        **both("add_documents", "aadd_documents", STOLEN),
        "from_documents": made("from_documents", STOLEN),
    }

    def store(self) -> Any:
        return langchain.DjangoVectorStore(
            Paper.objects.filter(owner="me"), defaults={"owner": "me"}
        )


class TestRecords(Tenants):
    """What LangChain's `index()` has written, by namespace."""

    methods = public(langchain.DjangoRecordManager) - {"namespace", "using"}
    calls: ClassVar[Calls] = {
        **both("create_schema", "acreate_schema"),
        "get_time": lambda store: store.get_time() > 0,
        "aget_time": lambda store: async_to_sync(store.aget_time)() > 0,
        **both("update", "aupdate", ["a", "new"], group_ids=["g", "g"]),
        **both("exists", "aexists", ["a", "theirs"]),
        **both("list_keys", "alist_keys"),
        "list_keys of a group": lambda store: store.list_keys(group_ids=["g", "h"]),
        **both("delete_keys", "adelete_keys", ["a", "theirs"]),
    }

    def store(self) -> Any:
        return langchain.DjangoRecordManager("me")

    def fill(self, owner: str) -> None:
        keys = {"me": ["a", "b"], "you": ["a", "theirs"]}[owner]
        langchain.DjangoRecordManager(owner).update(keys, group_ids=["g", "h"])

    def rows_of(self, owner: str) -> list[Any]:
        rows = IndexedKey.objects.filter(namespace=owner).order_by("key")
        return [*rows.values_list("key", "group_id")]


def meta(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


NOT_SECRET = meta(SECRET, "!=", "x")
HAYSTACK_DOCUMENTS = [
    haystack.Document(id=key, content="red apples", meta={"n": 5}) for key in (MINE, "new")
]
RETRIEVERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "DjangoEmbeddingRetriever": (our_haystack.DjangoEmbeddingRetriever, {"query_embedding": NEAR}),
    "DjangoKeywordRetriever": (our_haystack.DjangoKeywordRetriever, {"query": "apples bridges"}),
    "DjangoHybridRetriever": (our_haystack.DjangoHybridRetriever, {"query": "apples bridges"}),
}


def haystack_twins(name: str, *args: Any, **options: Any) -> Calls:
    return both(name, f"{name}_async", *args, **options)


def retrieved() -> Calls:
    calls: dict[str, Callable[[Any], Any]] = {}
    for name, (kind, query) in RETRIEVERS.items():
        for method, call in both("run", "run_async", **query).items():
            calls[f"{name} {method}"] = by_retriever(kind, call)
    return calls


def by_retriever(kind: Any, call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda store: call(kind(store, top_k=9))


class TestHaystack(Tenants):
    methods = {
        *public(our_haystack.DjangoDocumentStore) - {"queryset", "options", "collection"},
        *(name for name in our_haystack.__all__ if name.endswith("Retriever")),
    }
    calls: ClassVar[Calls] = {
        **haystack_twins("count_documents"),
        **haystack_twins("count_documents_by_filter", NOT_SECRET),
        **haystack_twins("filter_documents"),
        "filter_documents by a filter": lambda store: store.filter_documents(NOT_SECRET),
        "filter_documents by id": lambda store: store.filter_documents(meta("id", "==", THEIRS)),
        **haystack_twins("write_documents", HAYSTACK_DOCUMENTS, DuplicatePolicy.OVERWRITE),
        "write_documents once": lambda store: store.write_documents(HAYSTACK_DOCUMENTS),
        **haystack_twins("update_by_filter", NOT_SECRET, {"n": 7}),
        **haystack_twins("delete_documents", [MINE, THEIRS]),
        **haystack_twins("delete_by_filter", NOT_SECRET),
        **haystack_twins("delete_all_documents"),
        **haystack_twins("get_metadata_fields_info"),
        **haystack_twins("get_metadata_field_min_max", "n"),
        **haystack_twins("count_unique_metadata_by_filter", NOT_SECRET, ["n", "kind", SECRET]),
        **haystack_twins("get_metadata_field_unique_values", "n"),
        "get_metadata_field_unique_values alike": lambda store: (
            store.get_metadata_field_unique_values(SECRET, SECRET[:2])
        ),
        **haystack_twins("retrieve", NEAR, top_k=2),
        "retrieve by words": lambda store: store.retrieve(None, "apples bridges"),
        "retrieve by both": lambda store: store.retrieve(NEAR, "apples", filters=NOT_SECRET),
        **retrieved(),
        "to_dict": lambda store: store.to_dict(),
        "from_dict": lambda store: (
            type(store)
            .from_dict(type(store)("tests.contrib.haystack.sources.mine").to_dict())
            .filter_documents()
        ),
    }
    thefts: ClassVar[Calls] = {
        f"{name} {policy.value}": call
        for policy in DuplicatePolicy
        for name, call in haystack_twins(
            "write_documents",
            [haystack.Document(id="new"), haystack.Document(id=THEIRS, content="mine")],
            policy,
        ).items()
    }

    @pytest.fixture(autouse=True)
    def _trusted(self) -> None:
        allow_deserialization_module("tests.contrib.*")

    def store(self) -> Any:
        return our_haystack.DjangoDocumentStore(
            Paper.objects.filter(owner="me"), defaults={"owner": "me"}, embedded_by="default"
        )


SERVER = search_server("papers", [Source("mine", "", lambda _: Paper.objects.filter(owner="me"))])


async def tool(name: str, **arguments: Any) -> Any:
    async with Client(SERVER) as client:
        result = await client.call_tool(name, {"source": "mine", **arguments})
    if result.is_error:
        return str(result.content)
    found = result.structured_content
    return [{**one, "score": None} for one in found.get("documents", [found])]


def called(name: str, **arguments: Any) -> Callable[[Any], Any]:
    return lambda _: async_to_sync(tool)(name, **arguments)


class TestMCP(Tenants):
    methods: ClassVar[set[str]] = {one.name for one in async_to_sync(SERVER.list_tools)()}
    calls: ClassVar[Calls] = {
        **{
            f"search {mode}": called("search", query="apples bridges", mode=mode, limit=limit)
            for mode, limit in (("hybrid", 9), ("words", 9), ("meaning", 2))
        },
        "search with a filter": called(
            "search", query="apples", filters=[{"key": SECRET, "operator": "!=", "value": "x"}]
        ),
        "search with a bad filter": called(
            "search", query="apples", filters=[{"key": "n", "operator": "in", "value": "x"}]
        ),
        "fetch": called("fetch", key=MINE),
        "fetch of another": called("fetch", key=THEIRS),
        "fetch from another source": called("fetch", key=THEIRS, source="yours"),
    }

    @pytest.fixture(autouse=True)
    def _one_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """That of the test's transaction, which is not closed after a request."""
        monkeypatch.setattr("hybrid_store.contrib.mcp.server.close_old_connections", lambda: None)

    def store(self) -> Any:
        return None
