"""Vector columns, distances, indexes and searches for Django models."""

from hybrid_store.models.chunks import Chunk, Chunking
from hybrid_store.models.coverage import Coverage, coverage
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.explanation import Reason, SearchExplanation, explain_search
from hybrid_store.models.fields import (
    BitField,
    HalfVectorField,
    SparseVectorField,
    VectorField,
)
from hybrid_store.models.fingerprint import FingerprintField
from hybrid_store.models.functions import (
    CosineDistance,
    Distance,
    HammingDistance,
    JaccardDistance,
    L1Distance,
    L2Distance,
    MaxInnerProduct,
)
from hybrid_store.models.fused_search import search
from hybrid_store.models.highlights import highlight
from hybrid_store.models.ingest import bulk_ingest
from hybrid_store.models.passage_search import nearest_by_passage, search_by_passage
from hybrid_store.models.query import (
    HybridManager,
    HybridQuerySet,
    HybridQuerySetMixin,
    failed,
    stale,
)
from hybrid_store.models.ranked_search import nearest, tuned
from hybrid_store.models.recommendation import recommend
from hybrid_store.models.reordering import diversify, rerank
from hybrid_store.models.stale_index import StaleIndex
from hybrid_store.models.text_index import TextIndex
from hybrid_store.models.vector_index import VectorIndex
from hybrid_store.models.work import EmbeddingRun, EmbeddingWork

__all__ = [
    "BitField",
    "Chunk",
    "Chunking",
    "CosineDistance",
    "Coverage",
    "Distance",
    "EmbeddingField",
    "EmbeddingRun",
    "EmbeddingWork",
    "FingerprintField",
    "HalfVectorField",
    "HammingDistance",
    "HybridManager",
    "HybridQuerySet",
    "HybridQuerySetMixin",
    "JaccardDistance",
    "L1Distance",
    "L2Distance",
    "MaxInnerProduct",
    "Reason",
    "SearchExplanation",
    "SparseVectorField",
    "StaleIndex",
    "TextIndex",
    "VectorField",
    "VectorIndex",
    "bulk_ingest",
    "coverage",
    "diversify",
    "explain_search",
    "failed",
    "highlight",
    "nearest",
    "nearest_by_passage",
    "recommend",
    "rerank",
    "search",
    "search_by_passage",
    "stale",
    "tuned",
]
