"""How far documents are made into passages and embedded: counted from their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from library.models import DocumentQuerySet, Passage

__all__ = ["Progress", "progress_of", "with_progress"]

# The states of a document, and what people are told they are.
CURRENT, WORKING, INTERRUPTED, FAILED = "current", "working", "interrupted", "failed"
NAMES = {
    CURRENT: "ready",
    WORKING: "being embedded",
    INTERRUPTED: "not finished",
    FAILED: "failed in part",
}


@dataclass(frozen=True)
class Progress:
    """Passages of one document. `stale` ones have no vector of their text; some have `failed`."""

    made: int
    stale: int
    failed: int
    at_work: bool

    @property
    def embedded(self) -> int:
        return self.made - self.stale

    @property
    def state(self) -> str:
        if not self.made or self.stale > self.failed:
            return WORKING if self.at_work else INTERRUPTED
        return FAILED if self.failed else CURRENT

    @property
    def name(self) -> str:
        return NAMES[self.state]

    def __str__(self) -> str:
        if not self.made:
            return "Its passages are not made yet."
        said = f"{self.embedded} of {self.made} passages are embedded"
        return f"{said}, {self.failed} could not be." if self.failed else f"{said}."

    def as_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "name": self.name,
            "text": str(self),
            "made": self.made,
            "embedded": self.embedded,
            "failed": self.failed,
        }


def with_progress(documents: DocumentQuerySet) -> DocumentQuerySet:
    """The documents, each with what `progress_of` needs, by the same query."""
    return documents.annotate(
        made=_counted(Passage.objects.all()),
        stale=_counted(Passage.objects.stale()),
        failed=_counted(Passage.objects.failed()),
    )


def _counted(passages: QuerySet[Any]) -> Coalesce:
    of_document = passages.filter(parent=OuterRef("pk")).order_by().values("parent")
    counted = of_document.annotate(counted=Count("*")).values("counted")
    return Coalesce(Subquery(counted), 0, output_field=IntegerField())


def progress_of(document: Any, at_work: bool) -> Progress:
    """That of a document out of `with_progress`."""
    return Progress(document.made, document.stale, document.failed, at_work)
