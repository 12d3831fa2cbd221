"""Many values of a column as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["joined"]


def joined(values: Sequence[Any], record: np.dtype[Any]) -> NDArray[Any] | None:
    """The bytes of one or more values as records, which may be written to; None where not every
    value is one record."""
    if {*map(type, values)} <= {bytes, memoryview} and {*map(len, values)} == {record.itemsize}:
        return np.frombuffer(bytearray().join(values), record)
    return None
