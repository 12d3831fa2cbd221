"""What may be searched: querysets, each made for the request that asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from hybrid_store.contrib.openai_api.asked import Asked
from hybrid_store.contrib.openai_api.errors import APIError
from hybrid_store.contrib.openai_api.filters import filter_of
from hybrid_store.contrib.retrieval.collection import Collection, Hit, Question, collection
from hybrid_store.contrib.retrieval.filters import Filter
from hybrid_store.contrib.retrieval.modes import mode_of
from hybrid_store.exceptions import FilterError

__all__ = ["VectorStore"]


@dataclass(frozen=True)
class VectorStore:
    """What clients may search by an id.

    `rows` takes a request, whose `user` is whom `authenticate` has found, and gives the rows that
    it may see. Where it raises `PermissionDenied` or `Http404`, the answer is that of an id that
    there is not. `fields` and the names are those of
    `hybrid_store.contrib.retrieval.layout.layout`; a result is of the file that `source` tells,
    else of one of its own. `filename` is the attribute with that file's name. `mode` is "hybrid",
    "vector" or "text".
    """

    id: str
    rows: Callable[[HttpRequest], QuerySet[Any]]
    fields: Iterable[str] | Mapping[str, str] = ()
    names: Mapping[str, Any] = field(default_factory=dict)
    filename: str | None = None
    mode: str = "hybrid"

    def __post_init__(self) -> None:
        mode_of(self.mode)

    def collection(self, request: HttpRequest) -> Collection | None:
        """Its documents, for one request; None where that may not see them."""
        try:
            rows = self.rows(request)
        except (PermissionDenied, Http404):
            return None
        return collection(rows, fields=self.fields, **self.names)

    def results(self, found: Collection, asked: Asked) -> list[dict[str, Any]]:
        """The best for any of the queries, each once, in OpenAI's form: all that are first for
        one, then all that are second, and so on."""
        mode = mode_of(self.mode)
        wanted = _filter(found, asked)
        placed = [
            (place, hit)
            for query in asked.queries
            for place, hit in enumerate(found.search(self._question(query, wanted, asked.count)))
        ]
        placed.sort(key=lambda each: (each[0], -each[1].score))
        best: dict[str, Hit] = {}
        for _, hit in placed:
            best.setdefault(hit.record.key, hit)
        scored = [(hit, mode.relevance(hit.score)) for hit in best.values()]
        good = [(hit, score) for hit, score in scored if score >= asked.threshold]
        return [self._result(hit, score) for hit, score in good[: asked.count]]

    def _question(self, query: str, wanted: Filter | None, count: int) -> Question:
        mode = mode_of(self.mode)
        return Question(
            count,
            vector=query if mode.by_vector else None,
            text=query if mode.by_words else None,
            filter=wanted,
        )

    def _result(self, hit: Hit, score: float) -> dict[str, Any]:
        record = hit.record
        file = record.source or record.key
        attributes = {
            key: value
            for key, value in record.metadata.items()
            if isinstance(value, str | int | float)
        }
        return {
            "file_id": file,
            "filename": str(attributes.get(self.filename or "", file)),
            "score": score,
            "attributes": attributes,
            "content": [{"type": "text", "text": record.text}],
        }


def _filter(found: Collection, asked: Asked) -> Filter | None:
    if asked.filters is None:
        return None
    try:
        wanted = filter_of(asked.filters, found.layout)
        found.rows(wanted)
    except FilterError as error:
        raise APIError(400, str(error), param="filters") from error
    return wanted
