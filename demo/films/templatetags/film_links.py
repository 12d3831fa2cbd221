"""Links that keep what the visitor has chosen so far."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from films.models import Film
from films.taste import Taste

__all__ = ["like_url", "remove_url", "unlike_url"]

register = template.Library()


@register.simple_tag(takes_context=True)
def like_url(context: dict[str, Any], film: Film) -> str:
    """The taste page with the film among the likes."""
    return _taste_url(context, context["taste"].liking(film.pk))


@register.simple_tag(takes_context=True)
def unlike_url(context: dict[str, Any], film: Film) -> str:
    """The taste page with the film among the unlikes."""
    return _taste_url(context, context["taste"].disliking(film.pk))


@register.simple_tag(takes_context=True)
def remove_url(context: dict[str, Any], film: Film) -> str:
    """The taste page without the film."""
    return _taste_url(context, context["taste"].without(film.pk))


def _taste_url(context: dict[str, Any], taste: Taste) -> str:
    pairs = [*taste.pairs, *context.get("filters", [])]
    return reverse("films:taste") + (f"?{urlencode(pairs)}" if pairs else "")
