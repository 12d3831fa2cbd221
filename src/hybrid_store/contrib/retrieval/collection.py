"""`Collection`: the documents in a queryset, read, searched, written and deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from django.db.models import QuerySet

from hybrid_store.contrib.retrieval.filters import Filter, where
from hybrid_store.contrib.retrieval.layout import Layout, Record, layout
from hybrid_store.contrib.retrieval.many import among
from hybrid_store.contrib.retrieval.places import write_alias
from hybrid_store.contrib.retrieval.room import is_storable
from hybrid_store.contrib.retrieval.writing import Conflict, Writing
from hybrid_store.exceptions import SearchError
from hybrid_store.models import diversify, nearest, rerank, search
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.functions import METRICS
from hybrid_store.models.fused.ranking import CANDIDATES

__all__ = ["Collection", "Hit", "Question", "collection"]

# Names that no model has.
SCORE, DISTANCE, VECTOR_RANK, TEXT_RANK = (
    f"_hybrid_store_document_{name}" for name in ("score", "distance", "vector_rank", "text_rank")
)
# Rows that are in memory at a time.
CHUNK = 500
# How many of the best rows unlike ones are chosen from, for every one wanted, and at least.
CHOICE, LEAST_CHOICE = 4, 20


@dataclass(frozen=True)
class Question:
    """What is searched for: a vector, the words of a text, or both, whichever is given.

    `vector` may also be a text, which the embedding's own embedder embeds when rows are fetched.
    `alpha` is the share of the vector, from 0 to 1. With `lambda_` below 1 rows are chosen that are
    unlike each other, from `choice` of the best ones; by both a vector and words, so many of the
    best by either are fused. A `reranker`, as for `rerank`, compares the best ones with the text.
    """

    count: int
    vector: Any = None
    text: str | None = None
    filter: Filter | None = None
    alpha: float = 0.5
    lambda_: float = 1.0
    choice: int | None = None
    reranker: Any = None


@dataclass(frozen=True)
class Hit:
    """A document that was found with its score, of which the greater is the better: by a vector
    the similarity, by words BM25, by both that of the fusion; with a reranker what that gives."""

    record: Record
    score: float


@dataclass(frozen=True)
class Collection:
    """Nothing in it leaves its queryset: rows that are not there are neither found nor changed.

    Rows that are written get `defaults`, by which they are there, and are refused where they are
    not. `embedded_by` says whose vectors are written, as for `bulk_ingest`.
    """

    queryset: QuerySet[Any]
    layout: Layout
    defaults: dict[str, Any] = field(default_factory=dict)
    embedded_by: str | None = None

    # Read

    def rows(self, given: Filter | None = None) -> QuerySet[Any]:
        """Those for which a filter holds, each once; raises `FilterError`."""
        if given is None:
            return self.queryset.all()
        condition = where(given, self.layout)
        if not self.layout.reads_others:
            return self.queryset.filter(condition)
        # A condition on related rows would give a row as often as it holds.
        found = self.queryset.model._base_manager.filter(condition).values("pk")
        return self.queryset.filter(pk__in=found)

    def records(self, rows: QuerySet[Any], *, with_embeddings: bool = False) -> Iterator[Record]:
        return map(
            self.layout.record, rows.values(*self.layout.read(with_embedding=with_embeddings))
        )

    def metadata(self, rows: QuerySet[Any]) -> Iterator[dict[str, Any]]:
        """That of rows, however many they are."""
        names = {*filter(None, [self.layout.metadata]), *self.layout.fields.values()}
        found = rows.values("pk", *names).iterator(chunk_size=CHUNK)
        return map(self.layout.metadata_of, found)

    def by_key(self, keys: Iterable[str], *, with_embeddings: bool = False) -> dict[str, Record]:
        """Those that are there."""
        found = self.records(self.rows_by_key(keys), with_embeddings=with_embeddings)
        return {record.key: record for record in found}

    def within(
        self, keys: Iterable[str] | None = None, sources: Iterable[str] | None = None
    ) -> Collection:
        """Only the documents with these keys, and of these sources; None stands for all of them.

        Raises `DocumentError` for sources where the model has none.
        """
        rows = self.queryset if keys is None else self.rows_by_key(keys)
        if sources is not None:
            # What has no source is a part of nothing.
            known = [source for source in sources if source and is_storable(source)]
            rows = rows.filter(among(self.layout.source_name, known))
        return replace(self, queryset=rows)

    def rows_by_key(self, keys: Iterable[str]) -> QuerySet[Any]:
        values = [value for key in keys if (value := self.layout.value_of(key)) is not None]
        return self.queryset.filter(among(self.layout.key, values))

    # Search

    def search(self, question: Question, *, with_embeddings: bool = False) -> list[Hit]:
        """The best documents; raises subclasses of `SearchError`."""
        if question.count < 1:
            return []
        found, score_of = self._ranked(self.rows(question.filter), question)
        if question.lambda_ != 1:
            choice = question.choice or max(CHOICE * question.count, LEAST_CHOICE)
            vector = self.layout.vector.name
            found = diversify(found, lambda_=question.lambda_, candidates=choice, field=vector)
        if question.reranker is not None:
            found = rerank(found, question.reranker, text=self.layout.text)
        names = self.layout.read(with_embedding=with_embeddings)
        rows = found[: question.count].values(*names, SCORE)
        return [Hit(self.layout.record(row), score_of(row[SCORE])) for row in rows]

    def _ranked(
        self, rows: QuerySet[Any], question: Question
    ) -> tuple[QuerySet[Any], Callable[[Any], float]]:
        """The best first, and the score that belongs to what they have as `SCORE`."""
        vector, text = question.vector, (question.text or "").strip()
        if vector is None and not text:
            raise SearchError("There is nothing to search for: give a vector, a text, or both.")
        if not text:
            return self._nearest(rows, vector)
        found = search(
            rows,
            question.text or "",
            mode="text" if vector is None else "hybrid",
            near=vector,
            field=None if vector is None else self.layout.vector.name,
            alpha=question.alpha,
            candidates=question.choice or CANDIDATES,
            score_as=SCORE,
            distance_as=DISTANCE,
            vector_rank_as=VECTOR_RANK,
            text_rank_as=TEXT_RANK,
        )
        return found, float

    def _nearest(
        self, rows: QuerySet[Any], vector: Any
    ) -> tuple[QuerySet[Any], Callable[[Any], float]]:
        """They have their distance: a database would compute it once more for the similarity."""
        field = self.layout.vector
        found = nearest(rows, vector, field=field.name, similarity_as=None, distance_as=SCORE)
        distance = METRICS[cast("Any", found.query).search.metric]
        return found, partial(distance.similarity, dimensions=field.dimensions)

    # Write

    def write(self, records: Sequence[Record], conflict: Conflict = Conflict.REPLACE) -> list[str]:
        """The keys of those written, all or none; see `Writing`."""
        return self._writing.write(records, conflict)

    def merge(self, rows: QuerySet[Any], changes: Mapping[str, Any]) -> int:
        """How many documents got metadata besides what they have, of rows of this collection."""
        return self._writing.merge(rows, changes)

    def delete(self, rows: QuerySet[Any]) -> int:
        """How many documents were deleted, of rows of this collection."""
        chosen = rows.using(write_alias(rows))
        # A queryset that is sliced, distinct or ranked is none that can be deleted.
        found = chosen.model._base_manager.using(chosen.db).filter(pk__in=chosen.values("pk"))
        _, counts = found.delete()
        return int(counts.get(rows.model._meta.label, 0))

    @property
    def _writing(self) -> Writing:
        return Writing(self.queryset, self.layout, self.defaults, self.embedded_by)

    # Embed

    @property
    def embedder(self) -> Any:
        """That of the embedding; None where it has none of its own."""
        vector = self.layout.vector
        return vector.embedder if isinstance(vector, EmbeddingField) else None


def collection(
    queryset: QuerySet[Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    embedded_by: str | None = None,
    **names: Any,
) -> Collection:
    """The documents in a queryset; `names` are those of fields, see `layout`."""
    return Collection(queryset, layout(queryset.model, **names), dict(defaults or {}), embedded_by)
