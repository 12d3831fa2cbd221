"""`highlight`: the words that were searched for, marked in the rows that were found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connections
from django.db.models import CharField, Model, QuerySet, TextField

from hybrid_store.backends import vector_ops
from hybrid_store.backends.texts import TextSpec
from hybrid_store.exceptions import SearchError
from hybrid_store.models.fused.finishing import finished
from hybrid_store.models.fused.legs import TextLeg
from hybrid_store.models.fused.passages import AttachedPassages, PassageLeg
from hybrid_store.models.fused.query import FusedQuery
from hybrid_store.models.names import check_names
from hybrid_store.texts.highlighting import Marker, words_in
from hybrid_store.texts.words import TOKENIZERS, bare

__all__ = ["highlight"]

ModelT = TypeVar("ModelT", bound=Model)

TAG = re.compile("[a-z][a-z0-9-]*")


def highlight(
    queryset: QuerySet[ModelT],
    *fields: str,
    tag: str = "mark",
    length: int | None = None,
    highlights_as: str = "highlights",
) -> QuerySet[ModelT]:
    """A search by words whose rows carry, under that name, a dict of field to HTML.

    The HTML is the text of the field, escaped, with the words found in an element `tag`; with
    `length`, about so many characters of it, where most of them are. The forms of words that the
    index takes for one are marked alike. After `search_by_passage` they are fields of the passage.
    Raises `SearchError` where there is no search by words,
    and for names that are no char or text fields of the model.
    """
    leg, passage = _by_words(queryset)
    if leg is None:
        raise SearchError('highlight() follows search(), unless by mode="vector".')
    _check(passage.chunking.model if passage else queryset.model, fields, tag, length)
    check_names(queryset, {"highlights_as": highlights_as})
    marked = queryset.all()
    of = passage.name if passage else None
    words = leg.query.words
    finished(marked, Highlights(leg.spec, words, fields, tag, length, highlights_as, of))
    return marked


def _by_words(queryset: QuerySet[Any]) -> tuple[TextLeg | None, AttachedPassages | None]:
    """The leg by words, and the passages that rows carry, if it ranks those."""
    query = queryset.query
    if not isinstance(query, FusedQuery):
        return None, None
    legs = [leg.leg if isinstance(leg, PassageLeg) else leg for leg in query.ranking.legs]
    attached = [one for one in query.finishers if isinstance(one, AttachedPassages)]
    leg = next((leg for leg in legs if isinstance(leg, TextLeg)), None)
    return leg, next(iter(attached), None)


def _check(model: type[Model], fields: Sequence[str], tag: str, length: Any) -> None:
    label = model._meta.label
    known = {
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, CharField | TextField)
    }
    unknown = [name for name in fields if name not in known]
    if unknown or not fields:
        choices = ", ".join(sorted(known))
        raise SearchError(f"{label}: highlight() takes char or text fields, of {choices}.")
    if not TAG.fullmatch(tag):
        raise SearchError(f"{label}: the tag {tag!r} is no name of an HTML element.")
    if length is not None and (type(length) is not int or length < 1):
        raise SearchError(f"{label}: length is {length!r}: use a number of characters.")


@dataclass(frozen=True)
class Highlights:
    """Marks words in the fields of rows, or of what they carry by the name `of`."""

    spec: TextSpec
    words: Sequence[str]
    fields: Sequence[str]
    tag: str
    length: int | None
    name: str
    of: str | None = None

    def finish(self, rows: Sequence[Any], using: str) -> None:
        shown = [row if self.of is None else getattr(row, self.of) for row in rows]
        texts = [[getattr(one, field, None) or "" for field in self.fields] for one in shown]
        marker = self._marker(
            {word for row in texts for text in row for word in words_in(text)}, using
        )
        for row, values in zip(rows, texts, strict=True):
            marked = [marker.marked(text) for text in values]
            setattr(row, self.name, dict(zip(self.fields, marked, strict=True)))

    def _marker(self, words: set[str], using: str) -> Marker:
        """One question for the terms of all words."""
        if TOKENIZERS[self.spec.tokenizer].finds_parts:
            return Marker(self.words, {}, self.tag, self.length, finds_parts=True)
        ops = vector_ops(connections[using]).texts
        terms = ops.terms(self.spec, sorted(words | {*self.words}))
        wanted = {terms.get(word, bare(word)) for word in self.words}
        return Marker(wanted, terms, self.tag, self.length)
