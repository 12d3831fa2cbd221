"""The indexes over vectors and of words: as the models declare them, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from django.db.models import Model

from hybrid_store.backends.indexes import StoredIndex
from hybrid_store.checks.databases import check_stored_indexes
from hybrid_store.checks.texts import UNSTEMMED, check_stored_texts
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.management.doctor.sizes import size
from hybrid_store.models.known_indexes import own_indexes
from hybrid_store.models.text_index import declared_text_indexes

__all__ = ["examine"]


def examine(case: Case) -> Iterator[Finding]:
    yield from case.ask("indexes", partial(_declared, case.using))
    for model in case.models:
        yield from case.ask(f"indexes of {model._meta.label}", partial(_stored, case, model))
    yield from case.ask("indexes of words", partial(_words, case))


def _declared(using: str) -> Iterator[Finding]:
    faults = [
        Finding(message.id == UNSTEMMED, "indexes", message.msg, str(message.hint))
        for message in (*check_stored_indexes(using), *check_stored_texts(using))
    ]
    yield from faults or [Finding(True, "indexes", "as the models declare them")]


def _stored(case: Case, model: type[Model]) -> Iterator[Finding]:
    """Those over vectors. Of what is declared, it is told already that it is invalid."""
    indexes = case.ops.stored_indexes(model)
    sizes = case.ops.table_report(model).indexes if indexes else {}
    declared = {index.name for index in own_indexes(model)}
    for index in indexes:
        subject = f"index {index.name}"
        detail = f"{_described(index)}, {size(sizes.get(index.name))}"
        if index.is_valid:
            yield Finding(True, subject, detail, minor=True)
        elif index.name not in declared:
            fix = "Drop it: it costs and serves nothing."
            yield Finding(False, subject, f"invalid, and declared by no model: {detail}", fix)


def _words(case: Case) -> Iterator[Finding]:
    """The sizes of those that are there; what is wrong with them is told already."""
    for spec in declared_text_indexes(case.using):
        taken = case.ops.texts.size(spec)
        if taken is not None:
            detail = f"of words of {spec.table}, {size(taken)}"
            yield Finding(True, f"index {spec.name}", detail, minor=True)


def _described(index: StoredIndex) -> str:
    kind = " of bits" if index.type_name == "bit" else ""
    metric = f" by {index.metric}" if index.metric else kind
    return f"{index.method} over {index.column}{metric}"
