"""L102: rows with different texts have one vector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db.models import CharField, TextField

from hybrid_store.management.lint.data.base import SampleRule, Spot, share
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.vectors import Held

__all__ = ["RepeatedVector"]

FEWEST_ROWS = 5
LEAST_SHARE = 0.01
# Whose texts are compared.
COMPARED = 50


class RepeatedVector(SampleRule):
    id = "L102"
    title = "many rows have the same vector, and different texts"
    fix = (
        "Set the vector of these rows to NULL and embed them; take a default out of the field, "
        "and let it be NULL."
    )
    page = "howto/adopt.md"

    def judge(self, held: Held, column: Column, database: Database) -> Iterator[Spot]:
        groups = defaultdict(list)
        for key, array in held.vectors:
            groups[array.tobytes()].append(key)
        keys = max(groups.values(), key=len, default=[])
        many = len(keys) >= max(FEWEST_ROWS, LEAST_SHARE * held.count)
        if many and _texts_differ(column, database, keys[:COMPARED]):
            yield Spot(column, f"{share(len(keys), held, keys)} have one and the same vector")


def _texts_differ(column: Column, database: Database, keys: list[Any]) -> bool:
    """Not where a column of text is the same in these rows: it may be what was embedded. One that
    is the same in all rows, as a language, is not."""
    fields = column.model._meta.concrete_fields
    names = [f.name for f in fields if isinstance(f, CharField | TextField) and not f.primary_key]
    rows = database.rows(column.model)
    texts = zip(*rows.filter(pk__in=keys).values_list(*names), strict=True) if names else ()
    held = {name: {*values} for name, values in zip(names, texts, strict=False)}
    same = {name: text for name, values in held.items() for text in values if len(values) == 1}
    is_embedded = any(text and rows.exclude(**{name: text}).exists() for name, text in same.items())
    return not is_embedded and len(same) < max(len(names), 1)
