"""SVG elements as strings, and the sheet a poster is drawn on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from films.posters.palettes import Palette

__all__ = [
    "HEIGHT",
    "WIDTH",
    "Point",
    "Sheet",
    "circle",
    "ellipse",
    "group",
    "line",
    "path",
    "polar",
    "polygon",
    "rect",
    "star",
]

WIDTH = 300
HEIGHT = 450

Point = tuple[float, float]


@dataclass(frozen=True)
class Sheet:
    """What a motif draws with: the film's own chance, and its colours."""

    chance: Random
    palette: Palette

    def between(self, low: float, high: float) -> float:
        return self.chance.uniform(low, high)

    def vivid(self) -> str:
        """One of the two loud colours."""
        return self.chance.choice((self.palette.accent, self.palette.pop))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _attributes(values: dict[str, str | float]) -> str:
    return "".join(
        f' {name.replace("_", "-")}="{value if isinstance(value, str) else f"{value:g}"}"'
        for name, value in values.items()
    )


def circle(x: float, y: float, radius: float, fill: str, **more: str | float) -> str:
    place = f'cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"'
    return f'<circle {place} fill="{fill}"{_attributes(more)}/>'


def ellipse(x: float, y: float, width: float, height: float, fill: str, **more: str | float) -> str:
    """`width` and `height` are half-axes."""
    place = f'cx="{_number(x)}" cy="{_number(y)}" rx="{_number(width)}" ry="{_number(height)}"'
    return f'<ellipse {place} fill="{fill}"{_attributes(more)}/>'


def rect(x: float, y: float, width: float, height: float, fill: str, **more: str | float) -> str:
    place = f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
    return f'<rect {place} fill="{fill}"{_attributes(more)}/>'


def polygon(points: Iterable[Point], fill: str, **more: str | float) -> str:
    corners = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    return f'<polygon points="{corners}" fill="{fill}"{_attributes(more)}/>'


def line(points: Iterable[Point], stroke: str, width: float, **more: str | float) -> str:
    corners = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    pen = f'fill="none" stroke="{stroke}" stroke-width="{_number(width)}"'
    return f'<polyline points="{corners}" {pen} stroke-linecap="round"{_attributes(more)}/>'


def path(data: str, fill: str, **more: str | float) -> str:
    return f'<path d="{data}" fill="{fill}"{_attributes(more)}/>'


def group(parts: Iterable[str], **more: str | float) -> str:
    return f"<g{_attributes(more)}>{''.join(parts)}</g>"


def polar(x: float, y: float, radius: float, degrees: float) -> Point:
    """The point at a distance and a direction; 0 degrees is up, clockwise."""
    angle = math.radians(degrees - 90)
    return x + radius * math.cos(angle), y + radius * math.sin(angle)


def star(
    x: float, y: float, outer: float, inner: float, spikes: int, turn: float = 0
) -> list[Point]:
    """The corners of a star."""
    step = 180 / spikes
    return [
        polar(x, y, inner if corner % 2 else outer, turn + corner * step)
        for corner in range(2 * spikes)
    ]
