"""From what a project stored before to vectors, and back."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, cast

from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.operations.blobs import (
    StoredVector,
    UnfitError,
    VectorReader,
    as_stored,
    empty_value,
)
from hybrid_store.operations.columns import ColumnChange, pages
from hybrid_store.operations.diagnosis import KEEP, NULL, REFUSE, Diagnosis, report
from hybrid_store.vectors import Vector

__all__ = ["export_vectors", "import_vectors"]

logger = logging.getLogger("hybrid_store")

ADVICE = """\
Say what to do with them in the migration, such as on_bad={{"{example}": "null"}}. "null" sets the \
vectors to NULL, "keep" takes them as they are ("repeated" and "random" only).{ambiguous}"""
AMBIGUOUS_ADVICE = (
    " If the field's dimensions are wrong, correct them; if they are right, name the float type "
    'as in source_dtype="float32".'
)


def import_vectors(change: ColumnChange, on_bad: Mapping[str, str], dtype: str | None) -> None:
    """Make a column of stored values one of vectors.

    Raises `VectorConversionError` before anything is changed if a row has a fault that `on_bad`
    does not settle.
    """
    _Import(change, on_bad, dtype).run()


class _Import:
    def __init__(self, change: ColumnChange, on_bad: Mapping[str, str], dtype: str | None) -> None:
        self.change = change
        self.field = cast(BaseVectorField, change.new)
        self.reader = VectorReader(self.field.codec, self.field.dimensions, dtype)
        # What cannot be NULL cannot be set to NULL.
        self.on_bad = (
            on_bad
            if self.field.null
            else {kind: REFUSE if action == NULL else action for kind, action in on_bad.items()}
        )
        self.emptied: set[Any] = set()

    def run(self) -> None:
        if not self.change.collects_sql:
            diagnosis = self._diagnose()
            self._settle(diagnosis)
        self.change.copy(self._convert)

    def _read(self, value: Any) -> StoredVector | None:
        """Raises `UnfitError`."""
        stored = self.reader.read(value)
        if stored is None and not self.field.null:
            raise UnfitError("missing", "no vector")
        if stored is not None and stored.vector.is_zero() and not self.field.allows_zero:
            raise UnfitError("zero", "all zero")
        return stored

    def _diagnose(self) -> Diagnosis:
        diagnosis = Diagnosis()
        for key, value, text in self._rows():
            try:
                stored = self._read(value)
            except UnfitError as error:
                diagnosis.add_fault(error.kind, key)
                continue
            if stored is not None:
                diagnosis.add(key, stored.vector, stored.form, text)
        return diagnosis

    def _rows(self) -> Iterator[tuple[Any, Any, str | None]]:
        """Key, stored value, and a digest of the text where the database can tell it."""
        rows, names = self.change.rows, [self.change.name]
        if isinstance(self.field, EmbeddingField) and self.field.source_names:
            rows = rows.annotate(_text=freshness.content(self.field))
            names.append("_text")
        for page in pages(rows, *names):
            for key, value, *text in page:
                yield key, value, text[0] if text else None

    def _settle(self, diagnosis: Diagnosis) -> None:
        """Refuse, or remember which rows are set to NULL; either is reported."""
        faults = diagnosis.faults()
        refused = {kind: keys for kind, keys in faults.items() if self.on_bad[kind] == REFUSE}
        if refused:
            raise self.change.error(_refusal(refused))
        emptied = {kind: keys for kind, keys in faults.items() if self.on_bad[kind] == NULL}
        kept = {kind: keys for kind, keys in faults.items() if self.on_bad[kind] == KEEP}
        self.emptied.update(key for keys in emptied.values() for key in keys)
        _log(self.change.label, "these vectors are set to NULL", emptied)
        _log(self.change.label, "these vectors are kept as they are", kept)
        forms = ", ".join(f"{count} of {form}" for form, count in diagnosis.forms.items())
        logger.info("%s: vectors read: %s.", self.change.label, forms or "none")

    def _convert(self, key: Any, value: Any) -> Vector | None:
        if key in self.emptied:
            return None
        try:
            stored = self._read(value)
        except UnfitError as error:
            # Only where somebody writes to the table while it is being migrated.
            raise self.change.error(f"row {key!r} has changed meanwhile: {error}") from error
        return None if stored is None else stored.vector


def _refusal(faults: Mapping[str, list[Any]]) -> str:
    rows = len({key for keys in faults.values() for key in keys})
    advice = ADVICE.format(
        example=next(iter(faults)), ambiguous=AMBIGUOUS_ADVICE if "ambiguous" in faults else ""
    )
    found = "\n".join(report(faults))
    described = "1 row is" if rows == 1 else f"{rows} rows are"
    return f"{described} at fault; nothing was changed.\n{found}\n{advice}"


def _log(label: str, what: str, faults: Mapping[str, list[Any]]) -> None:
    if faults:
        logger.warning("%s: %s.\n%s", label, what, "\n".join(report(faults)))


def export_vectors(change: ColumnChange, dtype: str) -> None:
    """Make a column of vectors one of what it was before, bytes being of `dtype`."""
    missing = None if change.new.null else empty_value(change.new)

    def convert(key: Any, vector: Vector | None) -> Any:
        if vector is not None:
            return as_stored(vector, change.new, dtype)
        if missing is None and not change.new.null:
            raise change.error(f"row {key!r} has no vector, but the old column was not null.")
        return missing

    change.copy(convert)
