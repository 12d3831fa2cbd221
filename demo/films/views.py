"""The pages. Everything they show follows from the address; none needs JavaScript."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from films.finding import by_text, ranked
from films.forms import SearchForm, TasteForm
from films.models import Film
from films.posters import draw
from films.taste import MOST, Taste
from hybrid_store.models import HybridQuerySet

__all__ = ["film", "poster", "search", "taste"]

PAGE = 24
SIMILAR = 12
SUGGESTED = 12

# What the visitor chooses -> what `search` is told.
MODES = {"": "hybrid", "words": "text", "meaning": "vector"}

EXAMPLES = (
    "a crew lost in space",
    "a toy afraid of being replaced",
    "a detective who falls in love with the suspect",
    "soldiers in the trenches",
    "a girl in a world of spirits",
    "poor children in the streets of a big city",
    "a village defends itself against bandits",
    "a wedding with too many relatives",
)


def cards() -> HybridQuerySet[Film]:
    """Films as lists show them: with their genres, without their vectors."""
    films: HybridQuerySet[Film] = Film.objects.defer("embedding").prefetch_related("genres")
    return films


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Search by words and by meaning; without a query, browse."""
    form = SearchForm(request.GET)
    context: dict[str, Any] = {"form": form, "taste": Taste.from_query(request.GET)}
    if form.is_valid():
        films, text = form.narrow(cards()), form.cleaned_data["q"]
        if text:
            context |= by_text(films, text, MODES[form.cleaned_data["by"]], PAGE)
        else:
            pages = Paginator(films, PAGE)
            context |= {"page": pages.get_page(request.GET.get("page")), "examples": EXAMPLES}
    return render(request, "films/search.html", context)


@require_safe
def film(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """One film, and those that are like it."""
    shown = get_object_or_404(Film.objects.prefetch_related("genres"), pk=pk)
    kept = Taste.from_query(request.GET)
    if request.path != shown.get_absolute_url():
        return HttpResponsePermanentRedirect(shown.get_absolute_url() + kept.suffix)
    context: dict[str, Any] = {"film": shown, "taste": kept}
    context |= ranked(lambda: similar(shown))
    if "how" in request.GET and context["films"]:
        context["explanation"] = similar(shown).explain_search()
    return render(request, "films/film.html", context)


def similar(to: Film) -> HybridQuerySet[Film]:
    found: HybridQuerySet[Film] = cards().nearest(to)[:SIMILAR]
    return found


@require_safe
def taste(request: HttpRequest) -> HttpResponse:
    """More like these, less like those."""
    asked = Taste.from_query(request.GET)
    chosen: dict[int, Film] = Film.objects.in_bulk(asked.keys)
    known = asked.only(chosen)
    form = TasteForm(request.GET)
    context: dict[str, Any] = {
        "form": form,
        "taste": known,
        "liked": [chosen[key] for key in known.like],
        "unliked": [chosen[key] for key in known.unlike],
        "ignored": asked.ignored + len(asked.keys) - len(known.keys),
        "most": MOST,
    }
    if form.is_valid():
        context |= {"filters": form.chosen(), "candidates": candidates(form, known)}
        if known.like:
            liked, unliked = context["liked"], context["unliked"]
            films = form.narrow(cards())
            context |= ranked(lambda: films.recommend(liked, unliked)[:PAGE])
    return render(request, "films/taste.html", context)


def candidates(form: TasteForm, known: Taste) -> list[Film]:
    """Films to add to a taste: those with the title looked for, else some to begin with."""
    title = form.cleaned_data["title"]
    films = cards().exclude(pk__in=known.keys)
    if title:
        return list(films.filter(title__icontains=title)[:SUGGESTED])
    return [] if known.like else list(films.order_by("?")[:SUGGESTED])


@require_safe
@cache_control(public=True, max_age=86400)
def poster(request: HttpRequest, pk: int) -> HttpResponse:
    """The drawn poster of a film."""
    shown = get_object_or_404(cards(), pk=pk)
    svg = draw(shown.title, shown.year, [genre.name for genre in shown.genres.all()])
    return HttpResponse(svg, content_type="image/svg+xml")
