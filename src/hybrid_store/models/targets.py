"""What a search should be near to: a text, a vector, a saved row, or a mixture of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from django.db.models import Model

from hybrid_store.embedders import embedders
from hybrid_store.exceptions import InvalidTargetError, SpaceMismatchError, VectorValueError
from hybrid_store.models import query_cache
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.fingerprint import space_prefix
from hybrid_store.models.late import LateValue
from hybrid_store.vectors import BaseVector, Vector

__all__ = [
    "MixtureTarget",
    "QueryVector",
    "RowTarget",
    "TextTarget",
    "Weighted",
    "excluded_keys",
    "resolve",
]

QueryVector: TypeAlias = BaseVector | LateValue
Weighted: TypeAlias = Sequence[tuple[QueryVector, float]]
"""Vectors with their weights, which are above 0."""


class TextTarget(LateValue):
    """A text, embedded as a query unless its vector is in the query cache.

    The cache is asked at most once. Only `prepare` stores into it: the text of a subquery is
    embedded while the driver works, when a cache in the same database cannot be reached.
    """

    def __init__(self, text: str, embedder: str) -> None:
        super().__init__()
        self.text = text
        self.embedder = embedder
        self._asked = False
        self._is_new = False

    def compute(self) -> Vector:
        vector = Vector(embedders[self.embedder].embed_query(self.text))
        self._is_new = True
        return vector

    def read(self) -> None:
        if self._asked or self.is_settled:
            return
        self._asked = True
        kept = query_cache.recall(embedders[self.embedder], self.text)
        if kept is not None:
            self.settle(kept)

    def prepare(self) -> None:
        super().prepare()
        if self._is_new:
            self._is_new = False
            query_cache.keep(embedders[self.embedder], self.text, Vector(self.vector()))

    def __repr__(self) -> str:
        return f"<embedding of {self.text!r}>"


class RowTarget(LateValue):
    """The stored vector of a row that was loaded without it."""

    def __init__(self, field: BaseVectorField, row: Model) -> None:
        super().__init__()
        self.field = field
        self.pk = field.key_of(row)
        self.database = row._state.db

    def compute(self) -> BaseVector:
        rows = self.field.model._base_manager.using(self.database).filter(pk=self.pk)
        names = [self.field.attname]
        if isinstance(self.field, EmbeddingField):
            names.append(self.field.fingerprint_name)
        stored = rows.values_list(*names).first()
        if stored is None:
            raise InvalidTargetError(f"{_row(self.field, self.pk)} is no longer in the database.")
        return _usable(self.field, self.pk, *stored)

    def read(self) -> None:
        self.vector()

    def __repr__(self) -> str:
        return f"<{self.field.name} of {self.field.model._meta.label} {self.pk!r}>"


class MixtureTarget(LateValue):
    """Mean of the liked vectors, plus its difference to the mean of the unliked ones.

    Each stands with its weight in the mean.
    """

    def __init__(self, field: BaseVectorField, like: Weighted, unlike: Weighted) -> None:
        super().__init__()
        self.field = field
        self.like = like
        self.unlike = unlike

    def compute(self) -> BaseVector:
        mixed: BaseVector = self.field.codec.mix(_known(self.like), _known(self.unlike))
        if mixed.is_zero():
            raise InvalidTargetError(
                "The liked and unliked vectors cancel out: give others, or fewer 'unlike'."
            )
        return mixed

    def read(self) -> None:
        for part in self._late():
            part.read()

    def prepare(self) -> None:
        for part in self._late():
            part.prepare()
        super().prepare()

    def _late(self) -> list[LateValue]:
        return [part for part, _ in (*self.like, *self.unlike) if isinstance(part, LateValue)]

    def __repr__(self) -> str:
        return f"<like {self.like!r}, unlike {self.unlike!r}>"


def _known(vectors: Weighted) -> list[tuple[BaseVector, float]]:
    return [
        (vector.vector() if isinstance(vector, LateValue) else vector, weight)
        for vector, weight in vectors
    ]


def resolve(field: BaseVectorField, to: Any) -> QueryVector:
    """`to` as the vector to compare `field` with; raises `InvalidTargetError`.

    Neither an embedder is called nor the database read: what needs that becomes a late value.
    """
    if isinstance(to, LateValue):
        return to
    if isinstance(to, Model):
        return _of_row(field, to)
    if isinstance(to, str):
        return _of_text(field, to)
    try:
        vector: BaseVector = field.codec.parse(to, field.dimensions)
    except VectorValueError as error:
        raise InvalidTargetError(
            f"{field.label}: cannot search near {to!r:.60}: {error}."
        ) from error
    return vector


def _of_text(field: BaseVectorField, text: str) -> QueryVector:
    if not isinstance(field, EmbeddingField):
        return _of_written(field, text)
    if not text.strip():
        raise InvalidTargetError(f"{field.label}: the text to search for is blank.")
    return TextTarget(text, field.embedder.alias)


def _of_written(field: BaseVectorField, text: str) -> BaseVector:
    """A vector as text, such as the bits "0110"."""
    try:
        return field.parse(text)
    except VectorValueError as error:
        raise InvalidTargetError(
            f"{field.label} has no embedder, so a text cannot be searched for: give a vector, or "
            "make the field an EmbeddingField."
        ) from error


def _of_row(field: BaseVectorField, row: Model) -> QueryVector:
    if not isinstance(row, field.model):
        raise InvalidTargetError(
            f"{field.label}: a {row._meta.label} has no such vector; give a row of "
            f"{field.model._meta.label}, a text or a vector."
        )
    if field.key_of(row) is None or row._state.adding:
        raise InvalidTargetError(
            f"{field.label}: the {row._meta.label} is not saved: save it first."
        )
    names = {field.attname}
    if isinstance(field, EmbeddingField):
        names.add(field.fingerprint_name)
    if names & row.get_deferred_fields():
        return RowTarget(field, row)
    return _usable(field, field.key_of(row), *(row.__dict__[name] for name in sorted(names)))


NO_VECTOR = "{row} has no vector yet: run manage.py generate_embeddings {label}."
UNKNOWN_SPACE = (
    "{row} has a vector of unknown origin: run manage.py generate_embeddings {label} "
    "--replace-spaces, or adopt_embeddings if the vector is good."
)
OTHER_SPACE = (
    "{row} holds a vector of another space than {space!r}: run manage.py generate_embeddings "
    "{label} --replace-spaces."
)


def _usable(
    field: BaseVectorField, pk: Any, stored: Any, fingerprint: str | None = None
) -> BaseVector:
    """The vector of a row, if it has one that belongs to the space searched in."""
    known = {"row": _row(field, pk), "label": field.label}
    if stored is None:
        raise InvalidTargetError(NO_VECTOR.format(**known))
    if isinstance(field, EmbeddingField):
        if fingerprint is None:
            raise SpaceMismatchError(UNKNOWN_SPACE.format(**known))
        if not fingerprint.startswith(space_prefix(field.space)):
            raise SpaceMismatchError(OTHER_SPACE.format(space=field.space, **known))
    return field.parse(stored)


def _row(field: BaseVectorField, pk: Any) -> str:
    return f"{field.model._meta.label} {pk!r}"


def excluded_keys(field: BaseVectorField, targets: Sequence[Any]) -> list[Any]:
    """Primary keys of the rows among the targets, which are no answers to themselves."""
    return [field.key_of(target) for target in targets if isinstance(target, Model)]
