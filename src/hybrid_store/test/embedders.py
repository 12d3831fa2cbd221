"""What every embedder keeps to. A new one inherits this and gives itself as a fixture:

class TestMyEmbedder(EmbedderConformance):
    @pytest.fixture
    def embedder(self):
        return MyEmbedder("default", {"MODEL": "my-model", "DIMENSIONS": 384})
"""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from django.core.checks import CheckMessage

from hybrid_store.embedders import BaseEmbedder, Kind
from hybrid_store.exceptions import TextRefusedError

__all__ = ["EmbedderConformance"]

TOLERANCE = 1e-5

TEXTS = [
    "A crew lost in space.",
    "Two friends rob a bank.",
    "A dog finds its way home across a continent.",
    "space",
    "Una tripulación perdida en el espacio",
    "우주에서 길을 잃은 승무원",
    "\u05d8\u05d9\u05d9\u05e1 \u05d1\u05d7\u05dc\u05dc",
    "🚀👩🏽\u200d🚀",
    "cafe\u0301",
    "NUL \x00 and \x1b control",
    "...",
    "long " * 2000,
]

UNUSABLE = {
    "empty": "",
    "blank": " \t\n\u00a0\u2003",
    "lone surrogate": "a \ud800 b",
}


class EmbedderConformance:
    """Mixed into a class that has a fixture `embedder`, a `BaseEmbedder` that is ready to use.

    For a good test its batch size is small, smaller than the twelve texts of this suite. If it
    reads the beginning of long texts, let that be a few thousand tokens at most.
    """

    def test_gives_one_good_vector_a_text(self, embedder: BaseEmbedder) -> None:
        vectors = embedder.embed(TEXTS)
        assert vectors.shape == (len(TEXTS), embedder.dimensions)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()
        assert vectors.any(axis=1).all()

    def test_different_texts_have_different_vectors(self, embedder: BaseEmbedder) -> None:
        vectors = embedder.embed(TEXTS)
        assert len(np.unique(vectors.round(4), axis=0)) == len(TEXTS)

    def test_a_vector_depends_on_its_text_alone(self, embedder: BaseEmbedder) -> None:
        """Neither on the others in the batch nor on the order."""
        together = embedder.embed(TEXTS)
        backwards = embedder.embed(TEXTS[::-1])[::-1]
        alone = np.vstack([embedder.embed([text]) for text in TEXTS])
        assert np.allclose(together, backwards, atol=TOLERANCE)
        assert np.allclose(together, alone, atol=TOLERANCE)

    def test_no_texts_give_no_vectors(self, embedder: BaseEmbedder) -> None:
        assert embedder.embed([]).shape == (0, embedder.dimensions)

    def test_a_query_gives_one_vector(self, embedder: BaseEmbedder) -> None:
        vector = embedder.embed_query("lost in space")
        assert vector.shape == (embedder.dimensions,)
        assert vector.dtype == np.float32
        expected = embedder.embed(["lost in space"], Kind.QUERY)[0]
        assert np.allclose(vector, expected, atol=TOLERANCE)

    def test_a_query_may_be_embedded_asynchronously(self, embedder: BaseEmbedder) -> None:
        vector = asyncio.run(embedder.aembed_query("lost in space"))
        assert np.allclose(vector, embedder.embed_query("lost in space"), atol=TOLERANCE)

    @pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE.keys())
    def test_refuses_what_cannot_be_embedded(self, embedder: BaseEmbedder, text: str) -> None:
        with pytest.raises(TextRefusedError, match=r"texts\[1\]"):
            embedder.embed(["a good text", text])

    @pytest.mark.parametrize("texts", ["one text", [None], [1], [b"bytes"], [["nested"]]])
    def test_refuses_what_is_no_list_of_texts(
        self, embedder: BaseEmbedder, texts: list[str]
    ) -> None:
        with pytest.raises(TypeError):
            embedder.embed(texts)

    def test_tells_vectors_tokens_and_what_was_cut_off(self, embedder: BaseEmbedder) -> None:
        vectors, tokens, truncated = embedder.embed_counted(TEXTS)
        assert np.allclose(vectors, embedder.embed(TEXTS), atol=TOLERANCE)
        assert isinstance(tokens, int)
        assert tokens > 0
        assert set(truncated) <= set(range(len(TEXTS)))
        assert list(truncated) == sorted(truncated)

    def test_a_text_that_is_cut_off_is_reported(self, embedder: BaseEmbedder) -> None:
        if embedder.max_tokens is None or not embedder.truncates:
            pytest.skip("it reads all of a text, refuses it, or does not know")
        texts = ["short", "word " * 2 * embedder.max_tokens, "brief"]
        assert embedder.embed_counted(texts).truncated == (1,)

    def test_a_text_that_is_read_in_full_is_not_reported(self, embedder: BaseEmbedder) -> None:
        assert embedder.embed_counted(["short", "brief"]).truncated == ()

    def test_counts_tokens_of_any_text(self, embedder: BaseEmbedder) -> None:
        texts = [*TEXTS, *UNUSABLE.values()]
        counts = embedder.count_tokens(texts)
        assert len(counts) == len(texts)
        assert all(isinstance(count, int) and count >= 0 for count in counts)
        once, twice = embedder.count_tokens(["a crew lost in space", "a crew lost in space " * 2])
        assert 0 < once < twice

    def test_divides_texts_into_requests(self, embedder: BaseEmbedder) -> None:
        batches = list(embedder.batches(TEXTS))
        assert [text for batch in batches for text in batch] == TEXTS
        assert all(0 < len(batch) <= embedder.batch_size for batch in batches)
        assert list(embedder.batches([])) == []

    def test_knows_how_it_is_called(self, embedder: BaseEmbedder) -> None:
        assert embedder.workers >= 1
        assert embedder.max_retries >= 0
        assert embedder.max_tokens is None or embedder.max_tokens > 0
        assert (embedder.cost(1_000_000) is None) == (embedder.price is None)

    def test_says_which_space_its_vectors_are_in(self, embedder: BaseEmbedder) -> None:
        assert isinstance(embedder.space, str)
        assert embedder.space

    def test_checks_itself(self, embedder: BaseEmbedder) -> None:
        messages = embedder.check()
        assert all(isinstance(message, CheckMessage) for message in messages)
        assert not [message for message in messages if message.is_serious()]

    def test_shows_its_alias_and_no_option(self, embedder: BaseEmbedder) -> None:
        shown = f"{embedder!r} {embedder}"
        assert embedder.alias in shown
        for value in embedder.options.values():
            assert not isinstance(value, str) or value not in shown
