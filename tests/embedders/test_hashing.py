"""`HashingEmbedder`: the same vectors everywhere, and no zeros."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.test.embedders import EmbedderConformance

TEXT = "Two friends rob a bank, and un pingüino sees it 🐧"


def embedder_of(dimensions: int = 384, model: str = "hashing") -> HashingEmbedder:
    return HashingEmbedder("default", {"MODEL": model, "DIMENSIONS": dimensions})


class TestConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> HashingEmbedder:
        return HashingEmbedder("default", {"BATCH_SIZE": 5})


def test_it_says_that_it_is_lexical() -> None:
    assert HashingEmbedder.lexical
    assert "Lexical" in str(HashingEmbedder.__doc__)


def test_shared_words_bring_texts_together() -> None:
    space, more_space, bank = embedder_of().embed(
        ["a crew lost in space", "The crew is LOST in space!", "robbers of a bank"]
    )
    assert space @ more_space > 0.7
    assert abs(space @ bank) < 0.4


def test_models_hash_differently() -> None:
    one, two = (embedder_of(model=model).embed_query(TEXT) for model in ("one", "two"))
    assert abs(one @ two) < 0.3


def test_every_process_gives_the_same_vectors() -> None:
    code = (
        "from hybrid_store.embedders.hashing import HashingEmbedder;"
        f"print(HashingEmbedder('x', {{}}).embed_query({TEXT!r}).tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == embedder_of().embed_query(TEXT).tobytes().hex()


@given(text=st.text(min_size=1), dimensions=st.sampled_from([1, 2, 3, 384]))
def test_no_text_gives_zero(text: str, dimensions: int) -> None:
    assume(not text.isspace())
    vector = embedder_of(dimensions).embed_query(text)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
