"""Vectors become points of the plane."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hybrid_store.exceptions import MapError, MissingExtraError
from hybrid_store.maps import PCA, UMAP, BaseProjection

shapes = st.tuples(st.integers(1, 40), st.integers(1, 24))
seeds = st.integers(0, 2**32 - 1)


def distances(points: NDArray[Any]) -> NDArray[np.float64]:
    wide = points.astype(np.float64)
    found: NDArray[np.float64] = np.linalg.norm(wide[:, None] - wide[None], axis=2)
    return found


def projected(vectors: NDArray[Any]) -> NDArray[Any]:
    pca = PCA()
    pca.fit(vectors)
    return pca.transform(vectors)


def random(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@given(shapes, seeds)
def test_pca_keeps_the_distances_of_vectors_in_a_plane(shape: tuple[int, int], seed: int) -> None:
    rows, dimensions = shape
    vectors = random(seed, rows, 2) @ random(seed + 1, 2, dimensions) + random(seed + 2, dimensions)
    given_, found = distances(vectors), distances(projected(vectors))
    np.testing.assert_allclose(found, given_, atol=1e-4 * (1 + given_.max()))


@given(shapes, seeds)
def test_pca_makes_no_distance_longer(shape: tuple[int, int], seed: int) -> None:
    vectors = random(seed, *shape)
    assert (distances(projected(vectors)) <= distances(vectors) + 1e-4).all()


@given(seeds)
def test_pca_does_not_depend_on_the_order_of_rows(seed: int) -> None:
    # Components of different strengths, so that none can be taken for another.
    vectors = random(seed, 30, 6) * np.array([9, 3, 1, 0.5, 0.2, 0.1], np.float32)
    order = np.random.default_rng(seed).permutation(30)
    np.testing.assert_allclose(projected(vectors)[order], projected(vectors[order]), atol=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_pca_finds_the_directions_in_which_vectors_differ_most(seed: int) -> None:
    vectors = random(seed, 500, 8) * np.array([1, 1, 40, 1, 1, 7, 1, 1], np.float32)
    pca = PCA()
    pca.fit(vectors)
    found = pca.transform(vectors)
    # Turned so that the greatest share counts upwards.
    assert np.corrcoef(found[:, 0], vectors[:, 2])[0, 1] > 0.99
    assert np.corrcoef(found[:, 1], vectors[:, 5])[0, 1] > 0.99
    assert pca.explained == pytest.approx((1600 + 49) / (1600 + 49 + 6), abs=0.01)
    assert pca.described == f"principal components, {pca.explained:.0%} of the variance"


@pytest.mark.parametrize("rows", [1, 2, 5000])
def test_pca_of_equal_vectors_is_one_point(rows: int) -> None:
    vectors = np.tile(random(1, 7), (rows, 1))
    assert not projected(vectors).any()


def test_pca_places_vectors_that_it_was_not_fitted_on() -> None:
    vectors = random(3, 200, 2) @ random(4, 2, 9)
    pca = PCA()
    pca.fit(vectors[:50])
    np.testing.assert_allclose(distances(pca.transform(vectors)), distances(vectors), atol=1e-3)


def test_pca_of_many_rows_is_that_of_all_at_once() -> None:
    vectors = random(7, 5000, 3)
    centred = vectors - vectors.mean(axis=0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    expected = np.abs(centred @ components[:2].T)
    np.testing.assert_allclose(np.abs(projected(vectors)), expected, atol=1e-3)


@pytest.mark.parametrize("decay", [0.2, 0.5, 1.0])
def test_pca_of_wide_vectors_finds_the_directions_that_all_together_give(decay: float) -> None:
    strengths = np.arange(1, 201) ** -decay
    turned = np.linalg.qr(random(5, 200, 200)).Q
    vectors = ((random(6, 500, 200) * strengths) @ turned + 3).astype(np.float32)
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    _, sizes, components = np.linalg.svd(centred, full_matrices=False)
    pca = PCA()
    pca.fit(vectors)
    assert pca.explained == pytest.approx((sizes[:2] ** 2).sum() / (sizes**2).sum(), rel=1e-4)
    found = pca.transform(vectors)
    expected = centred @ components[:2].T
    for axis in range(2):
        assert abs(np.corrcoef(found[:, axis], expected[:, axis])[0, 1]) > 0.9999


def test_pca_of_wide_vectors_that_differ_alike_everywhere_is_nearly_the_best_plane() -> None:
    vectors = random(8, 500, 250)
    sizes = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False) ** 2
    pca = PCA()
    pca.fit(vectors)
    assert 0.99 < pca.explained / (sizes[:2].sum() / sizes.sum()) < 1.0001


@pytest.mark.parametrize("rows", [1, 2, 3, 40])
def test_pca_of_wide_vectors_keeps_the_distances_of_those_in_a_plane(rows: int) -> None:
    vectors = random(9, rows, 2) @ (random(10, 2, 500) * [[1], [1e-4]]).astype(np.float32) + 7
    given_ = distances(vectors)
    np.testing.assert_allclose(
        distances(projected(vectors)), given_, atol=1e-4 * (1 + given_.max())
    )
    pca = PCA()
    pca.fit(vectors)
    assert pca.explained == pytest.approx(1, abs=1e-4)


def test_pca_takes_the_greatest_and_the_least_numbers() -> None:
    for scale in (1e37, 1e-37):
        vectors = (random(11, 90, 60) * np.linspace(1, 0.1, 60) * scale).astype(np.float32)
        ratios = projected(vectors) / projected((vectors / scale).astype(np.float32))
        np.testing.assert_allclose(ratios, scale, rtol=1e-2)


class FakeReducer:
    """Keeps what it was made with, and the first two numbers of vectors."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        made.append(self)

    def fit(self, vectors: NDArray[Any]) -> None:
        self.fitted = len(vectors)

    def transform(self, vectors: NDArray[Any]) -> NDArray[Any]:
        return vectors[:, :2].astype(np.float64)


