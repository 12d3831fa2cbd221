"""Indexes, retrievers, query engines and ingestion pipelines over querysets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode

from hybrid_store.contrib.llamaindex import (
    DjangoDocumentStore,
    DjangoEmbedding,
    DjangoKVStore,
    DjangoVectorStore,
)
from tests.contrib.llamaindex.suite import where
from tests.contrib.models import Paper
from tests.reliability.concurrently import concurrently

TEXTS = {"one": "red apples and pears", "two": "stone bridges", "three": "silent rivers"}


def documents(**changed: str) -> list[Document]:
    return [
        Document(id_=name, text=text, metadata={"name": name})
        for name, text in {**TEXTS, **changed}.items()
    ]


@pytest.fixture
def store() -> DjangoVectorStore:
    Paper.objects.create(pk="x", owner="you", text="red apples and pears of yours")
    return DjangoVectorStore(
        Paper.objects.filter(owner="me"), defaults={"owner": "me"}, embedded_by="default"
    )


def texts() -> dict[str, str]:
    return dict(Paper.objects.filter(owner="me").values_list("source", "text"))


@pytest.mark.django_db
class TestIndex:
    @pytest.fixture
    def index(self, store: DjangoVectorStore) -> VectorStoreIndex:
        return VectorStoreIndex.from_documents(
            documents(),
            storage_context=StorageContext.from_defaults(vector_store=store),
            embed_model=DjangoEmbedding(),
            transformations=[TokenTextSplitter(chunk_size=50, chunk_overlap=0)],
        )

    def test_documents_are_found(self, index: VectorStoreIndex) -> None:
        assert texts() == TEXTS
        assert not Paper.objects.filter(owner="me").stale().exists()
        for mode in ("default", "text_search", "hybrid", "mmr"):
            retriever = index.as_retriever(similarity_top_k=2, vector_store_query_mode=mode)
            found = retriever.retrieve("apples and pears")
            assert found[0].node.ref_doc_id == "one", mode
            assert found[0].score is not None

    def test_filters_and_options_are_passed_on(self, index: VectorStoreIndex) -> None:
        retriever = index.as_retriever(
            similarity_top_k=5,
            filters=where(("name", "!=", "one")),
            vector_store_query_mode="mmr",
            vector_store_kwargs={"mmr_threshold": 0.9},
        )
        assert {item.node.ref_doc_id for item in retriever.retrieve("apples")} == {"two", "three"}

    def test_a_query_engine_answers(self, index: VectorStoreIndex) -> None:
        engine = index.as_query_engine(llm=MockLLM(), similarity_top_k=1)
        answer = engine.query("apples and pears")
        assert "red apples and pears" in str(answer)
        assert "of yours" not in str(answer)
        assert [item.node.ref_doc_id for item in answer.source_nodes] == ["one"]

    def test_retrievers_are_fused(self, index: VectorStoreIndex) -> None:
        retrievers = [
            index.as_retriever(vector_store_query_mode=mode) for mode in ("default", "sparse")
        ]
        fused = QueryFusionRetriever(retrievers, llm=MockLLM(), num_queries=1, use_async=False)
        assert fused.retrieve("stone bridges")[0].node.ref_doc_id == "two"

    def test_documents_are_updated_and_deleted(self, index: VectorStoreIndex) -> None:
        index.update_ref_doc(Document(id_="one", text="blue plums"))
        index.delete_ref_doc("two")
        assert texts() == {"one": "blue plums", "three": "silent rivers"}
        index.insert_nodes([TextNode(id_="n", text="a node alone")])
        assert texts()[""] == "a node alone"
        index.delete_nodes(["n"])
        assert "" not in texts()
        assert Paper.objects.filter(owner="you").exists()

    def test_an_index_is_made_of_what_is_there(self, index: VectorStoreIndex) -> None:
        store = DjangoVectorStore(Paper.objects.filter(metadata__name="two"))
        again = VectorStoreIndex.from_vector_store(store, embed_model=DjangoEmbedding())
        [found] = again.as_retriever(similarity_top_k=5).retrieve("apples")
        assert found.node.get_content() == "stone bridges"


@pytest.mark.django_db(transaction=True)
async def test_indexes_work_asynchronously(store: DjangoVectorStore) -> None:
    index = VectorStoreIndex.from_vector_store(store, embed_model=DjangoEmbedding())
    await index.ainsert(documents()[0])
    await index.ainsert_nodes([TextNode(id_="n", text="a node alone")])
    [found] = await index.as_retriever(similarity_top_k=1).aretrieve("apples and pears")
    assert found.node.ref_doc_id == "one"
    engine = index.as_query_engine(llm=MockLLM(), similarity_top_k=1)
    assert "red apples" in str(await engine.aquery("apples and pears"))
    await index.adelete_ref_doc("one")
    await index.adelete_nodes(["n"])
    assert await store.aget_nodes() == []


def pipeline(store: DjangoVectorStore, **options: Any) -> IngestionPipeline:
    """As a process of its own would make it: nothing is kept but in the database."""
    options = {"docstore_strategy": DocstoreStrategy.UPSERTS, **options}
    return IngestionPipeline(
        transformations=[TokenTextSplitter(chunk_size=50, chunk_overlap=0), DjangoEmbedding()],
        vector_store=store,
        docstore=DjangoDocumentStore("papers"),
        disable_cache=True,
        **options,
    )


@pytest.mark.django_db(transaction=True)
class TestOtherConnections:
    """What one has committed is what the next one, such as another process, goes on with."""

    @pytest.mark.parametrize("strategy", [*DocstoreStrategy])
    def test_pipelines_go_on(self, store: DjangoVectorStore, strategy: DocstoreStrategy) -> None:
        def run(given: list[Document]) -> list[str | None]:
            made = pipeline(store, docstore_strategy=strategy).run(documents=given)
            return [node.ref_doc_id for node in made]

        assert concurrently(lambda: run(documents())) == ["one", "two", "three"]
        assert concurrently(lambda: run(documents())) == []
        copy = Document(id_="copy", text=TEXTS["two"], metadata={"name": "two"})
        changed = [*documents(one="blue plums")[:2], copy]
        new = ["one"] if strategy is DocstoreStrategy.DUPLICATES_ONLY else ["one", "copy"]
        assert concurrently(lambda: run(changed)) == new
        left = {
            DocstoreStrategy.UPSERTS: ["blue plums", *[TEXTS["two"]] * 2, TEXTS["three"]],
            DocstoreStrategy.UPSERTS_AND_DELETE: ["blue plums", *[TEXTS["two"]] * 2],
            # It knows texts, not documents.
            DocstoreStrategy.DUPLICATES_ONLY: ["blue plums", *TEXTS.values()],
        }
        found = Paper.objects.filter(owner="me").values_list("text", flat=True)
        assert sorted(found) == sorted(left[strategy])
        assert Paper.objects.filter(owner="you").count() == 1

    def test_values_put_at_once_are_whole(self) -> None:
        def put(of: str) -> None:
            DjangoKVStore().put_all([(str(number), {"of": of}) for number in range(200)])

        with ThreadPoolExecutor(3) as threads:
            for done in [threads.submit(concurrently, partial(put, of)) for of in "abc"]:
                done.result()
        values = DjangoKVStore().get_all()
        assert [*values] == [str(number) for number in range(200)]
        assert len({value["of"] for value in values.values()}) == 1


@pytest.mark.django_db(transaction=True)
async def test_pipelines_run_asynchronously(store: DjangoVectorStore) -> None:
    assert len(await pipeline(store).arun(documents=documents())) == 3
    assert await pipeline(store).arun(documents=documents()) == []
    changed = await pipeline(store).arun(documents=documents(two="wooden bridges"))
    assert [node.get_content() for node in changed] == ["wooden bridges"]
    assert len(await store.aget_nodes()) == 3
