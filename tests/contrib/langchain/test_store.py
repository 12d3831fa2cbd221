"""A store over a queryset: what it finds and writes, and that nothing leaves the queryset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from asgiref.sync import sync_to_async
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from hybrid_store.contrib.langchain import DjangoEmbeddings, DjangoRetriever, DjangoVectorStore
from hybrid_store.exceptions import DocumentError, FilterError, SearchError
from hybrid_store.test.models import Author, Book
from tests.contrib.langchain.conftest import METADATA
from tests.contrib.models import Note, Paper

pytestmark = pytest.mark.django_db(transaction=True)


def ids(documents: list[Any]) -> list[str]:
    return [document.id for document in documents]


def vector(*numbers: float) -> list[float]:
    return [*numbers, *[0.0] * (384 - len(numbers))]


class Opposite(Embeddings):
    """Embeds queries as the opposite of documents."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0] * 6 for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        return [-1.0] * 6


class TestSearch:
    def test_documents_are_whole(self, papers: DjangoVectorStore) -> None:
        [best, *_] = papers.similarity_search("red apples")
        assert (best.id, best.page_content) == ("a", "red apples")
        assert best.metadata == {"year": 2000, "owner": "me"}

    def test_scores_are_similarities(self, papers: DjangoVectorStore) -> None:
        found = papers.similarity_search_with_score("red apples", k=3)
        scores = [score for _, score in found]
        assert scores[0] == pytest.approx(1.0, abs=1e-6)
        assert scores == sorted(scores, reverse=True)
        query = DjangoEmbeddings().embed_query("red apples")
        by_vector = papers.similarity_search_with_score_by_vector(query, k=3)
        np.testing.assert_allclose([score for _, score in by_vector], scores, atol=1e-6)
        assert ids([document for document, _ in by_vector]) == ids([d for d, _ in found])

    @pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
    def test_relevance_is_a_share(self, papers: DjangoVectorStore, mode: str) -> None:
        found = papers.similarity_search_with_relevance_scores("red apples", k=3, mode=mode)
        assert found[0][0].id == "a"
        assert all(0 <= score <= 1 for _, score in found)
        assert len({score for _, score in found}) > 1
        assert found[0][1] > 0.9 or mode == "text"

    def test_what_is_opposite_is_not_relevant(self) -> None:
        store = DjangoVectorStore.from_texts(["one"], Opposite(), queryset=Note.objects.all())
        [(_, score)] = store.similarity_search_with_score("one")
        assert score == pytest.approx(-1)
        [(_, relevance)] = store.similarity_search_with_relevance_scores("one")
        assert relevance == 0
        assert store._select_relevance_score_fn()(score) == 0

    def test_words_alone_or_with_a_vector(self, papers: DjangoVectorStore) -> None:
        assert ids(papers.similarity_search("apple -green", mode="text")) == ["a"]
        assert {*ids(papers.similarity_search("apples", mode="hybrid", k=3))} == {"a", "b", "c"}
        by_words = papers.similarity_search("green", mode="hybrid", alpha=0.0, k=1)
        assert ids(by_words) == ["b"]

    def test_documents_may_be_unlike_each_other(self, papers: DjangoVectorStore) -> None:
        assert ids(papers.similarity_search("red apples", k=2)) == ["a", "b"]
        options: dict[str, Any] = {"k": 2, "lambda_mult": 0.1}
        assert ids(papers.max_marginal_relevance_search("red apples", **options)) == ["a", "c"]
        few = papers.max_marginal_relevance_search("red apples", fetch_k=2, **options)
        assert ids(few) == ["a", "b"]
        query = DjangoEmbeddings().embed_query("red apples")
        by_vector = papers.max_marginal_relevance_search_by_vector(query, **options)
        assert ids(by_vector) == ["a", "c"]

    def test_retrievers(self, papers: DjangoVectorStore) -> None:
        kwargs = {"k": 1, "mode": "hybrid", "filter": {"year": 2001}}
        assert ids(papers.as_retriever(search_kwargs=kwargs).invoke("apples")) == ["b"]
        mmr = papers.as_retriever(search_type="mmr", search_kwargs={"k": 2, "lambda_mult": 0.1})
        assert ids(mmr.invoke("red apples")) == ["a", "c"]
        threshold = papers.as_retriever(
            search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.9}
        )
        assert ids(threshold.invoke("red apples")) == ["a"]
        own = DjangoRetriever(store=papers, k=2, filter={"kind": "essay"})
        assert ids(own.invoke("apples")) == ["c"]
        assert ids(own.invoke("apples", mode="text", filter=None)) in (["a", "b"], ["b", "a"])

    def test_what_makes_no_search_is_refused(self, papers: DjangoVectorStore) -> None:
        refused: list[tuple[dict[str, Any], str]] = [
            ({"mode": "words"}, "There is no mode 'words', use one of 'vector'"),
            ({"mode": "hybrid", "alpha": 2}, "alpha is 2"),
            ({"filter": {"a": {"$near": 1}}}, "There is no operator '\\$near'"),
        ]
        for options, message in refused:
            with pytest.raises(SearchError, match=message):
                papers.similarity_search("apples", **options)
        with pytest.raises(SearchError, match=r"lambda_mult is 1\.5"):
            papers.max_marginal_relevance_search("apples", lambda_mult=1.5)
        with pytest.raises(TypeError, match="filters"):
            papers.similarity_search("apples", filters={})
        with pytest.raises(SearchError, match="nothing to search for"):
            papers.similarity_search_by_vector(vector(1), mode="text")
        assert papers.similarity_search("apples", k=0) == []


