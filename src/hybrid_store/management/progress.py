"""Showing a generation's progress: a line a row, or a bar."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.core.management.base import OutputWrapper

from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.sync.patience import Patience

__all__ = ["BarProgress", "LineProgress", "Progress", "QuietProgress"]

# A screen has no use for more updates than this a second.
UPDATES_A_SECOND = 10


class QuietProgress:
    """Shows nothing."""

    def stored(self, keys: Sequence[Any]) -> None:
        """Called with the keys of the rows that were just embedded."""

    def close(self) -> None:
        """Called once, at the end."""


Progress = QuietProgress


class LineProgress(QuietProgress):
    """A line a row, with the row's title."""

    def __init__(self, out: OutputWrapper, field: EmbeddingField, using: str) -> None:
        self.out = out
        self.rows = field.model._base_manager.using(using).defer(field.name)
        self.patience = Patience(using)

    def stored(self, keys: Sequence[Any]) -> None:
        rows = self.patience(partial(self.rows.in_bulk, list(keys)))
        for key in keys:
            if key in rows:
                self.out.write(f"Embedding stored for: {rows[key]}")


class BarProgress(QuietProgress):
    """A bar with rows a second and the time left: by tqdm where installed, else plain text."""

    def __init__(self, out: OutputWrapper, total: int) -> None:
        self.bar = _tqdm(total) or PlainBar(out, total)

    def stored(self, keys: Sequence[Any]) -> None:
        self.bar.update(len(keys))

    def close(self) -> None:
        self.bar.close()


def _tqdm(total: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit=" rows", dynamic_ncols=True)


class PlainBar:
    """Rows done, rows a second and time left, written over itself on one line."""

    def __init__(self, out: OutputWrapper, total: int) -> None:
        self.out = out
        self.total = total
        self.done = 0
        self.started = time.monotonic()
        self.shown = 0.0

    def update(self, rows: int) -> None:
        self.done += rows
        now = time.monotonic()
        if now - self.shown >= 1 / UPDATES_A_SECOND:
            self.shown = now
            self._show(now - self.started)

    def _show(self, seconds: float) -> None:
        rate = self.done / seconds if seconds else 0.0
        left = (self.total - self.done) / rate if rate else 0.0
        self.out.write(
            f"\r{self.done}/{self.total} rows, {rate:.1f} rows/s, {left:.0f} s left ", ending=""
        )
        self.out.flush()

    def close(self) -> None:
        self._show(time.monotonic() - self.started)
        self.out.write("")
