"""The encoder of BERT and its relatives, forward only, in NumPy.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2018); names of weights are
those of the `transformers` library. Everything is float32.

The tokens of a batch are packed one text after the other into one (tokens, hidden) matrix, so
nothing is padded and nothing needs a mask: attention runs over texts of equal length together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hybrid_store.vectors import FloatArray

__all__ = ["ARCHITECTURES", "POOLINGS", "Bert", "BertConfig", "Packed", "normalized"]

GELU_ROWS = 64
"""Rows of `gelu` computed at a time: the temporary values then stay in the processor's cache."""

ATTENTION_CELLS = 1 << 16
"""Cells (texts x length x length) of a head's attention computed at a time, for the same reason."""


ARCHITECTURES: dict[str, bool] = {
    "bert": False,
    "camembert": True,
    "roberta": True,
    "xlm-roberta": True,
}
"""`model_type` -> does it count positions from the padding id, and tokens of padding not at all?"""


@dataclass(frozen=True)
class BertConfig:
    """The shape of an encoder, as in its `config.json`."""

    architecture: str
    hidden: int
    layers: int
    heads: int
    positions: int
    padding: int
    epsilon: float

    @property
    def room(self) -> int:
        """Tokens of the longest text that there are positions for."""
        first = self.padding + 1 if ARCHITECTURES[self.architecture] else 0
        return self.positions - first

    def numbered(self, ids: NDArray[np.intp]) -> NDArray[np.intp]:
        """The positions of the tokens of one text."""
        if not ARCHITECTURES[self.architecture]:
            return np.arange(len(ids))
        counted = ids != self.padding
        positions: NDArray[np.intp] = np.cumsum(counted) * counted + self.padding
        return positions


