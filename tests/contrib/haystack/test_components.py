"""Retrievers and embedders, alone and in pipelines."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
from haystack.components.writers import DocumentWriter
from haystack.core.errors import DeserializationError
from haystack.core.serialization import allow_deserialization_module
from haystack.document_stores.types import FilterPolicy
from haystack.errors import FilterError
from haystack.utils import Secret
from openai import APIError

from hybrid_store.contrib.haystack import (
    DjangoDocumentEmbedder,
    DjangoDocumentStore,
    DjangoEmbeddingRetriever,
    DjangoHybridRetriever,
    DjangoKeywordRetriever,
    DjangoTextEmbedder,
    HaystackEmbedder,
)
from hybrid_store.embedders import Kind, embedders
from hybrid_store.exceptions import (
    EmbedderRefusedError,
    InvalidEmbedderError,
    MissingExtraError,
)
from tests.contrib.haystack import sources
from tests.contrib.models import Paper
from tests.embedders.fake_openai import FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)

TEXTS = {"a": "red apples", "b": "green apples", "c": "stone bridges"}
RETRIEVERS = [DjangoEmbeddingRetriever, DjangoKeywordRetriever, DjangoHybridRetriever]


@pytest.fixture
def store() -> DjangoDocumentStore:
    """Mine, in which every document has its embedding; another's has a document that is alike."""
    documents = [Document(id=key, content=text, meta={"n": key}) for key, text in TEXTS.items()]
    embedded = DjangoDocumentEmbedder().run(documents)["documents"]
    of_other = DjangoDocumentEmbedder().run([Document(id="x", content="red apples")])["documents"]
    for owner, given in (("you", of_other), ("me", embedded)):
        store = DjangoDocumentStore(
            Paper.objects.filter(owner=owner), defaults={"owner": owner}, embedded_by="default"
        )
        store.write_documents(given)
    return store


def query_of(retriever: Any, text: str) -> dict[str, Any]:
    if type(retriever).__name__ == "DjangoEmbeddingRetriever":
        return {"query_embedding": DjangoTextEmbedder().run(text)["embedding"]}
    return {"query": text}


def keys(found: dict[str, list[Document]]) -> list[str]:
    return [document.id for document in found["documents"]]


def only(*values: str) -> dict[str, Any]:
    return {"field": "meta.n", "operator": "in", "value": [*values]}