class TestFilters:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({}, "abc"),
            ({"year": 2001}, "bc"),
            ({"year": {"$eq": 2001}}, "bc"),
            ({"year": {"$ne": 2001}}, "a"),
            ({"year": {"$lt": 2001}}, "a"),
            ({"year": {"$lte": 2000}}, "a"),
            ({"year": {"$gt": 2000}}, "bc"),
            ({"year": {"$gte": 2000, "$lt": 2001}}, "a"),
            ({"year": {"$in": [2000, 1999]}}, "a"),
            ({"year": {"$nin": [2000]}}, "bc"),
            ({"year": {"$between": [1990, 2000]}}, "a"),
            ({"kind": {"$exists": True}}, "c"),
            ({"kind": {"$exists": False}}, "ab"),
            ({"kind": None}, "ab"),
            ({"kind": {"$like": "ess%"}}, "c"),
            ({"kind": {"$like": "ESS%"}}, ""),
            ({"kind": {"$ilike": "ESS%"}}, "c"),
            ({"year": 2001, "kind": "essay"}, "c"),
            ({"$and": [{"year": 2001}, {"kind": "essay"}]}, "c"),
            ({"$or": [{"year": 2000}, {"kind": "essay"}]}, "ac"),
            ({"$not": {"year": 2000}}, "bc"),
            ({"$not": [{"year": 2000}, {"kind": "essay"}]}, "b"),
            ({"$or": [{"$not": {"year": {"$gt": 2000}}}, {"kind": "essay"}], "owner": "me"}, "ac"),
            ({"owner": "you"}, ""),
        ],
    )
    def test_they_find(self, papers: DjangoVectorStore, given: Any, expected: str) -> None:
        for mode in ("vector", "hybrid"):
            found = papers.similarity_search("red apples", k=9, filter=given, mode=mode)
            assert {*ids(found)} == {*expected}

    @pytest.mark.parametrize(
        "given",
        [
            *([], "year", lambda document: True),
            *({"$nor": [{"year": 1}]}, {"$eq": 1}, {1: 1}),
            *({"year": {}}, {"year": {"gt": 1}}, {"year": {"$regex": "a"}}, {"year": [1]}),
            *({"$and": []}, {"$or": {}}, {"$or": "a"}, {"$or": [{}]}, {"$and": {"year": 1}}),
            *({"$not": {}}, {"$not": [1]}),
            *({"kind": {"$exists": 1}}, {"kind": {"$like": 1}}, {"kind": {"$in": "essay"}}),
            *({"year": {"$between": [1]}}, {"owner": {"$gt": True}}, {"kind": {"$gt": []}}),
        ],
    )
    def test_what_makes_none_is_refused(self, papers: DjangoVectorStore, given: Any) -> None:
        with pytest.raises(FilterError):
            papers.similarity_search("red apples", filter=given)


