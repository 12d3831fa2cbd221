"""L106: some vectors were brought to length 1, and others were not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hybrid_store.management.lint.data.base import SampleRule, Spot, share
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.vectors import Held

__all__ = ["MixedLengths"]

# Rounding to half precision moves lengths less than this.
TOLERANCE = 1e-3
FEWEST_ROWS = 5
LEAST_SHARE = 0.02


class MixedLengths(SampleRule):
    id = "L106"
    title = "some vectors have length 1, and others do not"
    severity = WARNING
    fix = (
        "They may be of two models: embed the others anew. L2Distance and MaxInnerProduct rank by "
        "length as well; CosineDistance does not."
    )
    page = "topics/spaces.md"

    def judge(self, held: Held, column: Column, database: Database) -> Iterator[Spot]:
        lengths = np.array([np.linalg.norm(array) for _, array in held.vectors])
        is_other = np.abs(lengths - 1) > TOLERANCE
        others, fewest = lengths[is_other], max(FEWEST_ROWS, LEAST_SHARE * lengths.size)
        if min(others.size, lengths.size - others.size) >= fewest:
            keys = [key for (key, _), other in zip(held.vectors, is_other, strict=True) if other]
            yield Spot(
                column,
                f"{lengths.size - others.size:,} vectors have length 1, but "
                f"{share(others.size, held, keys)} have {others.min():.3g} to {others.max():.3g}",
            )