made: list[FakeReducer] = []


def test_umap_is_seeded_and_takes_fewer_neighbours_of_few_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=FakeReducer))
    made.clear()
    for rows in (6, 100):
        projection = UMAP()
        projection.fit(random(1, rows, 4))
        assert projection.transform(random(2, 3, 4)).dtype == np.float32
    few, many = (reducer.options for reducer in made)
    assert few["n_neighbors"] == 5
    assert many["n_neighbors"] == 15
    assert few["random_state"] == many["random_state"] == 0


def test_umap_of_too_few_rows_is_refused() -> None:
    with pytest.raises(MapError, match="UMAP needs 5 rows with a vector, and there are 4: use PCA"):
        UMAP().fit(random(1, 4, 4))


def test_umap_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r"django-hybrid-store\[umap\]"):
        UMAP().fit(random(1, 9, 4))


@pytest.mark.long
def test_real_umap_keeps_groups_apart() -> None:
    pytest.importorskip("umap")
    groups = [random(place, 30, 8) + np.eye(8)[place] * 20 for place in range(2)]
    vectors = np.concatenate(groups).astype(np.float32)
    points = []
    for _ in range(2):
        projection: BaseProjection = UMAP()
        projection.fit(vectors)
        points.append(projection.transform(vectors))
    np.testing.assert_array_equal(points[0], points[1])
    apart = distances(points[0])
    assert apart[:30, 30:].min() > np.median(apart[:30, :30])


@pytest.mark.long
def test_real_umap_places_rows_that_it_was_not_fitted_on_with_their_group() -> None:
    pytest.importorskip("umap")
    groups = [random(place, 40, 8) + np.eye(8)[place] * 20 for place in range(2)]
    projection: BaseProjection = UMAP()
    projection.fit(np.concatenate([group[:30] for group in groups]).astype(np.float32))
    points = [projection.transform(group.astype(np.float32)) for group in groups]
    middles = np.array([found[:30].mean(axis=0) for found in points])
    for place, found in enumerate(points):
        apart = np.linalg.norm(found[30:, None] - middles, axis=2)
        assert (apart.argmin(axis=1) == place).all()
