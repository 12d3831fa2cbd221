"""The colours of groups on paper: those of map.css in the light."""

from __future__ import annotations

__all__ = ["COLOURS"]

CATEGORIES = (
    *("#3366cc", "#e0652b", "#1f9e77", "#c2387a", "#e0a800", "#7b4fc4"),
    *("#17a2b8", "#8c5a3c", "#76a51f", "#d43d3d", "#54708c", "#b58cc9"),
)
STEPS = (
    *("#f2b84b", "#ee9549", "#e4714f", "#cf5060"),
    *("#ae3a74", "#862f84", "#5b2c88", "#2f2a7d"),
)
COLOURS = {
    **{f"category-{place}": colour for place, colour in enumerate(CATEGORIES)},
    **{f"step-{place}": colour for place, colour in enumerate(STEPS)},
    "other": "#9aa0a8",
    "none": "#cfd2d6",
}
