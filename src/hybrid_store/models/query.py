"""`HybridQuerySet` and `HybridManager`: searches as methods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar, cast

from asgiref.sync import sync_to_async
from django.db.models import Manager, Model, QuerySet
from django.db.models.sql import Query

from hybrid_store.models import (
    freshness,
    fused_search,
    highlights,
    ingest,
    passage_search,
    ranked_search,
    recommendation,
    reordering,
)
from hybrid_store.models.coverage import Coverage, coverage
from hybrid_store.models.embedding import embedding_field, embedding_fields
from hybrid_store.models.explanation import SearchExplanation, explain_search
from hybrid_store.models.hybrid_query import HybridQuery
from hybrid_store.models.states import failed_rows

__all__ = ["HybridManager", "HybridQuerySet", "HybridQuerySetMixin", "failed", "stale"]

ModelT = TypeVar("ModelT", bound=Model)


def stale(queryset: QuerySet[ModelT], field: str | None = None) -> QuerySet[ModelT]:
    """The rows whose vector no longer matches their text, or that have none yet.

    Rows without any text are not stale, once they have no vector either. With a callable source
    the rows are read and compared at once.
    """
    return freshness.stale_rows(queryset, embedding_field(queryset.model, field))


def failed(
    queryset: QuerySet[ModelT], field: str | None = None, *, reason_as: str = "reason"
) -> QuerySet[ModelT]:
    """The rows that could not be embedded as they are now, with the reason why under that name.

    A row that was edited since has not failed. Stale rows only: what is embedded is none.
    """
    return failed_rows(queryset, embedding_field(queryset.model, field), reason_as)


def _queryset(mixed: Any) -> QuerySet[Any]:
    """What `HybridQuerySetMixin` is mixed into."""
    return cast("QuerySet[Any]", mixed)


class HybridQuerySetMixin:
    """Searches for a `QuerySet` of your own: `class Mine(HybridQuerySetMixin, QuerySet)`."""

    def __init__(
        self, model: Any = None, query: Query | None = None, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(model, query or HybridQuery(model), *args, **kwargs)  # type: ignore[call-arg]

    def nearest(self, to: Any, **options: Any) -> Self:
        """The rows, nearest to a text, a vector or a row first; see the function `nearest`."""
        return cast(Self, ranked_search.nearest(_queryset(self), to, **options))

    def nearest_by_passage(self, to: Any, **options: Any) -> Self:
        """The rows, that with the nearest passage first; see the function `nearest_by_passage`."""
        return cast(Self, passage_search.nearest_by_passage(_queryset(self), to, **options))

    def search_by_passage(self, text: str, **options: Any) -> Self:
        """The rows by words and meaning of their passages; see `search_by_passage`."""
        return cast(Self, passage_search.search_by_passage(_queryset(self), text, **options))

    def search(self, text: str, **options: Any) -> Self:
        """The rows that a text finds by words and by meaning; see the function `search`."""
        return cast(Self, fused_search.search(_queryset(self), text, **options))

    def recommend(self, like: Sequence[Any], unlike: Sequence[Any] = (), **options: Any) -> Self:
        """The rows near to what is liked, away from what is not; see the function `recommend`."""
        return cast(Self, recommendation.recommend(_queryset(self), like, unlike, **options))

    def diversify(self, **options: Any) -> Self:
        """The ranked rows, each unlike those before it; see the function `diversify`."""
        return cast(Self, reordering.diversify(_queryset(self), **options))

    def rerank(self, reranker: Any, **options: Any) -> Self:
        """The ranked rows in the order of a reranker's scores; see the function `rerank`."""
        return cast(Self, reordering.rerank(_queryset(self), reranker, **options))

    def highlight(self, *fields: str, **options: Any) -> Self:
        """A search whose rows carry the words found, marked; see the function `highlight`."""
        return cast(Self, highlights.highlight(_queryset(self), *fields, **options))

    def tuned(self, **options: Any) -> Self:
        """The ranked rows, searched as `exact=`, `recall=`, `ef_search=` and `exact_rows=` say."""
        return cast(Self, ranked_search.tuned(_queryset(self), **options))

    def explain_search(self, *, prove: bool = False) -> SearchExplanation:
        """Run the search and say how it was answered: index, passes, plan, and recall if proved."""
        return explain_search(_queryset(self), prove=prove)

    def stale(self, field: str | None = None) -> Self:
        """The rows whose vector no longer matches their text, or that have none yet."""
        return cast(Self, stale(_queryset(self), field))

    def coverage(self, field: str | None = None) -> Coverage:
        """How many rows are current, stale, blank, failed and in flight; see `Coverage`."""
        return coverage(_queryset(self), field)

    def failed(self, field: str | None = None, *, reason_as: str = "reason") -> Self:
        """The rows that could not be embedded as they are now, each with the reason why."""
        return cast(Self, failed(_queryset(self), field, reason_as=reason_as))

    def bulk_ingest(self, rows: Any, **options: Any) -> int:
        """Write many new rows, all or none of them; see the function `bulk_ingest`."""
        return ingest.bulk_ingest(_queryset(self), rows, **options)

    bulk_ingest.alters_data = True  # type: ignore[attr-defined]

    def embed_query(self) -> Self:
        """Compute the query vector now instead of when rows are fetched.

        Under `ATOMIC_REQUESTS`, or before `atomic()`, this keeps a call to a provider out of the
        transaction.
        """
        return cast(Self, ranked_search.embed_query(_queryset(self)))

    async def aembed_query(self) -> Self:
        return await sync_to_async(self.embed_query)()

    def update(self, **kwargs: Any) -> int:
        """As Django's; a vector written by hand takes its fingerprint with it."""
        for field in embedding_fields(self.model):  # type: ignore[attr-defined]
            if field.name in kwargs:
                kwargs.setdefault(field.fingerprint_name, None)
        rows: int = super().update(**kwargs)  # type: ignore[misc]
        return rows

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(
        self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        """As Django's; a vector is written together with its row's fingerprint."""
        names = list(fields)
        for field in embedding_fields(self.model):  # type: ignore[attr-defined]
            if field.name in names and field.fingerprint_name not in names:
                names.append(field.fingerprint_name)
        rows: int = super().bulk_update(objs, names, batch_size)  # type: ignore[misc]
        return rows

    bulk_update.alters_data = True  # type: ignore[attr-defined]


class HybridQuerySet(HybridQuerySetMixin, QuerySet[ModelT]):
    """A QuerySet that searches by meaning."""


class HybridManager(Manager.from_queryset(HybridQuerySet)):  # type: ignore[misc]
    """A manager whose querysets search by meaning."""