class TestRetrievers:
    @pytest.mark.parametrize("kind", RETRIEVERS)
    def test_the_best_are_found(self, store: DjangoDocumentStore, kind: Any) -> None:
        retriever = kind(store)
        found = retriever.run(**query_of(retriever, "red apples"))
        assert keys(found)[0] == "a"
        assert "x" not in keys(found)
        scores = [document.score for document in found["documents"]]
        assert scores == sorted(scores, reverse=True)
        assert found["documents"][0].embedding is None

    @pytest.mark.parametrize("kind", RETRIEVERS)
    async def test_awaited_they_find_the_same(self, kind: Any) -> None:
        from asgiref.sync import sync_to_async

        documents = [Document(id=key, content=text) for key, text in TEXTS.items()]
        embedded = await DjangoDocumentEmbedder().run_async(documents)
        store = DjangoDocumentStore(Paper.objects.all(), embedded_by="default")
        await store.write_documents_async(embedded["documents"])
        retriever = kind(store, return_embedding=True)
        query = query_of(retriever, "red apples")
        found = await retriever.run_async(**query)
        assert found == await sync_to_async(retriever.run)(**query)
        assert keys(found)[0] == "a"
        assert len(found["documents"][0].embedding) == 384

    @pytest.mark.parametrize("kind", RETRIEVERS)
    def test_filters_are_replaced_or_joined(self, store: DjangoDocumentStore, kind: Any) -> None:
        of_others = {"field": "id", "operator": "!=", "value": "a"}
        query = query_of(kind(store), "red apples")
        assert keys(kind(store, of_others).run(**query))[0] == "b"
        assert keys(kind(store, of_others).run(**query, filters=only("a")))[0] == "a"
        joined = kind(store, of_others, filter_policy=FilterPolicy.MERGE)
        assert keys(joined.run(**query, filters=only("a", "b"))) == ["b"]
        with pytest.raises(FilterError):
            kind(store).run(**query, filters={"field": "n"})

    @pytest.mark.parametrize("kind", RETRIEVERS)
    def test_as_many_are_found_as_are_wanted(self, store: DjangoDocumentStore, kind: Any) -> None:
        query = query_of(kind(store), "red apples")
        assert len(keys(kind(store, top_k=1).run(**query))) == 1
        assert len(keys(kind(store, top_k=1).run(**query, top_k=2))) == 2
        with pytest.raises(ValueError, match="top_k has to be at least 1"):
            kind(store).run(**query, top_k=0)
        with pytest.raises(ValueError, match="top_k has to be at least 1"):
            kind(store, top_k=0)
        with pytest.raises(TypeError, match="no DjangoDocumentStore"):
            kind(Paper.objects.all())

    def test_alpha_is_the_share_of_the_embedding(self, store: DjangoDocumentStore) -> None:
        bridges = DjangoTextEmbedder().run("stone bridges")["embedding"]
        retriever = DjangoHybridRetriever(store, top_k=1, alpha=1.0)
        assert keys(retriever.run("red", bridges)) == ["c"]
        assert keys(retriever.run("red", bridges, alpha=0.0)) == ["a"]

    @pytest.mark.parametrize("kind", RETRIEVERS)
    def test_they_have_a_place_in_files(self, kind: Any) -> None:
        allow_deserialization_module("tests.contrib.*")
        store = DjangoDocumentStore("tests.contrib.haystack.sources.mine", embedded_by="default")
        pipeline = Pipeline()
        pipeline.add_component("retriever", kind(store, only("a"), 3, FilterPolicy.MERGE))
        text = pipeline.dumps()
        with pytest.raises(DeserializationError, match="allow"):
            Pipeline.loads(text.replace("tests.contrib.haystack.sources.mine", "os.getcwd"))
        again = Pipeline.loads(text, allowed_modules=["hybrid_store.*"])
        assert again.dumps() == text
        retriever: Any = again.get_component("retriever")
        assert (retriever.filters, retriever.top_k) == (only("a"), 3)
        assert retriever.filter_policy is FilterPolicy.MERGE


class TestPipelines:
    def test_documents_are_embedded_written_and_found(self) -> None:
        store = DjangoDocumentStore(
            Paper.objects.filter(owner="me"), defaults={"owner": "me"}, embedded_by="default"
        )
        writing = Pipeline()
        writing.add_component("embedder", DjangoDocumentEmbedder())
        writing.add_component("writer", DocumentWriter(store))
        writing.connect("embedder", "writer")
        documents = [Document(id=key, content=text) for key, text in TEXTS.items()]
        assert writing.run({"documents": documents})["writer"] == {"documents_written": 3}
        assert not Paper.objects.stale().exists()
        assert Pipeline.loads(DUMPED_EMBEDDER, allowed_modules=["hybrid_store.*"])

        asking = asking_pipeline(store)
        found = asking.run({"embedder": {"text": "red apples"}})["retriever"]
        assert keys(found)[0] == "a"

    async def test_they_may_be_awaited(self) -> None:
        store = DjangoDocumentStore(Paper.objects.all(), embedded_by="default")
        documents = [Document(id=key, content=text) for key, text in TEXTS.items()]
        embedded = await DjangoDocumentEmbedder().run_async(documents)
        await store.write_documents_async(embedded["documents"])
        asking = asking_pipeline(store)
        result = await asking.run_async({"embedder": {"text": "red apples"}})
        assert keys(result["retriever"])[0] == "a"


def asking_pipeline(store: DjangoDocumentStore) -> Pipeline:
    pipeline = Pipeline()
    pipeline.add_component("embedder", DjangoTextEmbedder())
    pipeline.add_component("retriever", DjangoEmbeddingRetriever(store))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    return pipeline


