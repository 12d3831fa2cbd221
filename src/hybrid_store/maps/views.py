"""`EmbeddingMapView`: the map of a queryset as a page."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import CompositePrimaryKey, Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import patch_cache_control
from django.views.generic.base import TemplateResponseMixin, View
from django.views.generic.list import MultipleObjectMixin

from hybrid_store.exceptions import EmbedderError, MapError, SearchError
from hybrid_store.maps.labels import labels_of, rows_of
from hybrid_store.maps.packing import packed
from hybrid_store.maps.points import Points, map_points
from hybrid_store.maps.projections import PCA, BaseProjection
from hybrid_store.maps.rows import within
from hybrid_store.maps.summary import summaries
from hybrid_store.models import EmbeddingField, nearest
from hybrid_store.models.fields import vector_field

if TYPE_CHECKING:
    # Generic to the type checker alone.
    Rows = MultipleObjectMixin[Any]
else:
    Rows = MultipleObjectMixin

__all__ = ["PARAMETERS", "EmbeddingMapView"]

logger = logging.getLogger("hybrid_store")

# What the page adds to its own address when it asks for something.
PART, KEY, TEXT = PARAMETERS = ("map", "map_key", "map_text")
# Rows that a page asks about at once, characters that it may search for, and rows it gets for them.
MOST_ASKED = 50
LONGEST_TEXT = 500
HITS = 50


class EmbeddingMapView(Rows, TemplateResponseMixin, View):
    """The map of the rows of `model`, `queryset` or `get_queryset()`, and of no others.

    One address gives the page and, by the parameter `map`, what it asks for: so mixins such as
    `PermissionRequiredMixin` guard all of it, and `get_queryset()` may narrow the rows by the
    request. Parameters of the page are kept when it asks.
    """

    http_method_names = ["get", "head", "options"]
    template_name = "hybrid_store/map.html"

    # The vector field, by default the only one.
    field: str | None = None
    # A field, a path such as "author__name" or an annotation; see `map_points`.
    color_by: str | None = None
    # The same for what rows are called, by default `str(row)`.
    label: str | None = None
    projection: type[BaseProjection] = PCA
    # The most rows that are shown; of more, a fair sample.
    limit: int | None = 100_000
    title: str = ""
    # Where chosen rows are listed, by keys with commas between in that parameter.
    list_url: Any = ""
    list_parameter: str = "pk__in"
    # The most rows that a link to it names: some servers take no longer addresses.
    list_most: int = 500
    # May a text be searched for, where the field is an EmbeddingField? It calls the embedder.
    can_search: bool = True

    parts: ClassVar[dict[str, str]] = {
        "points": "send_points",
        "rows": "send_rows",
        "hits": "send_hits",
        "table": "send_table",
    }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        part = request.GET.get(PART)
        _check_keys(self.get_queryset().model)
        if part is None:
            return self.render_to_response(self.get_context_data(object_list=self.get_queryset()))
        if part not in self.parts:
            raise Http404
        response: HttpResponseBase = getattr(self, self.parts[part])()
        patch_cache_control(response, private=True, no_cache=True)
        return response

    # What may be overridden

    def get_object_url(self, row: Model) -> str | None:
        """The page of a row, None for no page."""
        own = getattr(row, "get_absolute_url", None)
        return own() if own else None

    def get_list_url(self) -> str:
        return str(self.list_url)

    def get_title(self) -> str:
        return self.title or str(self.get_queryset().model._meta.verbose_name_plural).capitalize()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = {
            "title": self.get_title(),
            "list_url": self.get_list_url(),
            "list_parameter": self.list_parameter,
            "list_most": self.list_most,
            "can_search": self._searches(),
            "points_url": self._url("points"),
            "table_url": self._url("table"),
            "longest_text": LONGEST_TEXT,
        }
        return super().get_context_data(**context | kwargs)

    # What the page asks for

    def points(self) -> Points:
        """The map, made anew."""
        return map_points(
            self.get_queryset(),
            self.field,
            color_by=self.color_by,
            projection=self.projection(),
            limit=self.limit,
        )

    def send_points(self) -> HttpResponse:
        """All points, without what they are called: see `packed`."""
        return HttpResponse(packed(self.points()), content_type="application/octet-stream")

    def send_rows(self) -> JsonResponse:
        """What the rows of the given keys are called, and their pages."""
        keys = self._keys(self.request.GET.getlist(KEY)[:MOST_ASKED])
        return JsonResponse(self._told(keys))

    def send_hits(self) -> JsonResponse:
        """The keys of the rows that are nearest to a text."""
        text = self.request.GET.get(TEXT, "").strip()[:LONGEST_TEXT]
        if not self._searches() or not text:
            raise Http404
        try:
            rows = nearest(within(self.get_queryset()), text, field=self.field, distance_as="_near")
            keys = [str(key) for key in rows.values_list("pk", flat=True)[:HITS]]
        except (EmbedderError, SearchError):
            logger.warning("A text could not be searched for on a map.", exc_info=True)
            return JsonResponse({"error": "The search failed."}, status=503)
        return JsonResponse({"keys": keys})

    def send_table(self) -> HttpResponseBase:
        """The map in words, for whom pictures or scripts are none."""
        points = self.points()
        found = summaries(points)
        told = self._told([key for each in found for key in each.middle])
        lines = [(each.group, [told[str(key)] for key in each.middle]) for each in found]
        context = self.get_context_data(
            object_list=self.get_queryset(), notes=points.notes, lines=lines
        )
        return self.render_to_response(context)

    def _url(self, part: str) -> str:
        query = self.request.GET.copy()
        query[PART] = part
        return f"?{query.urlencode()}"

    def _searches(self) -> bool:
        field = vector_field(self.get_queryset().model, self.field)
        return self.can_search and isinstance(field, EmbeddingField)

    def _keys(self, texts: Iterable[str]) -> list[Any]:
        """Primary keys as the model has them; what is none is left out."""
        field: Any = self.get_queryset().model._meta.pk
        while field.is_relation:
            field = field.target_field
        found = []
        for text in texts:
            with suppress(ValidationError):
                key = field.to_python(text)
                field.run_validators(key)
                found.append(key)
        return found

    def _told(self, keys: Sequence[Any]) -> dict[str, dict[str, Any]]:
        """By their keys, what rows are called, and their pages."""
        rows = rows_of(self.get_queryset(), keys)
        labels = labels_of(self.get_queryset(), keys, self.label) if self.label else {}
        return {
            str(key): {
                "label": labels[key] if self.label else str(row),
                "url": self.get_object_url(row),
            }
            for key, row in rows.items()
        }


def _check_keys(model: type[Model]) -> None:
    """Raises `MapError` where a browser cannot name rows."""
    if isinstance(model._meta.pk, CompositePrimaryKey):
        raise MapError(
            f"{model._meta.label} has a composite primary key: a page needs a single one. "
            "map_points() and manage.py embedding_map take both."
        )
