"""Rankings as they are, wherever they came from: fusing, diversifying and judging them.

Pure: NumPy only, no database and no model.
"""

from hybrid_store.ranking.fusion import FUSIONS, Leg, alpha_weights, rrf, weighted
from hybrid_store.ranking.mmr import mmr
from hybrid_store.ranking.quality import MEASURES, Estimate, difference, mean

__all__ = [
    "FUSIONS",
    "MEASURES",
    "Estimate",
    "Leg",
    "alpha_weights",
    "difference",
    "mean",
    "mmr",
    "rrf",
    "weighted",
]
