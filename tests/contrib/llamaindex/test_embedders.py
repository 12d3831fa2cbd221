"""Embedders of the settings for LlamaIndex, and its models for the settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.test import override_settings
from llama_index.core.base.embeddings.base import BaseEmbedding

from hybrid_store.contrib.llamaindex import DjangoEmbedding, LlamaIndexEmbedder
from hybrid_store.embedders import embedders
from hybrid_store.embedders.base import Kind
from hybrid_store.exceptions import InvalidEmbedderError, MissingExtraError


class Lengths(BaseEmbedding):
    """Tells queries from texts."""

    def _get_query_embedding(self, query: str) -> list[float]:
        return [float(len(query)), 1.0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(len(text)), 2.0]


def not_one() -> str:
    return "nothing"


class TestOurs:
    def test_texts_are_embedded(self) -> None:
        model, embedder = DjangoEmbedding("second"), embedders["second"]
        assert model.model_name == "hashing-two"
        texts = ["red apples", "stone bridges"]
        expected = embedder.embed(texts)
        np.testing.assert_array_equal(model.get_text_embedding_batch(texts), expected)
        np.testing.assert_array_equal(model.get_text_embedding(texts[0]), expected[0])
        query = model.get_query_embedding("apples")
        np.testing.assert_array_equal(query, embedder.embed_query("apples"))
        assert all(type(number) is float for number in query)

    async def test_asynchronous_methods_do_the_same(self) -> None:
        model = DjangoEmbedding()
        text = model.get_text_embedding("apples")
        assert await model.aget_text_embedding("apples") == text
        assert await model.aget_text_embedding_batch(["apples"]) == [text]
        assert await model.aget_query_embedding("apples") == model.get_query_embedding("apples")

    def test_it_is_made_again_of_its_alias(self) -> None:
        model = DjangoEmbedding("second")
        again = DjangoEmbedding.from_dict(model.to_dict())
        assert (again.alias, again.model_name) == ("second", "hashing-two")

    def test_unknown_aliases_are_refused(self) -> None:
        with pytest.raises(InvalidEmbedderError, match='no embedder "third"'):
            DjangoEmbedding("third")


def embedder(**options: Any) -> LlamaIndexEmbedder:
    return LlamaIndexEmbedder("theirs", {"MODEL": "lengths", "DIMENSIONS": 2, "OPTIONS": options})


class TestTheirs:
    @pytest.mark.parametrize(
        "given", [Lengths(), f"{__name__}.Lengths", Lengths], ids=["object", "path", "class"]
    )
    def test_texts_are_embedded(self, given: Any) -> None:
        theirs = embedder(embeddings=given)
        assert theirs.space == "lengths@2"
        np.testing.assert_array_equal(theirs.embed(["a", "bcd"]), [[1, 2], [3, 2]])
        np.testing.assert_array_equal(theirs.embed_query("ab"), [2, 1])
        np.testing.assert_array_equal(theirs.embed(["ab"], Kind.QUERY), [[2, 1]])

    def test_the_settings_name_it(self) -> None:
        settings = {
            "EMBEDDERS": {
                "theirs": {
                    "BACKEND": "hybrid_store.contrib.llamaindex.LlamaIndexEmbedder",
                    "MODEL": "lengths",
                    "DIMENSIONS": 2,
                    "OPTIONS": {"embeddings": f"{__name__}.Lengths"},
                }
            }
        }
        with override_settings(HYBRID_STORE=settings):
            assert DjangoEmbedding("theirs").get_text_embedding("abc") == [3.0, 2.0]
            assert embedders["theirs"].check() == []

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "lack embeddings"),
            ({"embeddings": "no.where"}, "cannot be imported"),
            ({"embeddings": f"{__name__}.not_one"}, "'nothing', no BaseEmbedding"),
            ({"embeddings": 3}, "3, no BaseEmbedding"),
        ],
    )
    def test_what_is_no_model_is_refused(self, options: Any, message: str) -> None:
        with pytest.raises(InvalidEmbedderError, match=message):
            embedder(**options).embed(["a"])

    def test_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(LlamaIndexEmbedder, "requires", ("llama_index_that_is_not_there",))
        with pytest.raises(MissingExtraError, match=r"django-hybrid-store\[llamaindex\]"):
            embedder(embeddings=Lengths()).embed(["a"])
