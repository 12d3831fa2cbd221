"""How good searches are by judgements: figures of every query in every mode, and their means."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet

from hybrid_store.management.judged_keys import KeyColumn
from hybrid_store.management.judgements import Judgement
from hybrid_store.ranking import MEASURES, Estimate, difference, mean

__all__ = ["Evaluation", "Judged", "JudgedQuery", "Search"]

Search = Callable[[str], QuerySet[Any]]
"""The rows that a text finds, best first."""


@dataclass(frozen=True)
class JudgedQuery:
    """A query, and the relevance of every key that was judged for it."""

    text: str
    gains: Mapping[Any, float]

    @property
    def has_answer(self) -> bool:
        return any(gain > 0 for gain in self.gains.values())


@dataclass(frozen=True)
class Judged:
    """What judgements say about the rows of a table."""

    judgements: int
    queries: Sequence[JudgedQuery]
    keys: Collection[Any]
    """All that were judged, each once."""
    missing: Sequence[Any]
    """Those of them that no row has."""

    @classmethod
    def of(cls, judgements: Sequence[Judgement], column: KeyColumn, rows: QuerySet[Any]) -> Judged:
        """Raises `CommandError` for judgements that contradict each other or cannot be of these
        rows."""
        queries = list(_queries(judgements, column))
        if not any(query.has_answer for query in queries):
            raise CommandError("Nothing is judged relevant: give what is a relevance above 0.")
        keys = dict.fromkeys(key for query in queries for key in query.gains)
        held = column.held(rows, keys)
        if not held:
            raise CommandError(
                f"No row of {column.label} has any of the judged keys. Name the column that they "
                "are of by --key."
            )
        return cls(len(judgements), queries, keys, [key for key in keys if key not in held])

    @property
    def answered(self) -> list[JudgedQuery]:
        """The queries for which something is relevant; of the others there are no figures."""
        return [query for query in self.queries if query.has_answer]


def _queries(judgements: Iterable[Judgement], column: KeyColumn) -> Iterator[JudgedQuery]:
    """In the order of the file, each with all that is judged for it."""
    texts: dict[str, str] = {}
    gains: dict[str, dict[Any, float]] = {}
    for each in judgements:
        texts[each.query] = each.text
        try:
            key = column.parse(each.key)
        except ValueError:
            each.line.refuse(f"{each.key!r} cannot be a {column.label}. Correct it, or set --key.")
        judged = gains.setdefault(each.query, {})
        if judged.setdefault(key, each.relevance) != each.relevance:
            each.line.refuse(f"{each.key!r} was judged {judged[key]:g} before. Leave out one.")
    for query, text in texts.items():
        yield JudgedQuery(text, gains[query])


@dataclass(frozen=True)
class Evaluation:
    """Searches in several modes, judged by the same queries.

    `figures` are those of the single queries, by mode and measure; all of them take the first
    `limit` rows.
    """

    limit: int
    figures: Mapping[str, Mapping[str, Sequence[float]]]

    @classmethod
    def of(
        cls,
        modes: Mapping[str, Search],
        queries: Sequence[JudgedQuery],
        column: KeyColumn,
        limit: int,
    ) -> Evaluation:
        """Run every query, each of which has an answer, in every mode."""
        figures: dict[str, dict[str, list[float]]] = {}
        for mode, search in modes.items():
            found = [
                list(search(query.text).values_list(column.path, flat=True)[:limit])
                for query in queries
            ]
            figures[mode] = {
                f"{name}@{limit}": [
                    measure(keys, query.gains, limit)
                    for keys, query in zip(found, queries, strict=True)
                ]
                for name, measure in MEASURES.items()
            }
        return cls(limit, figures)

    @property
    def means(self) -> dict[str, dict[str, Estimate]]:
        """By mode and measure."""
        return {
            mode: {name: mean(values) for name, values in measured.items()}
            for mode, measured in self.figures.items()
        }

    @property
    def differences(self) -> dict[str, dict[str, Estimate]]:
        """Of the first mode less each other one, by what is compared and by measure."""
        first, *others = self.figures
        return {
            f"{first} - {other}": {
                name: difference(values, self.figures[other][name])
                for name, values in self.figures[first].items()
            }
            for other in others
        }
