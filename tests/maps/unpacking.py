"""The bytes of a map, read as its page reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Unpacked", "unpacked"]


@dataclass(frozen=True)
class Unpacked:
    head: dict[str, Any]
    positions: NDArray[np.float64]
    groups: list[int]
    keys: list[str]


def unpacked(data: bytes) -> Unpacked:
    place = 4 + int.from_bytes(data[:4], "little")
    head = json.loads(data[4:place])
    rows = head["rows"]
    steps = np.frombuffer(data, "<u2", 2 * rows, place).reshape(2, rows).T
    groups = np.frombuffer(data, np.uint8, rows, place + 4 * rows)
    keys = json.loads(data[place + 5 * rows :])
    return Unpacked(head, steps / 65535 * 2 - 1, groups.tolist(), keys)
