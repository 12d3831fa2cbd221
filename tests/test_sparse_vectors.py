"""`SparseVector` and its codec, without any database."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pgvector
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import VectorValueError
from hybrid_store.vectors import SPARSE, SparseVector, Vector

SIZE = 30
elements = st.dictionaries(
    st.integers(0, SIZE - 1), st.floats(width=32, allow_nan=False, allow_infinity=False)
)


@given(values=elements)
def test_a_vector_survives_every_form_bit_for_bit(values: dict[int, float]) -> None:
    vector = SparseVector(values, SIZE)
    dense = np.zeros(SIZE, np.float32)
    dense[list(values)] = list(values.values())
    np.testing.assert_array_equal(np.asarray(vector), dense)
    assert vector.indices.tolist() == np.flatnonzero(dense).tolist()
    for again in (
        SparseVector(vector),
        SparseVector(dense),
        SparseVector(dense.tolist()),
        SparseVector(vector.to_dict(), SIZE),
        SparseVector(scipy.sparse.coo_array(dense)),
        SparseVector(scipy.sparse.csr_matrix(dense)),
        SparseVector(pgvector.SparseVector(values, SIZE)),
        SPARSE.parse(Vector(dense)),
        SPARSE.parse(values, SIZE),
        SPARSE.parse(vector.to_text()),
        SPARSE.parse(pgvector.SparseVector(values, SIZE).to_text()),
        SPARSE.parse(SPARSE.encode(vector)),
        SPARSE.decode(SPARSE.encode(vector), SIZE),
        pickle.loads(pickle.dumps(vector)),  # noqa: S301
        copy.deepcopy(vector),
    ):
        assert again == vector
        assert hash(again) == hash(vector)
        assert again.values.tobytes() == vector.values.tobytes()


@given(left=elements, right=elements)
def test_equality_is_a_plain_boolean(left: dict[int, float], right: dict[int, float]) -> None:
    a, b = SparseVector(left, SIZE), SparseVector(right, SIZE)
    same = {k: v for k, v in left.items() if v} == {k: v for k, v in right.items() if v}
    assert (a == b) is same
    assert (a == b.to_numpy()) is same
    assert (b.to_list() == a) is same
    assert a != SparseVector(left, SIZE + 1)


def test_a_sparse_vector_is_the_sequence_of_all_numbers() -> None:
    vector = SparseVector({3: -2, 1: 0.5, 2: 0}, 5)
    assert (len(vector), vector.dimensions, list(vector)) == (5, 5, [0, 0.5, 0, -2, 0])
    assert (vector[1], vector[-2], vector[4], vector[:2]) == (0.5, -2, 0, [0, 0.5])
    assert vector.to_dict() == {1: 0.5, 3: -2}
    assert vector.indices.dtype == np.int32
    assert vector.values.dtype == np.float32
    with pytest.raises(IndexError):
        vector[5]
    assert bool(SparseVector({}, 5)) is True
    assert (SparseVector({}, 5).is_zero(), vector.is_zero()) == (True, False)


def test_a_sparse_vector_cannot_be_changed() -> None:
    indices = np.array([0, 2])
    vector = SparseVector(scipy.sparse.coo_array((np.ones(2), (indices,)), shape=(3,)))
    indices[0] = 1
    assert vector == [1, 0, 1]
    for array in (vector.indices, vector.values, np.asarray(vector)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9


def test_a_sparse_vector_is_shown_short() -> None:
    assert str(SparseVector({}, 9)) == "{} (0 of 9 not zero)"
    shown = str(SparseVector(dict.fromkeys(range(8), 0.1), 10**9))
    assert shown == "{1:0.1, 2:0.1, 3:0.1, …} (8 of 1000000000 not zero)"
    assert SparseVector({0: 0.1, 2: 1e-8}, 3).to_text() == "{1:0.1,3:1e-08}/3"


def test_elements_of_scipy_that_are_given_twice_are_added() -> None:
    twice = scipy.sparse.coo_array(([1.0, 2.0, 3.0], ([0, 0, 0], [1, 1, 0])), shape=(1, 3))
    assert SparseVector(twice) == [3, 3, 0]
    assert twice.nnz == 3


def test_what_is_too_small_for_single_precision_is_zero() -> None:
    assert SparseVector({0: 1e-60, 1: 1}, 2).to_dict() == {1: 1}


@pytest.mark.parametrize(
    ("value", "dimensions", "fault"),
    [
        ({0: 1}, None, "needs the number of dimensions beside it"),
        ({0: 1}, "3", "expected integers as places and dimensions"),
        ({0: 1}, 0, "expected 1 to 1000000000 dimensions, got 0"),
        ({0: 1}, 10**9 + 1, "expected 1 to 1000000000 dimensions"),
        ({3: 1}, 3, "the place 3 is not among 3 dimensions, from 0"),
        ({10**30: 1}, 3, "is not among 3 dimensions"),
        ({0: "1"}, 3, "expected numbers"),
        ({0: True}, 3, "expected numbers"),
        ([], None, "expected 1 to 1000000000 dimensions, got 0"),
        ([[1]], None, r"shape \(1, 1\)"),
        (scipy.sparse.eye_array(2), None, r"shape \(2, 2\)"),
        (pgvector.SparseVector({0: float("nan")}, 2), None, "position 0 is nan"),
        ([1, 2], 3, "expected 3 dimensions, got 2"),
        (range(16_001), None, None),
        (range(1, 16_002), None, "16001 numbers are not zero; a sparse vector holds 16000"),
        (None, None, "None|shape"),
        ("word", None, "expected numbers"),
    ],
)
def test_what_is_no_sparse_vector_is_refused(value: Any, dimensions: Any, fault: Any) -> None:
    if fault is None:
        assert SparseVector(value, dimensions).indices.size == 16_000
        return
    with pytest.raises(VectorValueError, match=fault):
        SparseVector(value, dimensions)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "expected places from 1"),
        ("{}", "expected places from 1"),
        ("{1}/2", "expected places from 1"),
        ("{1:x}/2", "expected places from 1"),
        ("{1:2,}/2", "expected places from 1"),
        ("{1:2}/" + "9" * 5000, "expected places from 1"),
        ("{3:1}/2", "the place 2 is not among 2 dimensions"),
        ("{2:1,2:3}/2", "the place 1 is given twice"),
        (b"", "0 bytes are no sparse vector"),
        (bytes(8), "8 bytes are no sparse vector"),
        (bytes(4), "got 0"),
        (np.array([5, -1, 0], "<i4").tobytes(), "the place -1 is not"),
    ],
)
def test_text_and_bytes_that_hold_no_vector_are_refused(value: Any, fault: str) -> None:
    with pytest.raises(VectorValueError, match=fault):
        SPARSE.parse(value)


@given(like=st.lists(elements, min_size=1, max_size=3), unlike=st.lists(elements, max_size=3))
def test_the_mean_is_that_of_all_numbers(like: Any, unlike: Any) -> None:
    small = [
        [SparseVector({k: float(np.tanh(v)) for k, v in row.items()}, SIZE) for row in rows]
        for rows in (like, unlike)
    ]
    mean, other = (np.mean([v.to_numpy() for v in rows], axis=0) if rows else 0 for rows in small)
    expected = mean + (mean - other) if unlike else mean
    weighted = [[(vector, 2.0) for vector in rows] for rows in small]
    np.testing.assert_allclose(SPARSE.mix(*weighted).to_numpy(), expected, atol=1e-5)
