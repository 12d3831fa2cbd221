"""Filling: passages of new documents are made and embedded in the background.

How far a document has come is told by its rows alone. A process that dies leaves rows that are due:
any later filling, or `manage.py generate_embeddings library.Passage`, goes on with them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connections
from django.utils import timezone

from hybrid_store.models import EmbeddingRun, EmbeddingWork
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.splitting import Splitting
from library.models import Passage

__all__ = ["executor", "fill", "is_at_work", "start", "trouble", "under_way"]

logger = logging.getLogger(__name__)

# Seconds that a provider which fails is waited for, before it is told.
PATIENCE = 30.0
# Passages in one call of the embedder: few, so that progress is seen.
BATCH = 16
LABEL = Passage._meta.label

executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="filling")
under_way: set[Future[None]] = set()


def start(keys: Sequence[int], *, retry_failed: bool = False) -> Future[None]:
    """Fill the documents with these keys in the background; never raises in the future."""
    future = executor.submit(fill, keys, retry_failed=retry_failed)
    under_way.add(future)
    future.add_done_callback(under_way.discard)
    return future


def fill(keys: Sequence[int], *, retry_failed: bool = False) -> None:
    """Split these documents, and embed all passages that are due, in a thread of its own."""
    try:
        Splitting(Passage.chunking).run(keys=keys)
        field = Passage._meta.get_field("embedding")
        Generation(field, batch_size=BATCH, patience=PATIENCE, retry_failed=retry_failed).run()
    except Exception:
        logger.exception("Documents could not be filled.")
    finally:
        connections.close_all()


def is_at_work() -> bool:
    """Are passages being made or embedded, in this process or in one that holds leases?"""
    if any(not future.done() for future in under_way):
        return True
    held = EmbeddingWork.objects.filter(model=LABEL, lease_until__gt=timezone.now())
    return held.exists()


def trouble() -> str:
    """Why the last run was stopped, or "".

    A run that set texts aside may name one in its reason, and texts are their owners': these
    reasons are told with their passages.
    """
    run = EmbeddingRun.objects.filter(model=LABEL).first()
    stopped = run is not None and run.outcome == EmbeddingRun.Outcome.STOPPED and not run.failed
    return run.reason if run is not None and stopped else ""
