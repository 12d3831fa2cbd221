"""What keeps a file from being read."""

from __future__ import annotations

__all__ = ["UnreadableError"]


class UnreadableError(Exception):
    """A file or a text cannot become a document; the sentence goes on after its name."""