DUMPED_EMBEDDER = """
components:
  embedder:
    type: hybrid_store.contrib.haystack.components.DjangoDocumentEmbedder
    init_parameters:
      embedder: second
connections: []
"""


class TestEmbedders:
    def test_ours_embed_for_haystack(self) -> None:
        documents = [
            Document(id="a", content="apples", meta={"title": "red", "none": None}),
            Document(id="b", meta={"other": 1}),
        ]
        embedder = DjangoDocumentEmbedder("second", ["title", "none"], ": ")
        [first, second] = embedder.run(documents)["documents"]
        [expected] = embedders["second"].embed(["red: apples"])
        np.testing.assert_array_equal(np.array(first.embedding, np.float32), expected)
        assert (first.id, first.meta, second) == ("a", documents[0].meta, documents[1])
        assert documents[0].embedding is None
        assert DjangoDocumentEmbedder().run([]) == {"documents": []}
        query = DjangoTextEmbedder("second").run("red")["embedding"]
        np.testing.assert_array_equal(
            np.array(query, np.float32), embedders["second"].embed_query("red")
        )

    @pytest.mark.parametrize("made", ["path", "object"])
    def test_theirs_embed_for_us(self, made: str) -> None:
        path = "tests.contrib.haystack.sources."
        options: dict[str, Any] = {
            "documents": f"{path}document_embedder",
            "queries": f"{path}text_embedder",
        }
        if made == "object":
            options = {
                "documents": sources.document_embedder(),
                "queries": sources.text_embedder,
            }
        embedder = theirs(options)
        [first, second] = embedder.embed(["red", "green"])
        expected = sources.document_embedder().run([Document(content="red")])["documents"]
        np.testing.assert_allclose(first, np.float32(expected[0].embedding))
        assert not np.allclose(first, second)
        query = sources.text_embedder.run("red")["embedding"]
        np.testing.assert_allclose(embedder.embed(["red"], Kind.QUERY)[0], np.float32(query))
        assert embedder.check() == []

    def test_those_that_ask_a_server_are_asked_again(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("hybrid_store.embedders.retries.time.sleep", lambda seconds: None)
        with FakeOpenAI() as server:
            key = Secret.from_token("sk-secret")
            options: dict[str, Any] = {
                "api_key": key,
                "api_base_url": server.url,
                "max_retries": 0,
            }
            made: dict[str, Any] = {
                "documents": OpenAIDocumentEmbedder(
                    **options, raise_on_failure=True, progress_bar=False, dimensions=384
                ),
                "queries": OpenAITextEmbedder(**options, dimensions=384),
            }
            remote = theirs({**made, "remote": True})
            assert (remote.remote, remote.workers > 1) == (True, True)
            for kind in Kind:
                server.script("server_error", "rate_limited_briefly")
                assert remote.embed(["red"], kind).shape == (1, 384)
            assert len(server.requests) == 6
            server.script("unauthorized")
            with pytest.raises(EmbedderRefusedError, match="AuthenticationError") as refused:
                remote.embed(["red"])
            assert "sk-secret" not in str(refused.value)
            assert refused.value.__context__ is None
            server.script("server_error")
            local = theirs(made)
            assert (local.remote, local.workers) == (False, 1)
            with pytest.raises(APIError):
                local.embed(["red"])

    def test_options_that_lack_are_refused(self) -> None:
        with pytest.raises(InvalidEmbedderError, match="OPTIONS lacks 'queries'"):
            theirs({"documents": sources.document_embedder()})

    def test_haystack_has_to_be_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [*sys.modules]:
            if name.startswith(("haystack", "hybrid_store.contrib.haystack")):
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "haystack", None)
        with pytest.raises(MissingExtraError, match=r"django-hybrid-store\[haystack\]"):
            importlib.import_module("hybrid_store.contrib.haystack")


def theirs(options: dict[str, Any]) -> HaystackEmbedder:
    return HaystackEmbedder("theirs", {"MODEL": "mock", "DIMENSIONS": 384, "OPTIONS": options})
