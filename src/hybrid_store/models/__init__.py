"""Vector columns, distances, indexes and searches for Django models."""

from hybrid_store.models.coverage import Coverage, coverage
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import HalfVectorField, VectorField
from hybrid_store.models.fingerprint import FingerprintField
from hybrid_store.models.functions import (
    CosineDistance,
    Distance,
    L1Distance,
    L2Distance,
    MaxInnerProduct,
)
from hybrid_store.models.indexes import VectorIndex
from hybrid_store.models.ingest import bulk_ingest
from hybrid_store.models.query import (
    HybridManager,
    HybridQuerySet,
    HybridQuerySetMixin,
    failed,
    stale,
)
from hybrid_store.models.search import nearest, recommend
from hybrid_store.models.stale_index import StaleIndex
from hybrid_store.models.work import EmbeddingRun, EmbeddingWork

__all__ = [
    "CosineDistance",
    "Coverage",
    "Distance",
    "EmbeddingField",
    "EmbeddingRun",
    "EmbeddingWork",
    "FingerprintField",
    "HalfVectorField",
    "HybridManager",
    "HybridQuerySet",
    "HybridQuerySetMixin",
    "L1Distance",
    "L2Distance",
    "MaxInnerProduct",
    "StaleIndex",
    "VectorField",
    "VectorIndex",
    "bulk_ingest",
    "coverage",
    "failed",
    "nearest",
    "recommend",
    "stale",
]
