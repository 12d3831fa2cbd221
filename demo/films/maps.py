"""The map of all films: near to each other are those that are about the same."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, F, IntegerField, OuterRef, Subquery, Value, When
from django.http import HttpRequest

from films.models import Film, Genre
from films.taste import Taste
from hybrid_store.maps import EmbeddingMapView

__all__ = ["FilmMap"]

# Drama tells least, and stands for films that are nothing else.
TELLING = Case(When(name="Drama", then=Value(1)), default=Value(0), output_field=IntegerField())
GENRE = Genre.objects.filter(films=OuterRef("pk")).order_by(TELLING, "name").values("name")[:1]


class FilmMap(EmbeddingMapView):
    """Coloured by genre, or by decade with `?by=decade`."""

    queryset = Film.objects.annotate(genre=Subquery(GENRE), decade=F("year") / 10 * 10)
    color_by = "genre"
    template_name = "films/map.html"
    title = "films"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        if request.GET.get("by") == "decade":
            self.color_by = "decade"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        taste = Taste.from_query(self.request.GET)
        return super().get_context_data(color_by=self.color_by, taste=taste, **kwargs)
