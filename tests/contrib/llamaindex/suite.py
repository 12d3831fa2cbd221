"""What every vector store of LlamaIndex has to do.

A store is tested by a subclass of `VectorStoreSuite` with a fixture `store`, which gives an empty
one. Vectors are made here, so that the order of answers is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from llama_index.core.schema import BaseNode, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

__all__ = ["AsyncVectorStoreSuite", "VectorStoreSuite", "where"]

INJECTIONS = ["x' OR '1'='1", '"; DROP TABLE x; --', "%", "_", "\\", "a') OR 1=1 --", "$.a", "{}"]
TEXT_OPERATORS = ["==", ">", "<", ">=", "<=", "text_match", "text_match_insensitive", "contains"]


def where(*parts: Any, condition: FilterCondition | str | None = "and") -> MetadataFilters:
    """Of (key, operator, value) and other filters."""
    filters = [
        part
        if isinstance(part, MetadataFilters)
        else MetadataFilter(key=part[0], operator=FilterOperator(part[1]), value=part[2])
        for part in parts
    ]
    joined = None if condition is None else FilterCondition(condition)
    return MetadataFilters(filters=filters, condition=joined)


class Examples:
    """Nodes and questions."""

    dimensions = 3

    @pytest.fixture
    def store(self) -> BasePydanticVectorStore:
        raise NotImplementedError

    def vector(self, *numbers: float) -> list[float]:
        return [*numbers, *[0.0] * (self.dimensions - len(numbers))]

    def node(
        self, name: str, text: str, vector: Sequence[float], document: str = "", **metadata: Any
    ) -> TextNode:
        source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)}
        return TextNode(
            id_=name,
            text=text,
            embedding=self.vector(*vector),
            metadata=metadata,
            relationships=source if document else {},
        )

    @property
    def nodes(self) -> list[BaseNode]:
        return [
            self.node("a", "red apples", (1, 0), "one", year=2000, tags=["x", "y"], city="Ghent"),
            self.node("b", "green apples", (0.9, 0.1), "one", year=2001, tags=["y"], city="gent"),
            self.node("c", "stone bridges", (0, 1), "two", year=2002, tags=[], city=""),
            self.node("d", "silent rivers", (0.5, 0.5), year=2003),
        ]

    @pytest.fixture
    def filled(self, store: BasePydanticVectorStore) -> BasePydanticVectorStore:
        assert store.add(self.nodes) == ["a", "b", "c", "d"]
        return store

    def asked(self, **options: Any) -> VectorStoreQuery:
        mode = VectorStoreQueryMode(options.pop("mode", "default"))
        given = {"query_embedding": self.vector(1, 0), "similarity_top_k": 10, **options}
        if mode in (VectorStoreQueryMode.SPARSE, VectorStoreQueryMode.TEXT_SEARCH):
            # As a retriever sends it.
            given["query_embedding"] = None
        return VectorStoreQuery(mode=mode, **given)


class VectorStoreSuite(Examples):
    def found(self, store: BasePydanticVectorStore, **options: Any) -> list[str]:
        result = store.query(self.asked(**options))
        assert [node.node_id for node in result.nodes or ()] == result.ids
        assert len(result.similarities or ()) == len(result.ids or ())
        return [*(result.ids or ())]

    def selected(self, store: BasePydanticVectorStore, filters: MetadataFilters) -> set[str]:
        """By a filter, which all methods understand alike."""
        got = {node.node_id for node in store.get_nodes(filters=filters)}
        assert {*self.found(store, filters=filters)} == got
        return got

    # Basics

    def test_it_stores_texts_and_is_asked_by_vectors(self, store: BasePydanticVectorStore) -> None:
        assert store.stores_text
        assert store.is_embedding_query
        assert self.found(store) == []
        assert store.get_nodes() == []

    def test_nodes_come_back(self, filled: BasePydanticVectorStore) -> None:
        [node] = filled.get_nodes(["a"])
        assert isinstance(node, TextNode)
        assert (node.node_id, node.text, node.ref_doc_id) == ("a", "red apples", "one")
        assert node.metadata == {"year": 2000, "tags": ["x", "y"], "city": "Ghent"}
        assert node.embedding == pytest.approx(self.vector(1, 0))

    def test_nodes_are_given_in_the_order_of_their_ids(
        self, filled: BasePydanticVectorStore
    ) -> None:
        assert [node.node_id for node in filled.get_nodes(["c", "a", "-"])] == ["c", "a"]
        assert [node.node_id for node in filled.get_nodes()] == ["a", "b", "c", "d"]
        assert filled.get_nodes([]) == []

    def test_a_node_that_is_there_is_replaced(self, filled: BasePydanticVectorStore) -> None:
        assert filled.add([self.node("a", "blue plums", (0, 1), "three", year=1)]) == ["a"]
        [node] = filled.get_nodes(["a"])
        assert isinstance(node, TextNode)
        assert (node.text, node.metadata["year"]) == ("blue plums", 1)
        assert node.ref_doc_id == "three"
        assert len(filled.get_nodes()) == 4
        assert self.found(filled, similarity_top_k=1) == ["b"]

    def test_nothing_to_add_is_fine(self, store: BasePydanticVectorStore) -> None:
        assert store.add([]) == []

    # Queries

    def test_the_nearest_are_first(self, filled: BasePydanticVectorStore) -> None:
        result = filled.query(self.asked(similarity_top_k=3))
        assert result.ids == ["a", "b", "d"]
        assert result.similarities == pytest.approx([1, 0.993884, 0.707107], abs=1e-5)
        assert self.found(filled, similarity_top_k=0) == []

    @pytest.mark.parametrize("mode", ["sparse", "text_search"])
    def test_words_are_found(self, filled: BasePydanticVectorStore, mode: str) -> None:
        assert {*self.found(filled, mode=mode, query_str="apples")} == {"a", "b"}
        assert self.found(filled, mode=mode, query_str="bridges") == ["c"]
        assert self.found(filled, mode=mode, query_str="zeppelin") == []
        assert len(self.found(filled, mode=mode, query_str="apples", sparse_top_k=1)) == 1
        assert len(self.found(filled, mode=mode, query_str="apples", similarity_top_k=1)) == 1

    def test_both_are_fused(self, filled: BasePydanticVectorStore) -> None:
        options = {"mode": "hybrid", "query_str": "bridges"}
        assert {*self.found(filled, **options)} == {"a", "b", "c", "d"}
        assert self.found(filled, alpha=0.0, **options)[0] == "c"
        assert self.found(filled, alpha=1.0, **options)[0] == "a"
        assert {*self.found(filled, hybrid_top_k=2, **options)} == {"a", "c"}
        assert len(self.found(filled, similarity_top_k=3, **options)) == 3
        wide = self.found(filled, similarity_top_k=1, sparse_top_k=1, hybrid_top_k=2, **options)
        assert {*wide} == {"a", "c"}

    def test_answers_may_be_unlike_each_other(self, filled: BasePydanticVectorStore) -> None:
        options = {"mode": "mmr", "similarity_top_k": 2}
        assert self.found(filled, mmr_threshold=0.3, **options) == ["a", "c"]
        assert self.found(filled, mmr_threshold=1.0, **options) == ["a", "b"]
        passed_on = filled.query(self.asked(**options), mmr_threshold=0.3)
        assert passed_on.ids == ["a", "c"]

    @pytest.mark.parametrize("mode", ["svm", "logistic_regression", "linear_regression"])
    def test_other_modes_are_refused(self, filled: BasePydanticVectorStore, mode: str) -> None:
        with pytest.raises(ValueError, match=mode):
            self.found(filled, mode=mode, query_str="apples")

    @pytest.mark.parametrize(
        ("mode", "options"),
        [
            ("default", {"query_embedding": None}),
            ("mmr", {"query_embedding": None}),
            ("hybrid", {"query_embedding": None, "query_str": "apples"}),
            ("hybrid", {}),
            ("sparse", {}),
            ("text_search", {"query_str": " "}),
        ],
    )
    def test_what_a_mode_needs_is_asked_for(
        self, filled: BasePydanticVectorStore, mode: str, options: Any
    ) -> None:
        with pytest.raises(ValueError, match=r"needs its query_|nothing to search for"):
            self.found(filled, mode=mode, **options)

    @pytest.mark.parametrize("mode", ["default", "text_search", "hybrid", "mmr"])
    def test_restrictions_hold_in_every_mode(
        self, filled: BasePydanticVectorStore, mode: str
    ) -> None:
        options = {"mode": mode, "query_str": "apples bridges rivers"}
        assert {*self.found(filled, **options)} == {"a", "b", "c", "d"}
        restrictions: list[tuple[dict[str, Any], set[str]]] = [
            ({"doc_ids": ["one"]}, {"a", "b"}),
            ({"node_ids": ["b", "d"]}, {"b", "d"}),
            ({"node_ids": ["b", "d"], "doc_ids": ["one", "two"]}, {"b"}),
            ({"filters": where(("year", ">", 2001))}, {"c", "d"}),
            ({"filters": where(("year", ">", 2000)), "doc_ids": ["one"]}, {"b"}),
            ({"doc_ids": []}, set()),
            # So do retrievers of an index, whose store has the texts, ask for all.
            ({"node_ids": []}, {"a", "b", "c", "d"}),
            ({"node_ids": [], "doc_ids": []}, set()),
            ({"doc_ids": None, "node_ids": None}, {"a", "b", "c", "d"}),
        ]
        for restriction, expected in restrictions:
            assert {*self.found(filled, **options, **restriction)} == expected, restriction

    def test_only_what_is_asked_for_is_given(self, filled: BasePydanticVectorStore) -> None:
        result = filled.query(self.asked(similarity_top_k=1, output_fields=["year", "pages"]))
        assert [node.metadata for node in result.nodes or ()] == [{"year": 2000}]

    # Filters

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            (("year", "==", 2001), {"b"}),
            (("year", ">", 2001), {"c", "d"}),
            (("year", "<", 2001), {"a"}),
            (("year", ">=", 2001), {"b", "c", "d"}),
            (("year", "<=", 2001), {"a", "b"}),
            (("year", "!=", 2001), {"a", "c", "d"}),
            (("year", "in", [2000, 2003]), {"a", "d"}),
            (("year", "nin", [2000, 2003]), {"b", "c"}),
            (("year", "in", []), set()),
            (("year", "nin", []), {"a", "b", "c", "d"}),
            (("city", "==", "Ghent"), {"a"}),
            (("city", "!=", "Ghent"), {"b", "c", "d"}),
            (("city", "nin", ["Ghent", "gent"]), {"c", "d"}),
            (("city", "in", ["Ghent", "gent"]), {"a", "b"}),
            (("city", ">", "Ghent"), {"b"}),
            (("tags", "any", ["x", "z"]), {"a"}),
            (("tags", "all", ["x", "y"]), {"a"}),
            (("tags", "all", ["y"]), {"a", "b"}),
            (("tags", "contains", "y"), {"a", "b"}),
            (("city", "text_match", "ent"), {"a", "b"}),
            (("city", "text_match", "Gh"), {"a"}),
            (("city", "text_match_insensitive", "gh"), {"a"}),
            (("city", "is_empty", None), {"c", "d"}),
            (("tags", "is_empty", None), {"c", "d"}),
            (("nothing", "is_empty", None), {"a", "b", "c", "d"}),
            (("nothing", "==", "a"), set()),
            (("nothing", "!=", "a"), {"a", "b", "c", "d"}),
        ],
    )
    def test_operators(
        self, filled: BasePydanticVectorStore, condition: Any, expected: set[str]
    ) -> None:
        assert self.selected(filled, where(condition)) == expected
        negated = {"a", "b", "c", "d"} - expected
        assert self.selected(filled, where(condition, condition="not")) == negated

    def test_filters_are_nested(self, filled: BasePydanticVectorStore) -> None:
        early, ghent = ("year", "<", 2002), ("city", "==", "Ghent")
        either = where(("year", "==", 2003), ghent, condition="or")
        assert self.selected(filled, where(early, ghent)) == {"a"}
        assert self.selected(filled, where(early, ghent, condition=None)) == {"a"}
        assert self.selected(filled, either) == {"a", "d"}
        assert self.selected(filled, where(early, ghent, condition="not")) == {"c", "d"}
        assert self.selected(filled, where(either, early)) == {"a"}
        neither = where(either, condition="not")
        assert self.selected(filled, where(neither, early)) == {"b"}
        assert self.selected(filled, where(neither, ghent, condition="or")) == {"a", "b", "c"}
        assert self.selected(filled, where()) == {"a", "b", "c", "d"}

    @pytest.mark.parametrize("text", INJECTIONS)
    def test_texts_are_no_sql(self, filled: BasePydanticVectorStore, text: str) -> None:
        for operator in TEXT_OPERATORS:
            if operator not in (">", "<", ">=", "<="):
                assert self.selected(filled, where(("city", operator, text))) == set(), operator
            assert self.selected(filled, where((text, operator, "a"))) == set(), operator
        for operator in ("in", "any", "all"):
            assert self.selected(filled, where(("city", operator, [text]))) == set(), operator
            assert self.selected(filled, where((text, operator, ["a"]))) == set(), operator
        for of_all in [(text, "is_empty", None), ("city", "!=", text), ("city", "nin", [text])]:
            assert len(self.selected(filled, where(of_all))) == 4, of_all
        filled.add([self.node("e", "odd", (0, 1), city=text, tags=[text], **{text: "a"})])
        for condition in [
            ("city", "==", text),
            ("city", "in", [text]),
            ("city", "text_match", text),
            ("city", "text_match_insensitive", text),
            ("tags", "contains", text),
            ("tags", "any", [text]),
            ("tags", "all", [text]),
            (text, "==", "a"),
        ]:
            assert self.selected(filled, where(condition)) == {"e"}, condition
        assert filled.get_nodes(["e"])[0].metadata[text] == "a"

    @pytest.mark.parametrize(
        "condition",
        [("year", "in", 2000), ("year", "nin", "2000"), ("year", ">", None), ("city", "any", "a")],
    )
    def test_bad_filters_are_refused_or_find_nothing(
        self, filled: BasePydanticVectorStore, condition: Any
    ) -> None:
        if condition[2] is None:
            assert self.selected(filled, where(condition)) == set()
            return
        for ask in (self.found, self.selected):
            with pytest.raises(ValueError, match="no list of values"):
                ask(filled, filters=where(condition))
        with pytest.raises(ValueError, match="no list of values"):
            filled.delete_nodes(filters=where(condition))
        assert len(filled.get_nodes()) == 4

    # Deleting

    def left(self, store: BasePydanticVectorStore) -> set[str]:
        return {node.node_id for node in store.get_nodes()}

    def test_documents_are_deleted(self, filled: BasePydanticVectorStore) -> None:
        for document in ("a", "nothing", "", INJECTIONS[0]):
            filled.delete(document)
        assert self.left(filled) == {"a", "b", "c", "d"}
        filled.delete("one")
        assert self.left(filled) == {"c", "d"}
        assert self.found(filled) == ["d", "c"]

    def test_nodes_are_deleted(self, filled: BasePydanticVectorStore) -> None:
        filled.delete_nodes()
        filled.delete_nodes([])
        filled.delete_nodes(["-"])
        filled.delete_nodes(filters=where())
        filled.delete_nodes([], where(("year", "==", 2000)))
        filled.delete_nodes(["b"], where(("year", "==", 2000)))
        assert self.left(filled) == {"a", "b", "c", "d"}
        filled.delete_nodes(["b", "d"])
        assert self.left(filled) == {"a", "c"}
        filled.delete_nodes(filters=where(("year", ">", 2000)))
        assert self.left(filled) == {"a"}

    def test_all_are_deleted(self, filled: BasePydanticVectorStore) -> None:
        filled.clear()
        assert self.left(filled) == set()
        assert self.found(filled) == []
        assert filled.add(self.nodes[:1]) == ["a"]


class AsyncVectorStoreSuite(Examples):
    """The asynchronous methods do the same."""

    @pytest.mark.parametrize("mode", ["default", "text_search", "hybrid", "mmr"])
    async def test_asynchronous_methods(self, store: BasePydanticVectorStore, mode: str) -> None:
        assert await store.async_add(self.nodes) == ["a", "b", "c", "d"]
        late = where(("year", ">", 2001))
        options = {"mode": mode, "query_str": "apples bridges rivers", "similarity_top_k": 4}
        result = await store.aquery(self.asked(filters=late, **options))
        assert {*(result.ids or ())} == {"c", "d"}
        assert [node.node_id for node in await store.aget_nodes(["c", "a"])] == ["c", "a"]
        assert [node.node_id for node in await store.aget_nodes(filters=late)] == ["c", "d"]
        await store.adelete_nodes(["a"])
        await store.adelete_nodes(filters=where(("year", "==", 2003)))
        assert {node.node_id for node in await store.aget_nodes()} == {"b", "c"}
        await store.adelete("two")
        assert {node.node_id for node in await store.aget_nodes()} == {"b"}
        await store.aclear()
        assert await store.aget_nodes() == []
