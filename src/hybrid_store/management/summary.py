"""Reports of generations, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.base import counted
from hybrid_store.models.chunks import Chunking
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.sync.report import Estimate, Report
from hybrid_store.sync.splitting import SplitEstimate, SplitReport

__all__ = ["estimate_lines", "failure_lines", "split_estimate", "split_summary", "summary"]


def estimate_lines(field: EmbeddingField, estimate: Estimate) -> Iterator[str]:
    """What a dry run says."""
    if not estimate.rows:
        yield f"{field.label}: nothing to do."
        return
    yield (
        f"{field.label}: {counted(estimate.rows)} to embed, {estimate.texts} distinct texts, "
        f"about {estimate.tokens} tokens, {_cost(estimate.cost)}."
    )
    if estimate.blank:
        yield f"{counted(estimate.blank)} without text to clear."
    if estimate.too_long:
        yield (
            f"{estimate.too_long} texts are longer than the {field.embedder.max_tokens} tokens "
            f"that {field.embedder.model} takes."
        )


def _cost(cost: float | None) -> str:
    return "no PRICE is set, so the cost is unknown" if cost is None else f"cost about {cost:.4f}"


def split_estimate(chunking: Chunking, estimate: SplitEstimate) -> str:
    """What a dry run says of texts to split."""
    if not estimate.rows:
        return f"{chunking.label}: nothing to do."
    return (
        f"{chunking.label}: {counted(estimate.rows)} to split into {estimate.passages} passages, "
        f"{estimate.added} of them to embed, about {estimate.tokens} tokens, "
        f"{_cost(estimate.cost)}."
    )


def split_summary(chunking: Chunking, report: SplitReport) -> str:
    """One sentence about a splitting."""
    parts = [f"{counted(report.rows)} split"]
    if report.changed:
        parts.append(f"{counted(report.changed)} changed meanwhile and not split")
    passages = f"{report.added} new, {report.kept} kept, {report.removed} removed"
    return f"{chunking.label}: {', '.join(parts)} in {report.seconds:.1f} s; passages: {passages}."


def summary(field: EmbeddingField, report: Report, left: int) -> str:
    """One sentence about a run."""
    parts = [f"{counted(report.embedded)} embedded"]
    for count, words in (
        (report.cleared, "without text cleared"),
        (report.changed, "changed meanwhile and still stale"),
        (report.lost, "taken over by another run"),
        (report.failed, "failed"),
        (max(left - report.changed, 0), "left"),
        (report.elsewhere, "in the hands of other runs"),
    ):
        parts += [f"{count} {words}"] if count else []
    rate = f" ({report.done / report.seconds:.1f} rows/s)" if report.seconds else ""
    spent = f"{report.texts} texts and {report.tokens} tokens"
    cost = "" if report.cost is None else f", cost {report.cost:.4f}"
    return f"{field.label}: {', '.join(parts)} in {report.seconds:.1f} s{rate}; {spent}{cost}."


def failure_lines(field: EmbeddingField, report: Report) -> Iterator[str]:
    """What went wrong with single rows."""
    for reason, keys in report.reasons.items():
        yield f"{field.label} {', '.join(map(str, keys))}: {reason}"
    if report.failed:
        yield (
            f"{counted(report.failed)} failed. They are tried again when their text changes, after "
            "a while where that may help, or by --retry-failed."
        )
    if report.truncated:
        yield (
            f"{counted(report.truncated)} cut off: their texts are longer than the "
            f"{field.embedder.max_tokens} tokens that {field.embedder.model} reads."
        )
