"""`HybridAdminMixin`: search by meaning, freshness and similar rows in a `ModelAdmin`."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.db import router
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hybrid_store.admin.changelist import acts_on_all, hybrid_list
from hybrid_store.admin.checks import check_admin
from hybrid_store.admin.embedding import embed, keys_of
from hybrid_store.admin.freshness import badge, status_of
from hybrid_store.admin.pages import extended
from hybrid_store.admin.searched import SCORE, Searched, embedding_of, vector_of
from hybrid_store.admin.searching import ListSearch
from hybrid_store.admin.similar import similar
from hybrid_store.admin.vectors import length_of, summary
from hybrid_store.exceptions import HybridStoreError
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import BaseVectorField, vector_fields
from hybrid_store.models.states import failed_rows

if TYPE_CHECKING:
    # Generic to the type checker alone; mixed in, there is a ModelAdmin behind it.
    Base = admin.ModelAdmin[Any]
else:
    Base = object

__all__ = ["EMBED", "HybridAdminMixin"]

EMBED = "hybrid_store.embed_rows"
"""The permission to have rows embedded."""
ACTIONS = ("embed_now", "retry_failed")


class HybridAdminMixin(Base):
    """For the `ModelAdmin` of a model with vectors; stands before it among the base classes.

    Its list is searched by words, by meaning or by both; the page of a row shows the rows most like
    it; rows can be embedded. "freshness", "search_score" and "vector_summary" are columns for
    `list_display` and, but for the score, for `readonly_fields`; `FreshnessFilter` is for
    `list_filter`.

    `hybrid_field` and `hybrid_index` name the vector field and the `TextIndex` where there are
    several. A list is searched by `hybrid_search_mode` ("text", "vector" or "hybrid") unless people
    choose another, and a search finds `hybrid_search_limit` rows at most. `hybrid_similar_limit`
    is how many similar rows are shown; 0 for none. Up to `embed_now_limit` rows are embedded by one
    request, which waits up to `embed_patience` seconds for a provider that is away.
    `show_vectors`: are the numbers of vectors shown? They give away the text they are made of.
    """

    hybrid_field: str | None = None
    hybrid_index: str | None = None
    hybrid_search_mode = "hybrid"
    hybrid_search_limit = 100
    hybrid_similar_limit = 5
    embed_now_limit = 500
    embed_patience = 5.0
    show_vectors = False

    @cached_property
    def vector_field(self) -> BaseVectorField | None:
        return vector_of(self.model, self.hybrid_field)

    @cached_property
    def embedding(self) -> EmbeddingField | None:
        return embedding_of(self.model, self.hybrid_field)

    @cached_property
    def searched(self) -> Searched:
        return Searched.of(self.model, self.hybrid_field, self.hybrid_index)

    def check(self, **kwargs: Any) -> list[Any]:
        return [*super().check(**kwargs), *check_admin(self)]

    @property
    def media(self) -> forms.Media:
        return super().media + forms.Media(css={"all": ["hybrid_store/admin.css"]})

    # Lists

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return hybrid_list(super().get_changelist(request, **kwargs))

    def get_search_fields(self, request: HttpRequest) -> Any:
        """What Django looks for words in, as in autocompletion: the texts that are searched."""
        return super().get_search_fields(request) or self.searched.names

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        search = ListSearch.of(request)
        if search is None or search.mode is None or not search_term.strip():
            return super().get_search_results(request, queryset, search_term)
        return search.results(queryset, search_term, super().get_search_results)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        asked = set(request.POST.getlist("action")) & {*ACTIONS}
        if asked and not self.has_embed_permission(request):
            raise PermissionDenied
        response = super().changelist_view(request, extra_context)
        return extended(
            response, "hybrid_store/admin/change_list.html", most_found=self.hybrid_search_limit
        )

    # Columns

    @admin.display(description=gettext_lazy("freshness"))
    def freshness(self, obj: Model) -> str:
        """The state of the embedding, or why there is none to tell."""
        field = self.embedding
        try:
            status = None if field is None else status_of(obj, field)
        except HybridStoreError as error:
            return str(error)
        return self.get_empty_value_display() if status is None else badge(status)

    @admin.display(description=gettext_lazy("score"))
    def search_score(self, obj: Model) -> str:
        """By what the list was searched by; of Reciprocal Rank Fusion, BM25 or similarity."""
        score = getattr(obj, SCORE, None)
        return self.get_empty_value_display() if score is None else f"{score:.4f}"

    @admin.display(description=gettext_lazy("vector"))
    def vector_summary(self, obj: Model) -> str:
        """The dimensions; with `show_vectors` the first numbers, too."""
        field = self.vector_field
        if field is None or not self._has_vector(obj, field):
            return self.get_empty_value_display()
        return summary(getattr(obj, field.attname)) if self.show_vectors else length_of(field)

    def _has_vector(self, obj: Model, field: BaseVectorField) -> bool:
        if self.embedding is None:
            return getattr(obj, field.attname) is not None
        with suppress(HybridStoreError):
            status = status_of(obj, self.embedding)
            return status is not None and status.has_vector
        return False

    # Pages of rows

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """Vectors are in no form that does not name them, unless they may be shown or have to be
        given."""
        given = super().get_exclude(request, obj)
        hidden = [
            field.name for field in vector_fields(self.model) if field.editable and field.blank
        ]
        if self.show_vectors or self.fields or self.fieldsets or not hidden:
            return given
        # What the form excludes counts for as long as nothing else is said.
        of_form = getattr(getattr(self.form, "_meta", None), "exclude", None)
        return [*(given or of_form or ()), *hidden]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        response = super().render_change_form(request, context, add, change, form_url, obj)
        found = None if obj is None or add else similar(self, request, obj)
        if found is None:
            return response
        return extended(response, "hybrid_store/admin/change_form.html", similar=found)

    # Actions

    def has_embed_permission(self, request: HttpRequest) -> bool:
        """May the user have rows embedded, which may cost money?"""
        return bool(request.user.has_perm(EMBED))

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        # Django 6.1 and newer tell where the actions are offered.
        location = () if action_location is None else (action_location,)
        actions: dict[str, Any] = super().get_actions(request, *location)
        is_offered = self.actions is not None and IS_POPUP_VAR not in request.GET
        if self.embedding is None or not is_offered or not self.has_embed_permission(request):
            return actions
        own = {name: self.get_action(name, *location) for name in ACTIONS}
        return {**actions, **{name: action for name, action in own.items() if action is not None}}

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> Any:
        search = ListSearch.of(request)
        if search is not None and search.failure is not None and acts_on_all(request):
            told = _("All rows were chosen that a search finds by meaning, which is out of order.")
            self.message_user(request, told, messages.ERROR)
            return None
        return super().response_action(request, queryset, *args, **kwargs)

    @admin.action(description=gettext_lazy("Embed now"), permissions=["embed"])
    def embed_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Embed the selected rows that need it."""
        self._embed(request, queryset, retry_failed=False)

    @admin.action(description=gettext_lazy("Retry failed"), permissions=["embed"])
    def retry_failed(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Embed those of the selected rows that could not be embedded."""
        if self.embedding is not None:
            self._embed(request, failed_rows(queryset, self.embedding), retry_failed=True)

    def _embed(self, request: HttpRequest, rows: QuerySet[Any], *, retry_failed: bool) -> None:
        field, limit = self.embedding, self.embed_now_limit
        if field is None:
            return
        said = embed(
            field,
            cast("Any", rows)._db or router.db_for_write(rows.model),
            keys_of(rows, field, limit),
            limit=limit,
            patience=self.embed_patience,
            retry_failed=retry_failed,
        )
        for level, message in said:
            self.message_user(request, message, level)
