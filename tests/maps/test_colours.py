"""The page and paper show the same colours."""

from __future__ import annotations

import re

from hybrid_store.maps.colours import COLOURS
from hybrid_store.maps.files import ASSETS
from hybrid_store.maps.groups import CATEGORIES, NONE, OTHER, STEPS


def test_every_group_has_a_colour_and_no_two_share_one() -> None:
    categories = [f"category-{place}" for place in range(CATEGORIES)]
    steps = [f"step-{place}" for place in range(STEPS)]
    assert set(COLOURS) == {*categories, *steps, OTHER, NONE}
    assert len({*COLOURS.values()}) == len(COLOURS)


def test_the_stylesheet_has_these_colours_in_the_light() -> None:
    style = (ASSETS / "map.css").read_text()
    found = re.findall(
        r"^\.map-([\w-]+) \{ background: light-dark\((#\w+), #\w+\); \}", style, re.MULTILINE
    )
    assert dict(found) == COLOURS
