"""What looks random, and what must not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.management.lint.randomness import looks_normal, looks_uniform
from hybrid_store.management.lint.vectors import Held, hold, of_bytes
from tests.docs.pages import ROOT
from tests.docs.site import HAS_WEIGHTS

SIZES = [(30, 32), (60, 128), (60, 384), (40, 1536)]


def looks_random(vectors: Any) -> bool:
    return bool(looks_uniform(vectors) or looks_normal(vectors))


def texts() -> list[str]:
    """Descriptions of films."""
    films = json.loads((ROOT / "demo" / "films" / "data" / "films.json").read_text())
    return [film["description"] for film in films][:120]


@pytest.mark.parametrize(("rows", "dimensions"), SIZES)
class TestRandom:
    def test_uniform(self, rows: int, dimensions: int, seed: int) -> None:
        vectors = np.random.default_rng(seed).random((rows, dimensions))
        looks = looks_uniform(vectors)
        # Each is judged alone where it is long enough; 1 in 1,000 passes unnoticed.
        assert looks is not None
        assert looks.rows >= 0.9 * rows

    def test_normal(self, rows: int, dimensions: int, seed: int) -> None:
        vectors = np.random.default_rng(seed).normal(size=(rows, dimensions))
        assert looks_uniform(vectors) is None
        # Few rows have, now and then, a pair that is near by chance.
        assert looks_normal(vectors) is not None or dimensions < 128

    def test_normal_with_topics(self, rows: int, dimensions: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        topics = random.normal(size=(5, dimensions))
        vectors = random.normal(size=(rows, dimensions)) + topics[np.arange(rows) % 5]
        assert not looks_random(vectors)


def test_rows_that_are_near_each_other_are_no_chance(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(60, 384))
    vectors[1] = vectors[0] + 0.3 * vectors[1]
    assert not looks_random(vectors)


def test_rows_that_are_made_orthogonal_are_no_chance(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(384, 60))
    assert not looks_random(np.linalg.qr(vectors)[0].T)


def test_vectors_that_all_lean_to_one_side_are_no_chance() -> None:
    vectors = np.random.default_rng(1).normal(size=(60, 384)) + 0.16
    assert looks_normal(vectors - 0.16)
    assert not looks_random(vectors)


def test_embeddings_of_a_model_do_not_look_random() -> None:
    if not HAS_WEIGHTS:
        pytest.skip("needs the weights of MiniLM")
    from hybrid_store.embedders.minilm import MiniLMEmbedder

    embedder = MiniLMEmbedder("lint", {"MODEL": "all-MiniLM-L6-v2", "DIMENSIONS": 384})
    assert not looks_random(np.asarray(embedder.embed(texts()[:60])))


@pytest.mark.parametrize("dimensions", [32, 384, 1536])
def test_hashed_words_do_not_look_random(dimensions: int) -> None:
    embedder = HashingEmbedder("lint", {"MODEL": "hashing", "DIMENSIONS": dimensions})
    assert not looks_random(np.asarray(embedder.embed(texts())))


def test_golden_vectors_of_a_model_do_not_look_random() -> None:
    golden = np.load(ROOT / "tests" / "embedders" / "data" / "all-MiniLM-L6-v2.npy")
    assert not looks_random(golden)


@given(
    st_numpy.arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.integers(16, 64)),
        elements=st.floats(-1e5, 1e5, width=32, allow_subnormal=False).filter(
            lambda x: x == 0 or abs(x) > 1e-5
        ),
    )
)
def test_float32_is_never_taken_for_float64(vectors: Any) -> None:
    assume(vectors.any())
    held = hold(((key, row.tobytes()) for key, row in enumerate(vectors)), of_bytes)
    assert held is not None
    assert held.forms == {"float32": len(vectors)}
    assert held.size == vectors.shape[1]


@given(st.lists(st.binary(max_size=300), max_size=12))
def test_any_bytes_can_be_looked_at(blobs: list[bytes]) -> None:
    held = hold(enumerate(blobs), of_bytes)
    assert held is None or isinstance(held, Held)
    assert held is None or held.count <= len(blobs)


def test_what_makes_sense_as_both_is_what_the_others_are() -> None:
    """Numbers of few bits are, as float64, sensible float32 numbers and zeros in turn."""
    plain, real = np.full(32, 0.5), np.random.default_rng(1).random(32)
    for rows, form in (([plain, plain], "float32"), ([plain, real, plain], "float64")):
        held = hold(((key, row.tobytes()) for key, row in enumerate(rows)), of_bytes)
        assert held is not None
        assert held.forms == {form: len(rows)}


def test_float64_of_a_model_is_told(seed: int) -> None:
    """Numbers that were float32 before have zeros where float32 would look for exponents."""
    values = np.random.default_rng(seed).normal(size=(20, 384))
    for array in (values, values.astype(np.float32).astype(np.float64)):
        held = hold(((key, row.tobytes()) for key, row in enumerate(array)), of_bytes)
        assert held is not None
        assert held.forms == {"float64": 20}
