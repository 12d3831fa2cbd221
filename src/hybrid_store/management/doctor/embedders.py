"""Whether the embedders that fields use answer, and how soon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from django.core.checks import ERROR

from hybrid_store.embedders import BaseEmbedder, embedders
from hybrid_store.exceptions import HybridStoreError
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.management.redaction import redacted

__all__ = ["CALLS", "examine"]

SETTING = 'HYBRID_STORE["EMBEDDERS"]'
PROBE = "vector_doctor"
# Short texts that are embedded by each: the first call also connects, or loads a model.
CALLS = 3


def examine(case: Case) -> Iterator[Finding]:
    """No transaction is open meanwhile."""
    used = [field.embedder_alias for field in case.fields]
    try:
        configured = [*embedders]
    except HybridStoreError as error:
        yield Finding(False, "embedders", redacted(str(error)), f"Correct {SETTING}.")
        return
    for alias in dict.fromkeys((*configured, *used)):
        faults = [*_faults(alias)]
        yield from faults
        if case.calls_embedders and alias in used and not faults:
            yield _probed(alias)


def _faults(alias: str) -> Iterator[Finding]:
    """What can be told without a call."""
    subject = f"embedder {alias!r}"
    try:
        messages = embedders[alias].check()
    except HybridStoreError as error:
        yield Finding(False, subject, redacted(str(error)), f"Correct {SETTING}[{alias!r}].")
        return
    except Exception as error:  # noqa: BLE001
        yield _unforeseen(alias, f"embedders[{alias!r}].check()", error)
        return
    for message in messages:
        fix = str(message.hint or f"Correct {SETTING}[{alias!r}].")
        yield Finding(message.level < ERROR, subject, redacted(message.msg), fix)


def _probed(alias: str) -> Finding:
    subject, embedder = f"embedder {alias!r}", embedders[alias]
    try:
        seconds = median(_seconds(embedder) for _ in range(CALLS))
    except HybridStoreError as error:
        return Finding(False, subject, redacted(str(error)), f"See {SETTING}[{alias!r}].")
    except Exception as error:  # noqa: BLE001
        return _unforeseen(alias, f"embedders[{alias!r}].embed_query('text')", error)
    kind = "; lexical: it compares words, not meaning" if embedder.lexical else ""
    return Finding(
        True,
        subject,
        f"{embedder.model}, {embedder.dimensions} dimensions, space {embedder.space!r}, "
        f"answered in {1000 * seconds:.0f} ms (median of {CALLS} short calls){kind}",
    )


def _unforeseen(alias: str, call: str, error: Exception) -> Finding:
    """Of an unknown client; what it says may hold a key in whatever form."""
    fault = f"failed with {type(error).__name__}"
    return Finding(False, f"embedder {alias!r}", fault, f"manage.py shell tells more: {call}.")


def _seconds(embedder: BaseEmbedder) -> float:
    started = time.perf_counter()
    embedder.embed_query(PROBE)
    return time.perf_counter() - started
