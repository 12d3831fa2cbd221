"""`Vector` and its codecs, without any database."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from hybrid_store.exceptions import VectorValueError
from hybrid_store.vectors import HALF, SINGLE, Vector

finite = st_numpy.arrays(
    np.float32,
    st.integers(1, 20),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)


@given(values=finite)
def test_a_vector_survives_every_form_bit_for_bit(values: Any) -> None:
    vector = Vector(values)
    for again in (
        Vector(vector.to_list()),
        SINGLE.parse(vector.to_text()),
        SINGLE.decode(SINGLE.encode(vector), len(vector)),
        SINGLE.parse(SINGLE.encode(vector)),
        pickle.loads(pickle.dumps(vector)),  # noqa: S301
        copy.deepcopy(vector),
    ):
        assert again.to_numpy().tobytes() == values.tobytes()
        assert again == vector
        assert hash(again) == hash(vector)


@given(left=finite, right=finite)
def test_equality_is_a_plain_boolean_and_agrees_with_hashes(left: Any, right: Any) -> None:
    a, b = Vector(left), Vector(right)
    assert (a == b) is bool(np.array_equal(left, right))
    assert (a == left) is True
    assert (left.tolist() == a) is True
    if a == b:
        assert hash(a) == hash(b)


def test_a_vector_is_a_sequence_of_floats() -> None:
    vector = Vector([1, 2, 3])
    assert (len(vector), vector.dimensions, list(vector), vector[1], vector[-1]) == (
        3,
        3,
        [1.0, 2.0, 3.0],
        2.0,
        3.0,
    )
    assert vector[:2] == [1.0, 2.0]
    assert 2 in vector
    assert bool(vector) is True
    assert bool(Vector([0])) is True
    assert type(vector[0]) is float
    assert vector != "text"
    assert vector != [1, 2]
    assert vector != ["a", "b", "c"]


def test_a_vector_cannot_be_changed() -> None:
    source = np.ones(3, dtype=np.float32)
    vector = Vector(source)
    source[0] = 9
    assert vector == [1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(vector)[0] = 9
    with pytest.raises(TypeError):
        vector[0] = 9  # type: ignore[index]


def test_numpy_reads_it_without_a_copy_and_copies_when_asked() -> None:
    vector = Vector([1, 2, 3])
    assert np.shares_memory(np.asarray(vector), vector.to_numpy())
    assert np.array(vector, dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(vector, copy=True), vector.to_numpy())
    assert Vector(vector).to_numpy() is vector.to_numpy()


@pytest.mark.parametrize(
    "values",
    [
        range(1, 4),
        (x for x in (1, 2, 3)),
        {1: "a", 2: "b", 3: "c"}.keys(),
        [Decimal(1), Fraction(2), 3],
        [np.float64(1), np.int8(2), 3],
    ],
)
def test_any_iterable_of_numbers_makes_a_vector(values: Any) -> None:
    assert Vector(values) == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ([], "at least one number"),
        ([[1.0]], "one dimension"),
        ([1, [2]], "not a sequence of numbers"),
        ([1, None], "None"),
        (["1"], "numbers"),
        ([1j], "expected numbers"),
        (np.array(["2026-01-01"], dtype="datetime64[D]"), "datetime64"),
        ([float("-inf")], "position 0 is -inf"),
        ([10**400], "not a sequence of numbers|too large"),
        ([1e39], "too large for float32"),
        (None, "None"),
        ({0: 1.0}, "got a dictionary"),
    ],
)
def test_what_is_no_vector_is_refused_with_the_fault(values: Any, fault: str) -> None:
    with pytest.raises(VectorValueError, match=fault):
        Vector(values)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "in brackets"),
        ("1, 2", "in brackets"),
        ("[" * 100_000, "in brackets"),
        ('{"a": 1}', "numbers"),
        ("[NaN]", "not finite"),
        (b"123", "multiple of 4 bytes"),
        (b"", "multiple of 4 bytes"),
    ],
)
def test_text_and_bytes_that_hold_no_vector_are_refused(value: Any, fault: str) -> None:
    with pytest.raises(VectorValueError, match=fault):
        SINGLE.parse(value)


def test_bytes_of_another_float_type_are_refused_with_a_hint() -> None:
    for dtype, name in [("<f8", "float64"), ("<f2", "float16")]:
        with pytest.raises(VectorValueError, match=f"the length of 5 values of {name}"):
            SINGLE.parse(np.ones(5, dtype=dtype).tobytes(), 5)


@given(values=finite)
def test_half_precision_rounds_as_numpy_or_refuses(values: Any) -> None:
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float16)
    if np.isfinite(rounded).all():
        vector = HALF.parse(values)
        assert vector == rounded.astype(np.float32)
        assert HALF.encode(vector) == rounded.tobytes()
        assert HALF.decode(HALF.encode(vector), len(vector)) == vector
    else:
        with pytest.raises(VectorValueError, match="too large for float16"):
            HALF.parse(values)
