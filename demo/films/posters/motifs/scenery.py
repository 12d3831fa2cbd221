"""What several motifs share: horizons, a night sky, a figure."""

from __future__ import annotations

from films.posters.shapes import HEIGHT, WIDTH, Point, Sheet, circle, group, path, polygon

__all__ = [
    "hill",
    "person",
    "ridge",
    "stars",
]


def hill(sheet: Sheet, height: float, colour: str, rough: float = 12) -> str:
    """A soft horizon from edge to edge, filled down to the bottom."""
    left, middle, right = (height + sheet.between(-rough, rough) for _ in range(3))
    curve = f"M0 {left:.0f} Q75 {middle - rough:.0f} 150 {middle:.0f} T300 {right:.0f} V450 H0Z"
    return path(curve, colour)


def ridge(sheet: Sheet, base: float, rise: float, colour: str) -> str:
    """A jagged horizon."""
    points: list[Point] = [(0, HEIGHT), (0, base)]
    x = -20.0
    while x < WIDTH:
        x += sheet.between(40, 84)
        points.append((x, base - sheet.between(rise * 0.4, rise)))
        x += sheet.between(34, 70)
        points.append((x, base + sheet.between(-8, 12)))
    return polygon([*points, (WIDTH + 60, HEIGHT)], colour)


def stars(sheet: Sheet, count: int, low: float, colour: str) -> str:
    """Points of light from the top down to `low`."""
    return group(
        circle(
            sheet.between(6, WIDTH - 6),
            sheet.between(6, low),
            sheet.chance.choice((0.8, 1.1, 1.6)),
            colour,
            opacity=sheet.chance.choice((0.5, 0.75, 1.0)),
        )
        for _ in range(count)
    )


def person(x: float, y: float, height: float, colour: str) -> str:
    """A small standing figure whose feet are at (x, y)."""
    head, top = height * 0.1, y - height
    shoulder, hem, foot = height * 0.13, height * 0.15, height * 0.09
    coat = [
        (x - shoulder * 0.6, top + head * 2.25),
        (x + shoulder * 0.6, top + head * 2.25),
        (x + shoulder, top + head * 2.9),
        (x + hem, y - height * 0.3),
        (x + foot, y - height * 0.28),
        (x + foot, y),
        (x + foot * 0.2, y),
        (x, y - height * 0.24),
        (x - foot * 0.2, y),
        (x - foot, y),
        (x - foot, y - height * 0.28),
        (x - hem, y - height * 0.3),
        (x - shoulder, top + head * 2.9),
    ]
    return circle(x, top + head, head, colour) + polygon(coat, colour, stroke_linejoin="round")
