"""What generation has written down, to be read: runs, and rows in flight or failed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hybrid_store.admin.embedding import embed
from hybrid_store.admin.mixin import EMBED, HybridAdminMixin
from hybrid_store.models.embedding import EmbeddingField, embedding_fields
from hybrid_store.models.keys import key_from_text
from hybrid_store.models.work import EmbeddingRun, EmbeddingWork

if TYPE_CHECKING:
    # Generic to the type checker alone.
    RunAdminBase = admin.ModelAdmin[EmbeddingRun]
    WorkAdminBase = admin.ModelAdmin[EmbeddingWork]
else:
    RunAdminBase = WorkAdminBase = admin.ModelAdmin

__all__ = ["EmbeddingRunAdmin", "EmbeddingWorkAdmin", "field_of", "rate"]


class ReadOnly:
    """For records that only generation writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def rate(amount: int, seconds: float) -> str:
    """So many a second, as people read it."""
    return f"{amount / seconds:,.1f}/s" if seconds else "-"


@admin.register(EmbeddingRun)
class EmbeddingRunAdmin(ReadOnly, RunAdminBase):
    """What was embedded, when, and what it cost."""

    list_display = (
        *("started_at", "model", "field", "outcome", "rows", "failed"),
        *("tokens", "cost", "rows_rate", "tokens_rate"),
    )
    list_filter = ("outcome", "model")
    search_fields = ("model", "field", "reason")
    date_hierarchy = "started_at"

    @admin.display(description=gettext_lazy("rows a second"))
    def rows_rate(self, obj: EmbeddingRun) -> str:
        return rate(obj.rows, obj.seconds)

    @admin.display(description=gettext_lazy("tokens a second"))
    def tokens_rate(self, obj: EmbeddingRun) -> str:
        return rate(obj.tokens, obj.seconds)


@admin.register(EmbeddingWork)
class EmbeddingWorkAdmin(ReadOnly, WorkAdminBase):
    """Rows that are being embedded, and those that could not be."""

    list_display = ("key", "model", "column", "is_failed", "attempts", "reason", "next_try")
    list_filter = (("failed_at", admin.EmptyFieldListFilter), "model", "column")
    search_fields = ("=key", "reason")
    actions = ("retry",)
    embed_now_limit = HybridAdminMixin.embed_now_limit
    embed_patience = HybridAdminMixin.embed_patience

    @admin.display(description=gettext_lazy("failed"), boolean=True)
    def is_failed(self, obj: EmbeddingWork) -> bool:
        return obj.failed_at is not None

    def has_embed_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(EMBED))

    @admin.action(description=gettext_lazy("Retry failed rows"), permissions=["embed"])
    def retry(self, request: HttpRequest, queryset: QuerySet[EmbeddingWork]) -> None:
        """Embed the rows of the selected records that tell of a failure."""
        limit = self.embed_now_limit
        failed = queryset.filter(failed_at__isnull=False)[: limit + 1]
        found = _keys_by_field(failed)
        for field, keys in found.items():
            said = embed(
                field,
                queryset.db,
                keys,
                limit=limit,
                patience=self.embed_patience,
                retry_failed=True,
            )
            for level, message in said:
                self.message_user(request, f"{message} ({field.label})", level)
        if not found:
            self.message_user(request, _("None of these rows has failed."), messages.INFO)


def _keys_by_field(records: QuerySet[EmbeddingWork]) -> dict[EmbeddingField, list[Any]]:
    """Primary keys of the rows that records are of; those of embeddings that are gone left out."""
    found: dict[EmbeddingField, list[Any]] = defaultdict(list)
    for record in records:
        field = field_of(record.model, record.column)
        if field is not None:
            found[field].append(key_from_text(field.model, record.key))
    return found


def field_of(model: str, column: str) -> EmbeddingField | None:
    """The embedding that a record names; None where the project has it no more."""
    try:
        owner = apps.get_model(model)
    except LookupError:
        return None
    return next((field for field in embedding_fields(owner) if field.column == column), None)
