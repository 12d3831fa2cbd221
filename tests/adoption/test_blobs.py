"""Reading stored values, and judging them, without a database."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from hybrid_store.operations.blobs import DTYPES, UnfitError, VectorReader
from hybrid_store.operations.diagnosis import (
    Diagnosis,
    checked_on_bad,
    is_evenly_spread,
)
from hybrid_store.vectors import HALF, SINGLE, Vector

READER = VectorReader(SINGLE, 384)


def embedding(generator: np.random.Generator, dimensions: int = 384) -> Any:
    """Numbers as a model gives them: bell-shaped, brought to length 1."""
    values = generator.normal(size=dimensions).astype(np.float32)
    return values / np.linalg.norm(values)


def fault_of(reader: VectorReader, value: Any) -> str:
    with pytest.raises(UnfitError) as caught:
        reader.read(value)
    return caught.value.kind


def is_ambiguous(value: Any) -> bool:
    try:
        READER.read(value)
    except UnfitError as error:
        return error.kind == "ambiguous"
    return False


class TestReading:
    @given(
        st_numpy.arrays(
            np.float32,
            384,
            elements=st.floats(-4, 4, width=32, allow_subnormal=False).filter(
                lambda x: x == 0 or abs(x) > 1e-4
            ),
        ),
        st.sampled_from(["float32", "float64"]),
    )
    def test_the_float_type_is_told_by_the_length(self, values: Any, form: str) -> None:
        stored = READER.read(values.astype(form).tobytes())
        assert stored is not None
        assert stored.form == form
        assert stored.vector == values

    def test_half_precision_text_and_lists(self, seed: int) -> None:
        values = embedding(np.random.default_rng(seed))
        half = values.astype(np.float16)
        for value, expected in [
            (half.tobytes(), half),
            (memoryview(half.tobytes()), half),
            (json.dumps(values.tolist()), values),
            (values.tolist(), values),
            (Vector(values), values),
        ]:
            stored = READER.read(value)
            assert stored is not None
            assert stored.vector == expected.astype(np.float32)

    @pytest.mark.parametrize("value", [None, b"", "", []])
    def test_nothing_is_no_vector(self, value: Any) -> None:
        assert READER.read(value) is None

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (b"\0" * 383, "size"),
            (np.ones(383, "f4").tobytes(), "size"),
            ("[1, 2]", "size"),
            ([1.0] * 385, "size"),
            ("ready", "unreadable"),
            ('{"a": 1}', "unreadable"),
            ('"text"', "unreadable"),
            (["a"] * 384, "unreadable"),
            ([[1.0]] * 384, "unreadable"),
            ("[" * 100_000, "unreadable"),
            (np.full(384, np.nan, "f4").tobytes(), "not_finite"),
            (np.full(384, np.inf, "f8").tobytes(), "not_finite"),
            (np.full(384, 1e300, "f8").tobytes(), "not_finite"),
        ],
    )
    def test_what_is_no_vector_is_named(self, value: Any, kind: str) -> None:
        assert fault_of(READER, value) == kind

    def test_too_large_for_half_precision(self) -> None:
        assert fault_of(VectorReader(HALF, 3), np.full(3, 1e5, "f4").tobytes()) == "not_finite"

    def test_a_named_type_is_the_only_one(self) -> None:
        reader = VectorReader(SINGLE, 384, "float64")
        assert fault_of(reader, np.ones(384, "f4").tobytes()) == "size"
        assert reader.read(np.ones(384, "f8").tobytes()) is not None

    def test_little_endian_whatever_the_machine(self) -> None:
        stored = VectorReader(SINGLE, 2).read(b"\0\0\x80\x3f\0\0\0\xc0")
        assert stored is not None
        assert stored.vector == [1.0, -2.0]
        assert {dtype.newbyteorder("<") for dtype in DTYPES.values()} == set(DTYPES.values())


class TestAmbiguity:
    """The field's dimensions and the length agree, but the numbers make sense otherwise only."""

    @pytest.mark.parametrize(
        ("stored", "dimensions"),
        [
            ("float32", 768),  # has the length of 384 float64
            ("float64", 192),  # has the length of 384 float32
            ("float32", 192),  # has the length of 384 float16
        ],
    )
    def test_another_dimension_is_noticed(self, stored: str, dimensions: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        blobs = [embedding(generator, dimensions).astype(stored).tobytes() for _ in range(200)]
        # Of float32 read as float16, 1 row in 400 happens to have no NaN. Its column has others.
        assert sum(is_ambiguous(blob) for blob in blobs) >= 190

    def test_a_named_type_settles_it(self, seed: int) -> None:
        data = embedding(np.random.default_rng(seed), 768).tobytes()
        with pytest.raises(UnfitError, match="sensible as 768 of float32"):
            READER.read(data)
        assert VectorReader(SINGLE, 384, "float64").read(data) is not None

    def test_random_numbers_of_another_dimension(self, seed: int) -> None:
        values = np.random.default_rng(seed).random(192)
        assert fault_of(READER, values.tobytes()) == "ambiguous"

    @pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0, 1e5])
    def test_vectors_of_the_right_dimension_are_never_ambiguous(
        self, scale: float, seed: int
    ) -> None:
        generator = np.random.default_rng(seed)
        for form in DTYPES:
            values = (embedding(generator) * min(scale, 1e3)).astype(form)
            assert READER.read(values.tobytes()) is not None

    def test_tiny_numbers_that_make_sense_no_other_way_are_taken(self) -> None:
        values = np.full(384, 1e-20, "f4")
        assert READER.read(values.tobytes()) is not None