@dataclass(frozen=True)
class Packed:
    """Texts as token ids, one after the other, shortest first."""

    ids: NDArray[np.intp]
    positions: NDArray[np.intp]
    lengths: NDArray[np.intp]

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]], config: BertConfig) -> Packed:
        """`texts` must be sorted by length and none may be empty."""
        arrays = [np.asarray(text, dtype=np.intp) for text in texts]
        return cls(
            ids=np.concatenate(arrays),
            positions=np.concatenate([config.numbered(array) for array in arrays]),
            lengths=np.array([len(array) for array in arrays], dtype=np.intp),
        )

    @property
    def starts(self) -> NDArray[np.intp]:
        return np.cumsum(self.lengths) - self.lengths

    def runs(self) -> Iterator[tuple[slice, int]]:
        """Slices of the packed rows that hold texts of one length, and that length."""
        start = 0
        for length, equal in groupby(self.lengths.tolist()):
            left = sum(1 for _ in equal)
            while left:
                count = min(left, max(1, ATTENTION_CELLS // length**2))
                yield slice(start, start + count * length), length
                start += count * length
                left -= count


class Linear:
    """x @ weight.T + bias, for (out, in) weights as they are stored."""

    def __init__(self, weight: FloatArray, bias: FloatArray) -> None:
        # BLAS multiplies by a matrix that lies the right way round a third faster.
        self.weight = np.ascontiguousarray(weight.T)
        self.bias = bias

    def __call__(self, x: FloatArray) -> FloatArray:
        result: FloatArray = x @ self.weight
        result += self.bias
        return result


@dataclass(frozen=True)
class Norm:
    """Layer normalisation over the last axis, in place."""

    weight: FloatArray
    bias: FloatArray
    epsilon: float

    def __call__(self, x: FloatArray) -> FloatArray:
        x -= x.mean(axis=-1, keepdims=True)
        variance = np.einsum("ij,ij->i", x, x) / np.float32(x.shape[-1])
        x *= (1 / np.sqrt(variance + np.float32(self.epsilon)))[:, None]
        x *= self.weight
        x += self.bias
        return x


def gelu(x: FloatArray) -> FloatArray:
    """x * P(N(0, 1) <= x), in place, for a (rows, n) array.

    By erfc as in Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26, whose
    absolute error is at most 1.5e-7.
    """
    for start in range(0, len(x), GELU_ROWS):
        rows = x[start : start + GELU_ROWS]
        size = np.abs(rows)
        t = 1 / (1 + GELU_P * size)
        tail = np.full_like(t, GELU_A[0])
        for coefficient in GELU_A[1:]:
            tail *= t
            tail += coefficient
        tail *= t
        tail *= np.exp(rows * rows * np.float32(-0.5))
        tail *= size
        np.maximum(rows, 0, out=rows)
        rows -= tail
    return x


GELU_P = np.float32(0.3275911 / math.sqrt(2))
GELU_A = [
    # Halved, because the normal distribution's tail is erfc / 2.
    np.float32(a / 2)
    for a in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
]


def softmax(x: FloatArray) -> FloatArray:
    """Over the last axis, in place."""
    x -= x.max(axis=-1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=-1, keepdims=True)
    return x


class Layer:
    """Self-attention and the feed-forward network behind it."""

    def __init__(self, weights: Mapping[str, FloatArray], prefix: str, config: BertConfig) -> None:
        def linear(name: str) -> Linear:
            return Linear(weights[f"{prefix}{name}.weight"], weights[f"{prefix}{name}.bias"])

        def norm(name: str) -> Norm:
            name = f"{prefix}{name}.LayerNorm"
            return Norm(weights[f"{name}.weight"], weights[f"{name}.bias"], config.epsilon)

        self.heads = config.heads
        self.project = self._fused(weights, f"{prefix}attention.self.")
        self.attended = linear("attention.output.dense")
        self.attended_norm = norm("attention.output")
        self.widen = linear("intermediate.dense")
        self.narrow = linear("output.dense")
        self.narrow_norm = norm("output")

    def _fused(self, weights: Mapping[str, FloatArray], prefix: str) -> Linear:
        """Queries, keys and values in one product; queries already divided by sqrt(head size)."""
        parts = [f"{prefix}{name}" for name in ("query", "key", "value")]
        weight = np.concatenate([weights[f"{part}.weight"] for part in parts])
        bias = np.concatenate([weights[f"{part}.bias"] for part in parts])
        hidden = len(bias) // 3
        scale = np.float32(1 / math.sqrt(hidden / self.heads))
        weight[:hidden] *= scale
        bias[:hidden] *= scale
        return Linear(weight, bias)

    def __call__(self, x: FloatArray, packed: Packed) -> FloatArray:
        attended = self.attended(self.attention(x, packed))
        attended += x
        x = self.attended_norm(attended)
        result = self.narrow(gelu(self.widen(x)))
        result += x
        return self.narrow_norm(result)

    def attention(self, x: FloatArray, packed: Packed) -> FloatArray:
        projected = self.project(x)
        result = np.empty_like(x)
        for rows, length in packed.runs():
            # (3, texts, heads, length, head size), a view.
            parts = projected[rows].reshape(-1, length, 3, self.heads, x.shape[1] // self.heads)
            query, key, value = parts.transpose(2, 0, 3, 1, 4)
            mixed = softmax(query @ key.swapaxes(-1, -2)) @ value
            result[rows] = mixed.swapaxes(1, 2).reshape(-1, x.shape[1])
        return result


class Bert:
    """Token ids to one vector a token."""

    def __init__(self, weights: Mapping[str, FloatArray], config: BertConfig) -> None:
        """`weights` by their names without the model's prefix; KeyError names a missing one."""
        self.config = config
        self.words = weights["embeddings.word_embeddings.weight"]
        # Every token is of type 0, so its embedding is added once, here.
        self.places = (
            weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        norm = "embeddings.LayerNorm"
        self.norm = Norm(weights[f"{norm}.weight"], weights[f"{norm}.bias"], config.epsilon)
        self.layers = [
            Layer(weights, f"encoder.layer.{number}.", config) for number in range(config.layers)
        ]

    def __call__(self, packed: Packed) -> FloatArray:
        """The last hidden state, float32 of shape (tokens, hidden)."""
        x = self.norm(self.words[packed.ids] + self.places[packed.positions])
        for layer in self.layers:
            x = layer(x, packed)
        return x


def first(hidden: FloatArray, packed: Packed) -> FloatArray:
    return hidden[packed.starts]


def mean(hidden: FloatArray, packed: Packed) -> FloatArray:
    total: FloatArray = np.add.reduceat(hidden, packed.starts, axis=0)
    total /= packed.lengths[:, None].astype(np.float32)
    return total


def largest(hidden: FloatArray, packed: Packed) -> FloatArray:
    result: FloatArray = np.maximum.reduceat(hidden, packed.starts, axis=0)
    return result


POOLINGS: dict[str, Callable[[FloatArray, Packed], FloatArray]] = {
    "cls": first,
    "mean": mean,
    "max": largest,
}
"""Pooling mode -> (tokens, hidden) to (texts, hidden)."""


def normalized(x: FloatArray) -> FloatArray:
    """Rows brought to length 1, in place; a row of zeros stays one."""
    lengths: FloatArray = np.sqrt(np.einsum("ij,ij->i", x, x))
    x /= np.maximum(lengths, np.float32(1e-12))[:, None]
    return x
