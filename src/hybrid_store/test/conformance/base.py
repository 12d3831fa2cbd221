"""What the conformance classes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.models.embedding import EmbeddingField, embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.report import Report

if TYPE_CHECKING:
    # Mixed into TestCase by the tests of a backend; only the type checker needs to know.
    from django.test import TestCase as ConformanceBase
else:
    ConformanceBase = object

__all__ = ["ConformanceBase", "embedding_field", "generate", "reference_distance"]


def reference_distance(metric: str, left: Any, right: Any) -> float:
    """The distance in double precision."""
    a, b = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    return float(REFERENCES[metric](a, b))


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> Any:
    return 1 - (a @ b) / np.sqrt((a @ a) * (b @ b))


def _jaccard(a: NDArray[np.float64], b: NDArray[np.float64]) -> Any:
    common = (a * b).sum()
    return 1 - common / (a + b - a * b).sum() if common else 1


REFERENCES: dict[str, Callable[[Any, Any], Any]] = {
    "cosine": _cosine,
    "l2": lambda a, b: np.sqrt(((a - b) ** 2).sum()),
    "l1": lambda a, b: np.abs(a - b).sum(),
    "inner_product": lambda a, b: -(a @ b),
    "hamming": lambda a, b: (a != b).sum(),
    "jaccard": _jaccard,
}


def generate(field: EmbeddingField | Any, **options: Any) -> Report:
    """Embed what is stale of a field, or of a model's only embedding."""
    chosen = field if isinstance(field, EmbeddingField) else embedding_field(field)
    return Generation(chosen, **options).run()
