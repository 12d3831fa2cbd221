"""The forms above lists of films. All of them are sent by GET and change nothing."""

from __future__ import annotations

from typing import Any

from django import forms

from films.models import Film, Genre
from hybrid_store.models import HybridQuerySet

__all__ = ["FilterForm", "SearchForm", "TasteForm"]

FIRST_YEAR, LAST_YEAR = 1888, 2100


class FilterForm(forms.Form):
    """Which films may be shown: those of a genre, of a span of years."""

    genre = forms.ChoiceField(required=False)
    year_from = forms.IntegerField(
        required=False, min_value=FIRST_YEAR, max_value=LAST_YEAR, label="From year"
    )
    year_to = forms.IntegerField(
        required=False, min_value=FIRST_YEAR, max_value=LAST_YEAR, label="To year"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = Genre.objects.values_list("name", flat=True)
        choices = [("", "All genres"), *((name, name) for name in names)]
        self.fields["genre"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("year_from"), data.get("year_to")
        if first and last and first > last:
            raise forms.ValidationError(f"{first} is after {last}: swap the two years.")
        return data

    def narrow(self, films: HybridQuerySet[Film]) -> HybridQuerySet[Film]:
        """Those of the films that the form asks for. Call it on a valid form."""
        data = self.cleaned_data
        if data["genre"]:
            films = films.filter(genres__name=data["genre"])
        if data["year_from"]:
            films = films.filter(year__gte=data["year_from"])
        if data["year_to"]:
            films = films.filter(year__lte=data["year_to"])
        return films

    def chosen(self) -> list[tuple[str, str]]:
        """The filters in use, for links that keep them."""
        data = self.cleaned_data if self.is_valid() else {}
        names = ("genre", "year_from", "year_to")
        return [(name, str(data[name])) for name in names if data.get(name)]


class SearchForm(FilterForm):
    """What a film should be about."""

    q = forms.CharField(
        required=False,
        max_length=300,
        label="What is the film about?",
        widget=forms.SearchInput(attrs={"placeholder": "a crew lost in space"}),
    )

    by = forms.ChoiceField(
        required=False,
        choices=[("", "Both"), ("words", "Words"), ("meaning", "Meaning")],
        label="Search by",
        widget=forms.RadioSelect,
    )

    field_order = ["q", "by", "genre", "year_from", "year_to"]


class TasteForm(FilterForm):
    """A title to look for, when one collects films that one likes or does not."""

    title = forms.CharField(
        required=False,
        max_length=100,
        label="Find a film by its title",
        widget=forms.SearchInput,
    )
