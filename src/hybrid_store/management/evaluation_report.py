"""What `evaluate_search` tells, in lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hybrid_store.management.evaluation import Evaluation, Judged
from hybrid_store.ranking import Estimate

__all__ = ["Report"]

SHOWN_KEYS = 5
CELL_WIDTH = 26
MEAN = "{:.3f} [{:.3f}, {:.3f}]"
DIFFERENCE = "{:+.3f} [{:+.3f}, {:+.3f}]"


@dataclass(frozen=True)
class Report:
    """Figures, and the judgements that they rest on."""

    label: str
    judged: Judged
    evaluation: Evaluation

    def lines(self) -> Iterator[str]:
        judged = self.judged
        yield f"{self.label}: {len(judged.queries)} queries, {judged.judgements} judgements"
        yield from self._gaps()
        means, differences = self.evaluation.means, self.evaluation.differences
        width = max(map(len, [*means, *differences])) + 2
        yield _line("", next(iter(means.values())), width)
        for form, estimates in ((MEAN, means), (DIFFERENCE, differences)):
            for label, row in estimates.items():
                yield _line(label, [form.format(*each) for each in row.values()], width)
        yield "Means over the queries; in brackets, where they are likely to be (95 %, bootstrap)."

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.label,
            "judgements": self.judged.judgements,
            "queries": len(self.judged.queries),
            "unanswered": self._unanswered,
            "missing": [str(key) for key in self.judged.missing],
            "means": _as_json(self.evaluation.means),
            "differences": _as_json(self.evaluation.differences),
        }

    @property
    def _unanswered(self) -> int:
        return len(self.judged.queries) - len(self.judged.answered)

    def _gaps(self) -> Iterator[str]:
        if self._unanswered:
            yield f"Queries left out, as nothing is judged relevant to them: {self._unanswered}"
        missing = [str(key) for key in self.judged.missing]
        if missing:
            more = ", ..." if len(missing) > SHOWN_KEYS else ""
            yield (
                f"Judged keys that are not in the table and count as not found: {len(missing)} of "
                f"{len(self.judged.keys)} ({', '.join(missing[:SHOWN_KEYS])}{more})"
            )


def _line(label: str, cells: Iterable[str], width: int) -> str:
    return f"{label:<{width}}{''.join(f'{cell:<{CELL_WIDTH}}' for cell in cells)}".rstrip()


def _as_json(estimates: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
    return {
        label: {name: estimate._asdict() for name, estimate in row.items()}
        for label, row in estimates.items()
    }
