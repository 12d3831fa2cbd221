"""The encoder: the parts that have a formula to be held against."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.embedders.bert import (
    ATTENTION_CELLS,
    POOLINGS,
    BertConfig,
    Norm,
    Packed,
    gelu,
    normalized,
    softmax,
)

CONFIG = BertConfig(
    architecture="bert", hidden=4, layers=1, heads=1, positions=512, padding=1, epsilon=1e-12
)


def test_gelu_is_exact_to_single_precision() -> None:
    x = np.linspace(-12, 12, 100_001, dtype=np.float32)
    exact = np.array([value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x.tolist()])
    assert np.abs(gelu(x.copy()[None])[0] - exact).max() < 1e-6


def test_gelu_of_extremes_is_finite() -> None:
    x = np.array([[-3e38, -100.0, -0.0, 0.0, 100.0, 3e38]], dtype=np.float32)
    with np.errstate(over="ignore"):
        assert gelu(x).tolist()[0] == pytest.approx([0, 0, 0, 0, 100, 3e38])


def test_softmax_survives_large_scores() -> None:
    x = np.array([[1e4, 1e4, -1e4]], dtype=np.float32)
    assert softmax(x).tolist() == [[0.5, 0.5, 0]]


def test_norm_gives_mean_zero_and_variance_one() -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4) ** 2
    rows = Norm(np.ones(4, np.float32), np.zeros(4, np.float32), 1e-12)(x)
    assert np.allclose(rows.mean(axis=1), 0, atol=1e-6)
    assert np.allclose(rows.var(axis=1), 1, atol=1e-5)


def test_rows_get_length_one_and_zero_stays_zero() -> None:
    x = np.array([[3, 4], [0, 0]], dtype=np.float32)
    assert np.allclose(normalized(x), [[0.6, 0.8], [0.0, 0.0]])


def test_positions_of_bert_count_from_zero() -> None:
    assert CONFIG.numbered(np.array([0, 5, 1, 2])).tolist() == [0, 1, 2, 3]
    assert CONFIG.room == 512


@pytest.mark.parametrize("architecture", ["roberta", "xlm-roberta", "camembert"])
def test_positions_of_roberta_count_from_the_padding_id(architecture: str) -> None:
    config = replace(CONFIG, architecture=architecture)
    # The third token is one of padding, written out in the text.
    assert config.numbered(np.array([0, 5, 1, 2])).tolist() == [2, 3, 1, 4]
    assert config.room == 510


lengths = st.lists(st.integers(min_value=1, max_value=12), min_size=1, max_size=12).map(sorted)


@given(lengths)
def test_runs_cover_all_rows_with_texts_of_one_length(lengths: list[int]) -> None:
    packed = Packed.of([[7] * length for length in lengths], CONFIG)
    covered = [
        length for rows, length in packed.runs() for _ in range((rows.stop - rows.start) // length)
    ]
    assert covered == lengths
    stops = [rows.stop for rows, _ in packed.runs()]
    assert [rows.start for rows, _ in packed.runs()] == [0, *stops[:-1]]
    assert stops[-1] == sum(lengths)


def test_runs_of_long_texts_are_divided() -> None:
    packed = Packed.of([[7] * 256] * 3, CONFIG)
    assert ATTENTION_CELLS // 256**2 == 1
    assert [rows for rows, _ in packed.runs()] == [slice(0, 256), slice(256, 512), slice(512, 768)]


@given(lengths)
def test_pooling_sees_each_text_by_itself(lengths: list[int]) -> None:
    packed = Packed.of([[7] * length for length in lengths], CONFIG)
    hidden = np.random.default_rng(7).normal(size=(sum(lengths), 4)).astype(np.float32)
    texts = np.split(hidden, packed.starts[1:])
    for mode, pooled in (
        ("cls", np.array([text[0] for text in texts])),
        ("mean", np.array([text.mean(axis=0) for text in texts])),
        ("max", np.array([text.max(axis=0) for text in texts])),
    ):
        assert np.allclose(POOLINGS[mode](hidden, packed), pooled, atol=1e-6)
