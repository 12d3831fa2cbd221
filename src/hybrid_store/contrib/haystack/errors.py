"""Haystack's errors in the place of ours, where it has the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from haystack.document_stores import errors as of_stores
from haystack.errors import FilterError as HaystackFilterError

from hybrid_store.exceptions import DuplicateDocumentError, FilterError

__all__ = ["translated_errors"]


@contextmanager
def translated_errors() -> Iterator[None]:
    try:
        yield
    except FilterError as error:
        raise HaystackFilterError(str(error)) from error
    except DuplicateDocumentError as error:
        raise of_stores.DuplicateDocumentError(str(error)) from error
