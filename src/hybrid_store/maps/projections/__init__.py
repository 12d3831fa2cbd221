"""Projections of vectors to the plane, one file for each."""

from hybrid_store.maps.projections.base import BaseProjection
from hybrid_store.maps.projections.pca import PCA
from hybrid_store.maps.projections.umap import UMAP

__all__ = ["PCA", "PROJECTIONS", "UMAP", "BaseProjection"]

# What commands call them.
PROJECTIONS: dict[str, type[BaseProjection]] = {"pca": PCA, "umap": UMAP}
