"""A map as a picture, by matplotlib (extra `map`)."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.utils.text import capfirst

from hybrid_store.exceptions import MissingExtraError
from hybrid_store.maps.colours import COLOURS
from hybrid_store.maps.points import Points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["png"]

INCHES = (11, 7.5)
DOTS = 160
SOFT = "#5a5f69"
# The area of a point in the legend, in square points.
DOT = 45
# Characters of a group's name.
LONGEST = 40


def png(points: Points, title: str) -> bytes:
    """A PNG of 1760 by 1200 pixels with title, legend and notes.

    Raises `MissingExtraError`.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        raise MissingExtraError("A map as a picture", "map") from error
    figure = Figure(figsize=INCHES, dpi=DOTS, layout=ConstrainedLayoutEngine(w_pad=0.3, h_pad=0.2))
    axes = figure.add_subplot(aspect="equal", xticks=[], yticks=[])
    axes.set_frame_on(False)
    # As they are: matplotlib would read what is between dollar signs as a formula.
    axes.set_title(title, loc="left", fontsize=16, weight="bold", pad=14, parse_math=False)
    figure.supxlabel("\n".join(points.notes), fontsize=8, color=SOFT, parse_math=False)
    _draw(axes, points)
    out = BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(out, format="png")
    return out.getvalue()


def _draw(axes: Axes, points: Points) -> None:
    # Small where they are many.
    size = min(max(15_000 / (len(points) + 1), 3), 50)
    handles = []
    for place, group in enumerate(points.grouping.groups):
        x, y = points.positions[points.grouping.of == place].T
        handles.append(
            axes.scatter(
                x, y, s=size, c=COLOURS[group.colour], alpha=0.8, linewidths=0.4, edgecolors="white"
            )
        )
    if points.coloured_by:
        _explain(axes, points, handles)


def _explain(axes: Axes, points: Points, handles: list[Any]) -> None:
    legend = axes.legend(
        handles,
        [str(place) for place in range(len(handles))],
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        frameon=False,
        labelspacing=0.7,
        title=capfirst(points.coloured_by),
    )
    # Names are set afterwards: some would be formulas, or hidden for an underscore.
    for text, group in zip(legend.get_texts(), points.grouping.groups, strict=True):
        text.set_parse_math(False)
        text.set_text(f"{group.name:.{LONGEST}} ({group.rows:,})")
    found: Any = legend.legend_handles
    for handle in found:
        handle.set(alpha=1, sizes=[DOT])
