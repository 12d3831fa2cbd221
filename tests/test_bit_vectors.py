"""`BitVector` and its codec, without any database."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pgvector
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import VectorValueError
from hybrid_store.vectors import BIT, BitVector

bits = st.lists(st.booleans(), min_size=1, max_size=40)


@given(values=bits)
def test_bits_survive_every_form(values: list[bool]) -> None:
    vector, length = BitVector(values), len(values)
    assert vector.to_bytes() == np.packbits(values).tobytes()
    assert vector.to_text() == "".join("01"[bit] for bit in values)
    for again in (
        BitVector(vector),
        BitVector(vector.to_list()),
        BitVector(np.asarray(vector)),
        BitVector(vector.to_bytes(), length),
        BIT.parse(vector.to_text()),
        BIT.parse(vector.to_bytes(), length),
        BIT.decode(BIT.encode(vector), length),
        BIT.parse(pgvector.Bit(values)),
        pickle.loads(pickle.dumps(vector)),  # noqa: S301
        copy.deepcopy(vector),
    ):
        assert again == vector
        assert hash(again) == hash(vector)
        assert again.to_list() == values


@given(left=bits, right=bits)
def test_equality_is_a_plain_boolean(left: list[bool], right: list[bool]) -> None:
    a = BitVector(left)
    assert (a == BitVector(right)) is (left == right)
    assert (a == right) is (left == right)
    assert (a == list(map(int, right))) is (left == right)


def test_bits_are_a_sequence_of_booleans() -> None:
    vector = BitVector("101")
    assert (len(vector), vector.dimensions, list(vector)) == (3, 3, [True, False, True])
    assert (vector[0], vector[-2], vector[1:]) == (True, False, [False, True])
    assert type(vector[0]) is bool
    assert bool(BitVector("0")) is True
    assert (BitVector("00").is_zero(), vector.is_zero()) == (True, False)
    assert vector != "101"
    assert BitVector("1") != BitVector("10")


def test_bits_cannot_be_changed() -> None:
    source = bytearray(b"\xf0")
    vector = BitVector(source)
    source[0] = 0
    assert vector.to_text() == "11110000"
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(vector)[0] = False


def test_bits_are_shown_short() -> None:
    assert repr(BitVector("0110")) == "<BitVector 0110 (4 bits)>"
    assert str(BitVector("10" * 32)) == "1010101010101010… (64 bits)"


@pytest.mark.parametrize(
    ("value", "dimensions", "fault"),
    [
        ("", None, "at least one bit"),
        ([], None, "at least one bit"),
        (b"", None, "at least one bit"),
        ("01 1", None, "zeros and ones, found ' '"),
        ("x01", None, "found 'x'"),
        ("\N{ARABIC-INDIC DIGIT ONE}", None, "zeros and ones, found"),
        ([0, 1, 2], None, "position 2 is 2, neither 0 nor 1"),
        (np.packbits([1, 0, 1]), None, r"packed into an array are given as its tobytes\(\)"),
        ([0.0, 1.0], None, "got float64: say which are ones, as in array > 0"),
        (["0", "1"], None, "expected zeros and ones"),
        ([1, None], None, "expected zeros and ones"),
        ([[1], [0]], None, r"shape \(2, 1\)"),
        ([[1], [0, 1]], None, "not a sequence of zeros and ones"),
        (None, None, r"shape \(\)"),
        ({0: 1}, None, "got a dictionary"),
        (7, None, r"shape \(\)"),
        (b"\x01", 9, "expected 2 bytes that hold 9 bits, got 1"),
        (b"\x01", 7, "the last 1 bits of the last byte must be zero"),
        ("101", 4, "expected 4 bits, got 3"),
        (BitVector("101"), 4, "expected 4 bits, got 3"),
    ],
)
def test_what_is_no_vector_of_bits_is_refused(value: Any, dimensions: Any, fault: str) -> None:
    with pytest.raises(VectorValueError, match=fault):
        BIT.parse(value, dimensions)


def test_a_length_must_be_that_of_the_bits() -> None:
    assert BitVector(b"\xa0", 3) == BitVector("101", 3)
    with pytest.raises(VectorValueError, match="expected 4 bits, got 3"):
        BitVector("101", 4)


def test_the_mean_of_bits_is_none() -> None:
    with pytest.raises(VectorValueError, match="bit vectors have no mean"):
        BIT.mix([(BitVector("1"), 1.0)], [])
