"""No row is nearer, as SQLite computes it, than its bound says."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hybrid_store.backends.sqlite import dense
from hybrid_store.backends.sqlite.engine.bounds import METRICS, upper_scores
from hybrid_store.backends.sqlite.engine.codes import Codes, encode
from hybrid_store.backends.sqlite.engine.kernels import Kernel, NumkongKernel, NumPyKernel
from hybrid_store.vectors import SINGLE, FloatArray

KERNELS: list[Kernel] = [NumPyKernel(), *([NumkongKernel()] if find_spec("numkong") else [])]
MOST = float(np.float32(1e18))


same_kernels = partial(
    pytest.mark.parametrize, "kernel", KERNELS, ids=lambda each: type(each).__name__
)


@st.composite
def matrices(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    """Rows and a query: of any size of numbers, of the same one, or nearly alike."""
    dimensions = draw(st.integers(1, 40))
    rows = draw(st.integers(1, 12))
    numbers = st.floats(-MOST, MOST, width=32)
    matrix = draw(arrays(np.float32, (rows + 1, dimensions), elements=numbers, fill=st.just(0.0)))
    kind = draw(st.sampled_from(["any", "random", "alike"]))
    if kind != "any":
        random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        scale = np.float32(10.0 ** draw(st.integers(-14, 14)))
        matrix = random.standard_normal((rows + 1, dimensions)).astype(np.float32) * scale
        if kind == "alike":
            matrix = matrix[:1] + matrix * np.float32(10.0 ** draw(st.integers(-8, -1)))
    return matrix[1:], matrix[0]


def scores(metric: str, vectors: FloatArray, near: FloatArray) -> list[float]:
    """As the SQL function computes the distances; minus infinity where there is none."""
    with np.errstate(all="ignore"):
        compare = dense.distances(SINGLE)[metric](near.tobytes())
        distances = [compare(row.tobytes()) for row in vectors]
    score = METRICS[metric].score
    return [-np.inf if d is None or np.isnan(d) else score(float(d)) for d in distances]


def bounds(metric: str, codes: Codes, near: FloatArray, kernel: Kernel) -> Any:
    with np.errstate(all="ignore"):
        return upper_scores(metric, codes, kernel.query(near), kernel)


@same_kernels()
@pytest.mark.parametrize("metric", METRICS)
@given(given=matrices())
def test_no_score_exceeds_its_bound(
    kernel: Kernel, metric: str, given: tuple[FloatArray, FloatArray]
) -> None:
    vectors, near = given
    if not kernel.query(near).is_known:
        return
    upper = bounds(metric, encode(vectors, directions=metric == "cosine"), near, kernel)
    assert not np.isnan(upper).any()
    assert (np.array(scores(metric, vectors, near)) <= upper).all()


@same_kernels()
@pytest.mark.parametrize("metric", METRICS)
def test_bounds_are_close(kernel: Kernel, metric: str, seed: int) -> None:
    """Else every row would be proposed, and nothing be gained."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((500, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    upper = bounds(metric, encode(vectors, directions=metric == "cosine"), vectors[0], kernel)
    gap = upper - np.array(scores(metric, vectors, vectors[0]))
    assert (gap < {"cosine": 0.03, "inner_product": 0.03, "l2": 0.06}[metric]).all()


@same_kernels()
def test_nothing_is_said_of_queries_that_cannot_be_squared(kernel: Kernel) -> None:
    for number in (0, 1e-20, 1e25):
        assert not kernel.query(np.full(3, number, np.float32)).is_known
    assert kernel.query(np.ones(3, np.float32)).is_known


def test_codes_of_many_rows_are_those_of_single_rows(seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((9000, 8)).astype(np.float32)
    vectors[5] = 0
    many = encode(vectors, directions=True)
    for row in (0, 5, 4095, 4096, 8999):
        one = encode(vectors[row : row + 1], directions=True)
        assert np.array_equal(one.values[0], many.values[row])
        assert np.allclose([one.scales[0], one.errors[0]], [many.scales[row], many.errors[row]])
    assert many.has_zeros
    assert many.errors[5] == many.errors.min()
