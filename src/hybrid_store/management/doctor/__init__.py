"""What is really in effect: examinations that each yield findings.

`EXAMINATIONS` is the table of contents. An examination is a function in a module of its own, from a
`Case` to findings; `Case.ask` puts its questions to the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hybrid_store.management.base import first_line
from hybrid_store.management.doctor import (
    configuration,
    coverage,
    database,
    embedders,
    generation,
    indexes,
    searches,
    tables,
)
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.management.redaction import redacted

__all__ = ["EXAMINATIONS", "Examination", "examined"]


@dataclass(frozen=True)
class Examination:
    """A section of what is told. `needs_tables`: only where vectors can be stored at all."""

    section: str
    examine: Callable[[Case], Iterable[Finding]]
    needs_tables: bool = True

    def findings(self, case: Case) -> Iterator[Finding]:
        """A fault that nobody expected ends the examination, not the command."""
        try:
            yield from self.examine(case)
        except Exception as error:  # noqa: BLE001
            fault = f"{type(error).__name__}: {redacted(first_line(error))}"
            fix = f"This is not foreseen; manage.py check --database {case.using} may tell more."
            yield Finding(False, self.section.lower(), fault, fix)


EXAMINATIONS = [
    Examination("Database", database.examine, needs_tables=False),
    Examination("Settings", configuration.examine, needs_tables=False),
    Examination("Embedders", embedders.examine, needs_tables=False),
    Examination("Indexes", indexes.examine),
    Examination("Tables", tables.examine),
    Examination("Embeddings", coverage.examine),
    Examination("Generation", generation.examine),
    Examination("Searches", searches.examine),
]


def examined(case: Case) -> Iterator[tuple[str, Finding]]:
    """Every finding with its section; of tables, where the database can be used."""
    is_usable = True
    for examination in EXAMINATIONS:
        if is_usable or not examination.needs_tables:
            for finding in examination.findings(case):
                is_usable = is_usable and not finding.final
                yield examination.section, finding
