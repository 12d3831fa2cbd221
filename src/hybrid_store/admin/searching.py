"""The search of a list: what is looked for, how, and what is found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hybrid_store.admin.searched import SCORE, SearchMode
from hybrid_store.exceptions import EmbedderError, HybridStoreError
from hybrid_store.models.ranked_search import embed_query

if TYPE_CHECKING:
    from hybrid_store.admin.mixin import HybridAdminMixin

__all__ = ["ListSearch"]

logger = logging.getLogger("hybrid_store")

# Of the object that a request carries from its list to `get_search_results`.
SEARCH = "_hybrid_store_search"
RANK = "_hybrid_store_rank"

Found: TypeAlias = tuple[QuerySet[Any], bool]
"""Rows, and whether some may be there twice."""


@dataclass
class ListSearch:
    """The search of one request for a list, which may run more than once.

    What an embedder failed with is kept: it is not asked again, and told of once.
    """

    model_admin: HybridAdminMixin
    request: HttpRequest
    mode: SearchMode | None
    failure: str | None = None
    scores: dict[Any, float] = field(default_factory=dict)

    @classmethod
    def of(cls, request: HttpRequest) -> ListSearch | None:
        """That of the list which is being made; None in autocompletion, and wherever else."""
        return getattr(request, SEARCH, None)

    def begin(self) -> None:
        setattr(self.request, SEARCH, self)

    @property
    def is_ranked(self) -> bool:
        """Are the rows in the order of their scores?"""
        return bool(self.scores) and not self.request.GET.get(ORDER_VAR)

    def results(self, queryset: QuerySet[Any], text: str, plain: Callable[..., Found]) -> Found:
        """Those of `queryset` that the text finds; `plain` searches as Django does.

        Where the embedder fails, they are found by words, and a message says so.
        """
        if self.mode in (SearchMode.VECTOR, SearchMode.HYBRID) and self.failure is None:
            try:
                return self._ranked(queryset, self._hits(queryset, text, self.mode)), False
            except _UnansweredError as error:
                self._tell(str(error))
        return self._by_words(queryset, text, plain)

    def _by_words(self, queryset: QuerySet[Any], text: str, plain: Callable[..., Found]) -> Found:
        if self.model_admin.searched.index is None:
            return plain(self.request, queryset, text)
        try:
            hits = self._hits(queryset, text, SearchMode.TEXT)
        except _UnansweredError:
            return plain(self.request, queryset, text)
        also = Q()
        if self.model_admin.search_fields:
            own, _duplicates = plain(self.request, queryset.order_by(), text)
            also = Q(pk__in=own.values("pk"))
        return self._ranked(queryset, hits, also), False

    def _hits(self, queryset: QuerySet[Any], text: str, mode: SearchMode) -> dict[Any, float]:
        """Scores of the best rows by primary key, best first."""
        try:
            found = self.model_admin.searched.found(queryset, text, mode)
            _embed(found)
            best = found.values_list("pk", SCORE)[: self.model_admin.hybrid_search_limit]
            return dict(best)
        except HybridStoreError as error:
            raise _UnansweredError(str(error)) from error

    def _ranked(
        self, queryset: QuerySet[Any], hits: Mapping[Any, float], also: Q | None = None
    ) -> QuerySet[Any]:
        """The rows that were hit, and others, best first unless people sort them otherwise.

        Nothing is selected beside the rows: actions may use them in subqueries.
        """
        self.scores.update(hits)
        found = queryset.filter(Q(pk__in=list(hits)) | (also or Q()))
        if not (hits and self.is_ranked):
            return found
        places = [When(pk=key, then=Value(place)) for place, key in enumerate(hits)]
        rank = Case(*places, output_field=IntegerField())
        order = F(RANK).asc(nulls_last=True)
        ranked = found.alias(**{RANK: rank}).order_by(order, *queryset.query.order_by)
        return cast("QuerySet[Any]", ranked)

    def _tell(self, reason: str) -> None:
        self.failure = reason
        told = _("Search by meaning is out of order (%s): these rows are found by words.") % reason
        messages.warning(self.request, told, fail_silently=True)


def _embed(found: QuerySet[Any]) -> None:
    """Call the embedder, which may be of anybody's making."""
    try:
        embed_query(found)
    except HybridStoreError:
        raise
    except Exception as error:
        logger.exception("An embedder failed.")
        raise EmbedderError(_("the embedder failed, and the log says why")) from error


class _UnansweredError(Exception):
    """A search that could not be carried out, with the reason as people are told."""