def diagnosed(vectors: list[Any], texts: list[str | None] | None = None) -> dict[str, list[Any]]:
    diagnosis = Diagnosis()
    for key, values in enumerate(vectors):
        text = texts[key] if texts else f"text {key}"
        diagnosis.add(key, Vector(values), "float32", text)
    return diagnosis.faults()


class TestSuspicions:
    def test_embeddings_are_not_suspected(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        assert diagnosed([embedding(generator) for _ in range(500)]) == {}

    def test_embeddings_of_words_are_not_suspected(self) -> None:
        from hybrid_store.embedders import embedders

        texts = [f"{word} {n}" for n in range(100) for word in ("space", "love", "war")]
        assert diagnosed(list(embedders["default"].embed(texts))) == {}

    @pytest.mark.parametrize("dimensions", [256, 384, 1536])
    def test_the_most_even_bell_shape_is_not_suspected(self, dimensions: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        for _ in range(200):
            values = generator.normal(size=dimensions).clip(-2.2, 2.2)
            assert not is_evenly_spread(values.astype(np.float32))

    def test_random_numbers_are(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        vectors = [embedding(generator) for _ in range(40)]
        vectors[3] = generator.random(384)
        vectors[7] = generator.uniform(-1, 1, 384)
        evenly = generator.random(384)
        vectors[11] = evenly / np.linalg.norm(evenly)
        vectors[13] = generator.normal(size=384)
        # One draw in 1,000 is too uneven to be noticed by its shape alone.
        assert set(diagnosed(vectors)["random"]) >= {3, 7, 13}
        assert set(diagnosed(vectors)["random"]) <= {3, 7, 11, 13}

    def test_lengths_are_compared_only_where_nearly_all_are_one(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        vectors = [embedding(generator) * scale for scale in np.linspace(1, 9, 40)]
        assert diagnosed(vectors) == {}

    def test_short_vectors_are_not_judged_by_their_shape(self, seed: int) -> None:
        assert not is_evenly_spread(np.random.default_rng(seed).random(255).astype(np.float32))
        assert not is_evenly_spread(np.zeros(384, dtype=np.float32))

    def test_repetition_needs_different_or_unknown_texts(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        a, b, c = (embedding(generator) for _ in range(3))
        vectors = [a, b, a, c, b, a]
        assert diagnosed(vectors, ["x", "y", "x", "z", "w", "x"]) == {"repeated": [1, 4]}
        assert diagnosed(vectors, [None] * 6) == {"repeated": [0, 2, 5, 1, 4]}


class TestWhatToDo:
    def test_what_is_not_said_is_refused(self) -> None:
        actions = checked_on_bad({"zero": "null", "repeated": "keep"})
        assert (actions["zero"], actions["repeated"]) == ("null", "keep")
        assert actions["size"] == actions["missing"] == "refuse"
        assert set(checked_on_bad("refuse").values()) == {"refuse"}
        assert checked_on_bad("null")["random"] == "null"

    @pytest.mark.parametrize(
        "on_bad", ["keep", "ignore", {"size": "keep"}, {"nonsense": "null"}, {"missing": "null"}]
    )
    def test_what_cannot_be_done_is_refused(self, on_bad: Any) -> None:
        with pytest.raises(ValueError, match="on_bad cannot say"):
            checked_on_bad(on_bad)
