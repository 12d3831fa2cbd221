"""Forgetting failures that are none any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hybrid_store.models.keys import key_from_text, key_text
from hybrid_store.models.work import EmbeddingWork
from hybrid_store.sync.leases import Leases
from hybrid_store.sync.sources import SourceReader

__all__ = ["forget_settled"]

CHUNK = 500


def forget_settled(reader: SourceReader, leases: Leases) -> int:
    """Delete the records of failed rows that were edited, embedded or deleted since.

    Costs what has failed, not what there is. Returns how many were deleted.
    """
    return sum(
        leases.records.filter(
            pk__in=[record.pk for record in _settled(reader, chunk)],
            failed_at__isnull=False,
            lease_until__isnull=True,
        ).delete()[0]
        for chunk in _chunks(leases)
    )


def _chunks(leases: Leases) -> Iterator[list[EmbeddingWork]]:
    failed = leases.records.filter(failed_at__isnull=False).order_by("pk")
    chunk = list(failed[:CHUNK])
    while chunk:
        yield chunk
        chunk = list(failed.filter(pk__gt=chunk[-1].pk)[:CHUNK])


def _settled(reader: SourceReader, chunk: Sequence[EmbeddingWork]) -> list[EmbeddingWork]:
    """Records that do not tell of a stale row's text and space as they are now."""
    field = reader.field
    keys = [key_from_text(field.model, record.key) for record in chunk]
    rows = reader.find_stale(
        reader.rows.filter(pk__in=keys).order_by("pk"), len(keys), any_space=True
    )
    now = {key_text(field.model, row.pk): field.space_prefix + row.content for row in rows}
    return [record for record in chunk if now.get(record.key) != record.fingerprint]
