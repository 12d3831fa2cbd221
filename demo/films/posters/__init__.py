"""Posters: a picture for every film, drawn from its title, year and genres alone.

The same film always gets the same poster. Nothing is loaded from anywhere: shapes, colours, and
typefaces that the reader's system has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from random import Random
from xml.sax.saxutils import escape

from films.posters.motifs import MOTIFS
from films.posters.palettes import ALIASES, GENRES, LETTERS, PALETTES, Palette
from films.posters.shapes import HEIGHT, WIDTH, Sheet, rect

__all__ = ["draw"]

TITLE_LINES = 4
TITLE_WIDTH = 256
LARGEST, SMALLEST = 38, 15
# Notes and keyboards are wrong the other way round.
UNMIRRORED = frozenset({"Music"})


def draw(title: str, year: int, genres: Iterable[str]) -> str:
    """The poster of a film as an SVG document, 300 by 450."""
    title = _printable(title)
    chance = Random(f"{title}|{year}")  # noqa: S311 - pictures, no secrets
    telling = _telling(genres)
    subject = chance.choice((telling[0], telling[0], telling[min(1, len(telling) - 1)]))
    palette = chance.choice(PALETTES[chance.choice((subject, subject, telling[0]))])
    motif = chance.choice(MOTIFS[subject])
    picture = motif(Sheet(chance, palette))
    if subject not in UNMIRRORED and chance.random() < 0.5:
        picture = f'<g transform="matrix(-1 0 0 1 {WIDTH} 0)">{picture}</g>'
    layout = chance.choice((_full, _full, _framed, _headed))
    ground = "".join(rect(0, 0, WIDTH, HEIGHT, fill) for fill in (palette.ground, "url(#ground)"))
    lettering = _Lettering(title, year, LETTERS[subject])
    return _document(title, layout(ground + picture, palette, lettering), palette)


def _telling(genres: Iterable[str]) -> list[str]:
    """The genres that have motifs, the most telling first; Drama only where there is no other."""
    names = {ALIASES.get(genre, genre) for genre in genres}
    return [genre for genre in GENRES if genre in names - {"Drama"}] or ["Drama"]


class _Lettering:
    """A title broken into lines that fit, with the year beneath."""

    def __init__(self, title: str, year: int, family: str) -> None:
        self.year = year
        self.family = family
        self.size, self.lines = _fit(title.upper())

    @property
    def height(self) -> float:
        return len(self.lines) * self.size * 1.08 + 24

    def at(self, x: float, top: float, colour: str, anchor: str = "start") -> str:
        """The title and the year as SVG text, growing down from `top`."""
        look = f'font-family="{self.family}" fill="{colour}" text-anchor="{anchor}"'
        rows = [
            f'<text x="{x:g}" y="{top + (row + 0.86) * self.size * 1.08:.1f}" {look}'
            f' font-size="{self.size}" font-weight="700"{self._squeeze(text)}>{escape(text)}</text>'
            for row, text in enumerate(self.lines)
        ]
        small = f'font-size="12" letter-spacing="4" opacity=".8" {look}'
        return (
            "".join(rows)
            + f'<text x="{x:g}" y="{top + self.height - 4:.1f}" {small}>{self.year}</text>'
        )

    def _squeeze(self, text: str) -> str:
        """Hold a line that nearly fills the width to it, whatever typeface is found."""
        if _width(text) * self.size < TITLE_WIDTH * 0.86:
            return ""
        return f' textLength="{TITLE_WIDTH}" lengthAdjust="spacingAndGlyphs"'


def _printable(text: str) -> str:
    """Without the characters that XML forbids."""
    return "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Cn"} else c for c in text)


def _width(text: str) -> float:
    """A guess at the width of capital letters, in font sizes."""
    return sum(
        1.0 if unicodedata.east_asian_width(c) in "WF" else 0.34 if c in " IJ.,:;'!|-·" else 0.7
        for c in text
    )


def _fit(text: str) -> tuple[int, list[str]]:
    """The largest size at which the text takes few enough lines, and the lines."""
    for size in range(LARGEST, SMALLEST - 1, -1):
        lines = _wrap(text.split(), TITLE_WIDTH / size)
        if len(lines) <= TITLE_LINES and all(_width(row) * size <= TITLE_WIDTH for row in lines):
            return size, lines
    return SMALLEST, [_shortened(row) for row in lines[: TITLE_LINES - 1]] + ["…"]


def _wrap(words: list[str], width: float) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and _width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or ["?"]


def _shortened(row: str) -> str:
    while _width(row) * SMALLEST > TITLE_WIDTH:
        row = row[:-1]
    return row


def _full(picture: str, palette: Palette, lettering: _Lettering) -> str:
    """The picture from edge to edge, the title over its darkened foot."""
    top = HEIGHT - 20 - lettering.height
    shade = rect(0, top - 70, WIDTH, HEIGHT - top + 70, "url(#shade)")
    band = rect(0, top, WIDTH, HEIGHT - top, palette.deep, opacity=0.82)
    return picture + shade + band + lettering.at(22, top + 2, palette.light)


def _framed(picture: str, palette: Palette, lettering: _Lettering) -> str:
    """The picture in a mount, the title beneath it."""
    foot = HEIGHT - 16 - lettering.height
    place = f'x="14" y="14" width="{WIDTH - 28}" height="{foot - 24:.0f}"'
    window = f'<svg {place} viewBox="14 14 {WIDTH - 28} {foot - 24:.0f}">{picture}</svg>'
    mount = rect(0, 0, WIDTH, HEIGHT, palette.light)
    return mount + window + lettering.at(WIDTH / 2, foot, palette.deep, "middle")


def _headed(picture: str, palette: Palette, lettering: _Lettering) -> str:
    """The title above, the picture below it."""
    foot = lettering.height + 30
    moved = f'<g transform="translate(0 {foot - 4:.0f})">{picture}</g>'
    band = rect(0, 0, WIDTH, foot, palette.deep)
    rule = rect(0, foot, WIDTH, 4, palette.accent)
    return moved + band + rule + lettering.at(22, 16, palette.light)


def _document(title: str, body: str, palette: Palette) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title><defs>"
        f'<linearGradient id="ground" x2="0" y2="1"><stop stop-color="{palette.ground}"/>'
        f'<stop offset="1" stop-color="{palette.deep}" stop-opacity=".55"/></linearGradient>'
        f'<linearGradient id="shade" x2="0" y2="1">'
        f'<stop stop-color="{palette.deep}" stop-opacity="0"/>'
        f'<stop offset=".5" stop-color="{palette.deep}" stop-opacity=".8"/></linearGradient>'
        '<filter id="grain"><feTurbulence type="fractalNoise" baseFrequency=".9" numOctaves="2"/>'
        '<feColorMatrix values="0 0 0 0 .5  0 0 0 0 .5  0 0 0 0 .5  0 0 0 .5 -.2"/></filter></defs>'
        f"{rect(0, 0, WIDTH, HEIGHT, palette.ground)}{rect(0, 0, WIDTH, HEIGHT, 'url(#ground)')}"
        f'{body}<rect width="{WIDTH}" height="{HEIGHT}" filter="url(#grain)" opacity=".35"/></svg>'
    )
