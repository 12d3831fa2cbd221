"""The points of a map as bytes, which a browser reads without parsing."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from hybrid_store.maps.points import Points

__all__ = ["packed"]

# Positions are sent in steps of 2/65535 of the map, a hundredth of a pixel of a large screen.
FINEST = np.iinfo(np.uint16).max
ALIGNED = 4


def packed(points: Points) -> bytes:
    """Little-endian: the length of the head in bytes as uint32, the head as JSON, a multiple of 4
    bytes; n x as uint16, n y as uint16, n places of groups as uint8; the keys as a list of JSON.

    What is painted comes first. x and y are 0 at -1 and 65535 at 1.
    """
    head = _json(
        {
            "rows": len(points),
            "colouredBy": points.coloured_by,
            "groups": [asdict(group) for group in points.grouping.groups],
            "notes": points.notes,
        }
    )
    head += b" " * (-len(head) % ALIGNED)
    steps = np.rint((points.positions.astype(np.float64) + 1) / 2 * FINEST).astype("<u2")
    return b"".join(
        [
            len(head).to_bytes(4, "little"),
            head,
            np.ascontiguousarray(steps.T).tobytes(),
            points.grouping.of.tobytes(),
            _json([str(key) for key in points.keys]),
        ]
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
