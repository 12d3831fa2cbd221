"""A vector store over a queryset: nodes as they were, and no row outside of it."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any, ClassVar

import pytest
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageNode,
    IndexNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeRelationship,
    ObjectType,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import (
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from hybrid_store.contrib.llamaindex import DjangoVectorStore
from hybrid_store.exceptions import (
    DocumentError,
    FilterError,
    RerankerError,
    SearchError,
    UnknownFieldError,
)
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book
from tests.contrib.llamaindex.suite import where
from tests.contrib.models import Paper

pytestmark = pytest.mark.django_db


def vector(*numbers: float) -> list[float]:
    return [*numbers, *[0.0] * (384 - len(numbers))]


def papers(owner: str = "me", **options: Any) -> DjangoVectorStore:
    return DjangoVectorStore(
        Paper.objects.filter(owner=owner),
        defaults={"owner": owner},
        embedded_by="default",
        **options,
    )


def related(name: str) -> RelatedNodeInfo:
    return RelatedNodeInfo(
        node_id=name, node_type=ObjectType.TEXT, metadata={"z": 1, "a": 2}, hash="h"
    )


NODES: list[BaseNode] = [
    TextNode(
        id_="text",
        text="red apples",
        metadata={"zoo": 1, "b": [1, {"y": 1.0, "a": None}], "doc_id": "mine", "é": "ü"},
        excluded_embed_metadata_keys=["zoo"],
        excluded_llm_metadata_keys=["b", "a"],
        metadata_template="{key}={value}",
        metadata_separator=" | ",
        text_template="{content} ({metadata_str})",
        start_char_idx=3,
        end_char_idx=13,
        mimetype="text/markdown",
        relationships={
            NodeRelationship.SOURCE: related("one"),
            NodeRelationship.PREVIOUS: related("before"),
            NodeRelationship.NEXT: related("after"),
            NodeRelationship.PARENT: related("above"),
            NodeRelationship.CHILD: [related("x"), related("y")],
        },
    ),
    TextNode(id_="blank"),
    IndexNode(id_="index", text="see there", index_id="other"),
    ImageNode(id_="image", text="a bridge", image_url="http://localhost/a.png"),
    Document(id_="document", text="whole", metadata={"b": 1, "a": 2}),
    Node(id_="media", text_resource=MediaResource(text="words", path=Path("a.txt"))),
    Node(id_="picture", image_resource=MediaResource(path=Path("a.png"), mimetype="image/png")),
]


class TestNodes:
    @pytest.mark.parametrize("node", NODES, ids=lambda node: node.node_id)
    def test_they_come_back_as_they_were(self, node: BaseNode) -> None:
        store = papers()
        given = node.model_copy(update={"embedding": vector(1.0, 0.0)}, deep=True)
        before = given.to_json()
        assert store.add([given]) == [node.node_id]
        assert given.to_json() == before
        [back] = store.get_nodes([node.node_id])
        assert type(back) is type(node)
        assert back == given
        assert back.to_json() == before
        assert back.hash == node.hash
        if node.get_content(MetadataMode.NONE):
            # What has no text has no embedding of it.
            result = store.query(VectorStoreQuery(query_embedding=vector(1, 0)))
            assert [*(result.nodes or ())] == [node]

    def test_what_was_changed_in_a_row_counts(self) -> None:
        store = papers(fields=["year"])
        store.add([NODES[0].model_copy(update={"embedding": vector(1)}, deep=True)])
        [back] = store.get_nodes()
        assert "year" not in back.metadata
        Paper.objects.update(text="blue plums", metadata={"zoo": 2}, year=1999)
        [back] = store.get_nodes()
        assert isinstance(back, TextNode)
        assert (back.text, back.metadata) == ("blue plums", {"zoo": 2, "year": 1999})
        assert (back.ref_doc_id, back.start_char_idx) == ("one", 3)

    def test_columns_are_written_and_asked(self) -> None:
        store = papers(fields=["year", "published", "is_open", "price"])
        when = "2020-01-02T03:04:05+00:00"
        metadata = {"year": 2000, "published": when, "is_open": True, "other": "x"}
        store.add([TextNode(id_="a", text="a", metadata=metadata, embedding=vector(1))])
        paper = Paper.objects.get()
        assert (paper.year, paper.is_open, paper.metadata) == (2000, True, {"other": "x"})
        assert paper.published is not None
        assert store.get_nodes(filters=where(("published", ">", "2020-01-01")))
        assert not store.get_nodes(filters=where(("published", ">", "2020-01-03")))
        assert store.get_nodes()[0].metadata == metadata
        with pytest.raises(FilterError, match="'many' is no value of a"):
            store.get_nodes(filters=where(("year", "==", "many")))

    def test_rows_that_were_no_nodes_are_nodes(self) -> None:
        Paper.objects.create(pk="a", text="apples", source="one", metadata={"b": 1}, owner="me")
        [node] = papers().get_nodes()
        assert isinstance(node, TextNode)
        assert (node.node_id, node.text, node.metadata) == ("a", "apples", {"b": 1})
        assert (node.ref_doc_id, node.embedding) == ("one", None)

    def test_nodes_without_vectors_are_left_to_generation(self) -> None:
        store = DjangoVectorStore(Paper.objects.all())
        store.add([TextNode(id_="a", text="red apples")])
        asked = VectorStoreQuery(query_embedding=vector(1))
        assert store.query(asked).ids == []
        generate(Paper)
        assert store.query(asked).ids == ["a"]

    def test_vectors_are_given_where_they_are_asked_for(self) -> None:
        store = papers()
        store.add([TextNode(id_="a", text="a", embedding=vector(1), metadata={"b": 1})])
        for fields, expected in [(None, None), ([], None), (["embedding"], vector(1))]:
            asked = VectorStoreQuery(query_embedding=vector(1), output_fields=fields)
            [node] = store.query(asked).nodes or ()
            assert node.embedding == expected
            assert node.metadata == ({"b": 1} if fields is None else {})


class TestQuerysets:
    @pytest.fixture
    def mine(self) -> DjangoVectorStore:
        for owner in ("me", "you"):
            texts = [f"red apples of {owner}", f"green apples of {owner}"]
            papers(owner).add(
                [
                    TextNode(id_=f"{owner}-{place}", text=text, embedding=vector(1, place))
                    for place, text in enumerate(texts)
                ]
            )
        return papers("me")

    def test_nothing_is_carried_away(self, mine: DjangoVectorStore) -> None:
        assert {*mine.to_dict()} == {"stores_text", "is_embedding_query", "class_name"}
        assert "apples" not in json.dumps(mine.to_dict()) + repr(mine) + str(mine)
        for holder in (mine, [mine]):
            with pytest.raises(TypeError, match="not pickled"):
                pickle.dumps(holder)
        for other in (copy.copy(mine), copy.deepcopy(mine), mine.model_copy()):
            assert {node.node_id for node in other.get_nodes()} == {"me-0", "me-1"}

    def test_rows_that_were_fetched_are_not_kept(self, mine: DjangoVectorStore) -> None:
        queryset = Paper.objects.filter(owner="me")
        assert len(queryset) == 2
        store = DjangoVectorStore(queryset, embedded_by="default")
        store.delete_nodes(["me-0"])
        assert [node.node_id for node in store.get_nodes()] == ["me-1"]
        assert [paper.pk for paper in store.client] == ["me-1"]


class TestMapped:
    """A table that knows nothing of LlamaIndex."""

    @pytest.fixture
    def store(self) -> DjangoVectorStore:
        author = Author.objects.create(name="Kim")
        Book.objects.create(title="red apples", year=2001, author=author)
        Book.objects.create(title="stone bridges", year=2002)
        generate(Book)
        return DjangoVectorStore(
            Book.objects.all(), text="title", fields={"year": "year", "by": "author__name"}
        )

    def test_it_is_searched_and_filtered(self, store: DjangoVectorStore) -> None:
        book = Book.objects.get(year=2001)
        asked = VectorStoreQuery(query_embedding=[*book.embedding], similarity_top_k=2)
        result = store.query(asked)
        nearest = next(iter(result.nodes or ()))
        assert (nearest.node_id, nearest.metadata) == (str(book.pk), {"year": 2001, "by": "Kim"})
        asked.filters = where(("by", "is_empty", None))
        [node] = store.query(asked).nodes or ()
        assert node.metadata["year"] == 2002

    def test_what_it_has_not_is_refused(self, store: DjangoVectorStore) -> None:
        with pytest.raises(DocumentError, match=r"source="):
            store.delete("one")
        with pytest.raises(DocumentError, match=r"source="):
            store.query(VectorStoreQuery(query_embedding=vector(1), doc_ids=["one"]))
        with pytest.raises(FilterError, match="Book has no metadata 'pages'"):
            store.get_nodes(filters=where(("pages", "==", 1)))
        with pytest.raises(FilterError, match="holds one value, no list"):
            store.get_nodes(filters=where(("year", "contains", 1)))
        with pytest.raises(DocumentError, match="'a' is no key"):
            store.add([TextNode(id_="a", text="a")])
        with pytest.raises(SearchError, match="TextIndex"):
            store.query(VectorStoreQuery(query_str="apples", mode=VectorStoreQueryMode.TEXT_SEARCH))


def test_the_vector_field_may_be_named() -> None:
    store = papers()
    store.add([TextNode(id_="a", text="a", embedding=vector(1))])
    asked = VectorStoreQuery(query_embedding=vector(1), embedding_field="embedding")
    assert store.query(asked).ids == ["a"]
    asked.embedding_field = "other"
    with pytest.raises(UnknownFieldError, match="other"):
        store.query(asked)


def test_vectors_of_unknown_origin_are_refused() -> None:
    store = DjangoVectorStore(Paper.objects.all())
    with pytest.raises(DocumentError, match="embedded_by='default'"):
        store.add([TextNode(id_="a", text="a", embedding=vector(1))])


class TestReranking:
    """What Azure's store, of which the mode is, calls its semantic ranker."""

    ASKED: ClassVar[dict[str, Any]] = {
        "mode": VectorStoreQueryMode.SEMANTIC_HYBRID,
        "query_str": "apples",
        "query_embedding": vector(1, 0),
    }

    @pytest.fixture
    def seen(self) -> list[Any]:
        return []

    @pytest.fixture
    def store(self, seen: list[Any]) -> DjangoVectorStore:
        def shortest(query: str, texts: list[str]) -> list[float]:
            seen.append((query, sorted(texts)))
            return [-float(len(text)) for text in texts]

        store = papers(reranker=shortest)
        texts = {"a": "red apples and pears", "b": "apples", "c": "stone bridges"}
        store.add(
            [TextNode(id_=key, text=text, embedding=vector(1)) for key, text in texts.items()]
        )
        return store

    def test_what_is_found_is_ordered_by_the_reranker(
        self, store: DjangoVectorStore, seen: list[Any]
    ) -> None:
        found = store.query(VectorStoreQuery(**self.ASKED, similarity_top_k=2))
        assert (found.ids, found.similarities) == (["b", "c"], [-6.0, -13.0])
        assert seen == [("apples", ["apples", "red apples and pears", "stone bridges"])]
        within = store.query(
            VectorStoreQuery(**self.ASKED, similarity_top_k=5, node_ids=["a", "c"])
        )
        assert within.ids == ["c", "a"]

    def test_other_modes_are_not_reranked(self, store: DjangoVectorStore, seen: list[Any]) -> None:
        store.query(VectorStoreQuery(**{**self.ASKED, "mode": VectorStoreQueryMode.HYBRID}))
        assert not seen

    def test_it_needs_a_reranker(self) -> None:
        with pytest.raises(SearchError, match="make the store with reranker=, or ask in the mode"):
            papers().query(VectorStoreQuery(**self.ASKED))
        with pytest.raises(RerankerError, match="is no reranker"):
            papers(reranker="cohere")


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError, match="'ef_search'"):
        papers().query(VectorStoreQuery(query_embedding=vector(1)), ef_search=1)
    with pytest.raises(SearchError, match="lambda_"):
        papers().query(
            VectorStoreQuery(
                query_embedding=vector(1), mode=VectorStoreQueryMode.MMR, mmr_threshold=1.5
            )
        )
