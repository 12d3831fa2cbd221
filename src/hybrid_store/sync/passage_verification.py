"""Verification of passages: read them back and compare them with the texts that they are of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, OuterRef, QuerySet

from hybrid_store.models.chunks import Chunking, storable
from hybrid_store.models.unsplit import expected
from hybrid_store.sync.passages import Stored, stored_passages
from hybrid_store.sync.sources import SourceText, read_texts

__all__ = ["PassageVerification", "verify_passages"]

AT_ONCE = 100

OF_OTHER_TEXT = "the passages are of another text, or made in another way"
OF_NO_TEXT = "there are passages, and no text"
MISSING = "passages are missing"
CHANGED = "passages were changed by hand"
ORPHANS = "passages are of a row that is not there"


@dataclass
class PassageVerification:
    """What was found: rows of the parent read, those not split yet, their passages, and keys of
    rows by fault; the faults of passages without a row have keys of passages."""

    chunking: Chunking
    rows: int = 0
    missing: int = 0
    passages: int = 0
    faults: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))

    @property
    def ok(self) -> bool:
        return not self.faults


def verify_passages(chunking: Chunking, *, using: str = DEFAULT_DB_ALIAS) -> PassageVerification:
    """Check the passages of every row; reads all texts once. Nothing is split."""
    found = PassageVerification(chunking)
    passages = chunking.model._base_manager.using(using)
    parents = chunking.text.model._base_manager.using(using)
    for texts in _chunks(chunking, parents):
        stored = stored_passages(chunking, passages, [text.pk for text in texts])
        for text in texts:
            _verify(found, text, stored[text.pk])
    orphans = passages.filter(~Exists(parents.filter(pk=OuterRef(chunking.parent.attname))))
    for key in orphans.values_list("pk", flat=True):
        found.faults[ORPHANS].append(key)
    return found


def _chunks(chunking: Chunking, parents: QuerySet[Any]) -> Iterator[list[SourceText]]:
    rows = parents.order_by("pk")
    chunk = read_texts(chunking.text, rows[:AT_ONCE])
    while chunk:
        yield chunk
        chunk = read_texts(chunking.text, rows.filter(pk__gt=chunk[-1].pk)[:AT_ONCE])


def _verify(found: PassageVerification, text: SourceText, stored: Sequence[Stored]) -> None:
    found.rows += 1
    found.passages += len(stored)
    if not stored:
        found.missing += not text.is_blank
        return
    fault = _fault(text, stored, expected(found.chunking, text.text, text.content))
    if fault is not None:
        found.faults[fault].append(text.pk)


def _fault(text: SourceText, stored: Sequence[Stored], fingerprint: str) -> str | None:
    if text.is_blank:
        return OF_NO_TEXT
    if {passage.place.source_fingerprint for passage in stored} != {fingerprint}:
        return OF_OTHER_TEXT
    if [passage.place.number for passage in stored] != list(range(stored[0].place.total)):
        return MISSING
    whole = storable(text.text)
    if any(whole[p.place.start : p.place.end] != p.text for p in stored):
        return CHANGED
    return None
