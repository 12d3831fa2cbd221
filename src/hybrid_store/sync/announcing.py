"""Telling the world what a run does: signals, logging, and the caller's progress."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.signals import embeddings_failed, embeddings_stored, generation_finished
from hybrid_store.sync.report import Bill, Report

__all__ = ["Announcer"]

logger = logging.getLogger("hybrid_store.generation")

NAMED = 20
"""Keys that a log record names."""


class Announcer:
    """Announces what happens to one embedding. Log records carry their facts as attributes."""

    def __init__(
        self,
        field: EmbeddingField,
        using: str,
        progress: Callable[[Sequence[Any]], None] | None = None,
    ) -> None:
        self.field = field
        self.using = using
        self.progress = progress

    def stored(self, keys: list[Any], bill: Bill, seconds: float) -> None:
        facts: dict[str, Any] = {
            "texts": bill.texts,
            "tokens": bill.tokens,
            "cost": bill.cost,
            "seconds": seconds,
        }
        logger.debug("%s: %d rows embedded.", self.field.label, len(keys), extra=self._extra(facts))
        self._send(embeddings_stored, keys=keys, **facts)
        if self.progress is not None:
            self.progress(keys)

    def failed(self, keys: list[Any], reason: str, next_try: datetime | None) -> None:
        logger.warning(
            "%s: %d rows cannot be embedded, %s%s: %s",
            *(self.field.label, len(keys), keys[:NAMED], _more(keys), reason),
            extra=self._extra({"reason": reason, "next_try": next_try}),
        )
        self._send(embeddings_failed, keys=keys, reason=reason, next_try=next_try)

    def truncated(self, keys: list[Any], most: int | None) -> None:
        logger.warning(
            "%s: of %d rows only the first %s tokens are embedded, the model reads no more: %s%s",
            *(self.field.label, len(keys), most, keys[:NAMED], _more(keys)),
            extra=self._extra({"keys": keys}),
        )

    def finished(self, report: Report) -> None:
        logger.info(
            "%s: %d rows embedded, %d failed, in %.1f s.",
            *(self.field.label, report.embedded, report.failed, report.seconds),
            extra=self._extra({"report": report}),
        )
        self._send(generation_finished, report=report)

    def _extra(self, facts: dict[str, Any]) -> dict[str, Any]:
        return {"embedding": self.field.label, "database": self.using, **facts}

    def _send(self, signal: Any, **facts: Any) -> None:
        signal.send_robust(self.field.model, field=self.field, using=self.using, **facts)


def _more(keys: list[Any]) -> str:
    return "" if len(keys) <= NAMED else f" and {len(keys) - NAMED} more"