class TestWrites:
    def test_ids_are_made_where_they_are_missing(self, papers: DjangoVectorStore) -> None:
        given = [Document("one", id="n"), Document("two"), Document("three")]
        written = papers.add_documents(given)
        assert written[0] == "n"
        assert len({*written}) == 3
        assert [document.page_content for document in papers.get_by_ids(written)] == [
            *("one", "two", "three")
        ]

    def test_the_same_id_replaces(self, papers: DjangoVectorStore) -> None:
        assert papers.add_texts(["blue plums"], ids=["a"]) == ["a"]
        assert papers.get_by_ids(["a"]) == [
            Document("blue plums", id="a", metadata={"owner": "me"})
        ]
        assert ids(papers.similarity_search("blue plums", k=1)) == ["a"]
        assert ids(papers.similarity_search("plum", mode="text")) == ["a"]
        assert not Paper.objects.stale().exists()

    def test_there_has_to_be_one_of_each(self, papers: DjangoVectorStore) -> None:
        with pytest.raises(ValueError, match="2 texts, but 1 ids"):
            papers.add_texts(["one", "two"], ids=["n"])
        with pytest.raises(ValueError, match="1 texts, but 2 metadatas"):
            papers.add_texts(["one"], [{}, {}])
        assert papers.add_texts([]) == []

    def test_blank_texts_have_no_vector(self, papers: DjangoVectorStore) -> None:
        papers.add_texts(["  ", "filled"], ids=["blank", "n"])
        assert Paper.objects.get(pk="blank").embedding is None
        assert not Paper.objects.filter(pk="n").stale().exists()

    def test_deletion(self, papers: DjangoVectorStore) -> None:
        assert papers.delete(["a", "nothing"])
        assert papers.delete([])
        assert ids(papers.get_by_ids(["c", "a", "b", "c"])) == ["c", "b"]
        papers.delete(filter={"kind": "essay"})
        assert not papers.get_by_ids(["c"])
        papers.delete()
        assert [*Paper.objects.values_list("pk", flat=True)] == ["x"]

    def test_from_documents(self) -> None:
        documents = [Document("one", id="n", metadata={"year": 1}), Document("two")]
        store = DjangoVectorStore.from_documents(
            documents, DeterministicFakeEmbedding(size=6), queryset=Note.objects.all()
        )
        assert Note.objects.count() == 2
        assert ids(store.similarity_search("one", k=1)) == ["n"]
        with pytest.raises(TypeError, match="queryset"):
            DjangoVectorStore.from_texts(["one"], None)  # type: ignore[call-arg]

    def test_vectors_of_other_models_have_to_be_vouched_for(self) -> None:
        other = DeterministicFakeEmbedding(size=384)
        with pytest.raises(DocumentError, match="embedded_by='default'"):
            DjangoVectorStore(Paper.objects.all(), other).add_texts(["one"])
        vouched = DjangoVectorStore(Paper.objects.all(), other, embedded_by="default")
        assert vouched.add_texts(["one"], ids=["n"]) == ["n"]
        assert ids(vouched.similarity_search("one")) == ["n"]
        assert vouched.embeddings is other

    def test_without_embedder_there_is_no_vector(self) -> None:
        store = DjangoVectorStore(Note.objects.all())
        store.add_texts(["one"])
        assert Note.objects.get().embedding is None
        with pytest.raises(SearchError, match=r"contrib\.Note has no embedder: give"):
            store.similarity_search("one")

    def test_existing_tables(self) -> None:
        author = Author.objects.create(name="Kim")
        book = Book.objects.create(title="red apples", year=2001, author=author)
        store = DjangoVectorStore(
            Book.objects.all(), text="title", fields={"year": "year", "by": "author__name"}
        )
        [found] = store.get_by_ids([str(book.pk)])
        assert found.metadata == {"year": 2001, "by": "Kim"}


class TestAsync:
    async def test_the_same_is_found(self, papers: DjangoVectorStore) -> None:
        query = DjangoEmbeddings().embed_query("red apples")
        options: dict[str, Any] = {"k": 2, "filter": {"owner": "me"}}
        searches: list[tuple[str, Any, dict[str, Any]]] = [
            ("similarity_search", "red apples", {"mode": "hybrid"}),
            ("similarity_search_with_score", "red apples", {}),
            ("similarity_search_with_relevance_scores", "red apples", {"mode": "text"}),
            ("max_marginal_relevance_search", "red apples", {"lambda_mult": 0.1}),
            ("similarity_search_by_vector", query, {}),
            ("similarity_search_with_score_by_vector", query, {}),
            ("max_marginal_relevance_search_by_vector", query, {"lambda_mult": 0.1}),
        ]
        for name, argument, more in searches:
            expected = await sync_to_async(getattr(papers, name))(argument, **options, **more)
            assert expected
            assert await getattr(papers, f"a{name}")(argument, **options, **more) == expected
        assert ids(await papers.aget_by_ids(["b", "x"])) == ["b"]
        assert ids(await papers.as_retriever().ainvoke("red apples")) == ["a", "b", "c"]

    async def test_the_same_is_written(self, papers: DjangoVectorStore) -> None:
        assert await papers.aadd_documents([Document("new", id="n")]) == ["n"]
        assert ids(await papers.asimilarity_search("new", k=1)) == ["n"]
        assert await papers.adelete(["n"])
        assert not await papers.aget_by_ids(["n"])
        with pytest.raises(DocumentError, match="in use elsewhere"):
            await papers.aadd_texts(["mine now"], ids=["x"])
        note = await DjangoVectorStore.afrom_texts(
            ["one"], DeterministicFakeEmbedding(size=6), queryset=Note.objects.all(), ids=["n"]
        )
        assert ids(await note.asimilarity_search("one")) == ["n"]
        await note.adelete(filter={"year": 1})
        assert len(await note.aget_by_ids(["n"])) == 1


def test_metadata_is_as_given(papers: DjangoVectorStore) -> None:
    found = papers.get_by_ids([*METADATA])
    assert [document.metadata for document in found] == [
        {**metadata, "owner": "me"} for metadata in METADATA.values()
    ]
