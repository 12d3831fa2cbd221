"""`manage.py embedding_map app.Model --output map.html`: a map of the vectors, as a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import QuerySet

from hybrid_store.management.base import EmbeddingCommand, positive
from hybrid_store.maps.files import html
from hybrid_store.maps.labels import labels_of
from hybrid_store.maps.pictures import png
from hybrid_store.maps.points import Points, map_points
from hybrid_store.maps.projections import PROJECTIONS
from hybrid_store.sync.labels import labelled_model

__all__ = ["Command"]


def output(text: str) -> Path:
    """A file whose name says what it is to be, for argparse."""
    path = Path(text)
    if path.suffix.lower() not in WRITERS:
        raise argparse.ArgumentTypeError(f"{text!r} ends with neither .html nor .png")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{str(path.parent)!r} is no folder")
    return path


def page(points: Points, rows: QuerySet[Any], label: str | None) -> bytes:
    labels = labels_of(rows, points.keys, label)
    # A row may have gone since.
    return html(points, [labels.get(key, "") for key in points.keys], _title(rows)).encode()


def picture(points: Points, rows: QuerySet[Any], label: str | None) -> bytes:
    return png(points, _title(rows))


WRITERS: dict[str, Callable[[Points, QuerySet[Any], str | None], bytes]] = {
    ".html": page,
    ".png": picture,
}


class Command(EmbeddingCommand):
    help = (
        "Draws a map of the vectors of a model: an HTML file to look around in, which loads "
        "nothing, or a picture."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("label", metavar="app.Model[.field]")
        parser.add_argument(
            "--output", type=output, required=True, metavar="FILE", help="*.html or *.png."
        )
        parser.add_argument(
            "--color-by",
            metavar="COLUMN",
            help="What points are coloured by: a field, or a path such as author__name.",
        )
        parser.add_argument(
            "--label",
            dest="named_by",
            metavar="COLUMN",
            help="What points are called (default: as str() says).",
        )
        parser.add_argument(
            "--method", choices=tuple(PROJECTIONS), default="pca", help="(default: %(default)s)"
        )
        parser.add_argument(
            "--limit", type=positive, help="The most rows; of more, a fair sample (default: all)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        app, _, rest = options["label"].partition(".")
        name, _, field = rest.partition(".")
        rows = labelled_model(f"{app}.{name}")._default_manager.using(options["database"]).all()
        points = map_points(
            rows,
            field or None,
            color_by=options["color_by"],
            projection=PROJECTIONS[options["method"]](),
            limit=options["limit"],
        )
        file: Path = options["output"]
        file.write_bytes(WRITERS[file.suffix.lower()](points, rows, options["named_by"]))
        for note in points.notes:
            self.stdout.write(note)
        self.stdout.write(f"Written: {file}")


def _title(rows: QuerySet[Any]) -> str:
    return str(rows.model._meta.verbose_name_plural).capitalize()
