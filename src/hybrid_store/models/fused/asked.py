"""What a search by a text is asked for, and the legs that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Model, Q

from hybrid_store.backends.texts import TextSpec
from hybrid_store.exceptions import InvalidTargetError, SearchError
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.fields import vector_field
from hybrid_store.models.fused.legs import Leg, TextLeg, VectorLeg
from hybrid_store.models.fused.ranking import Ranking
from hybrid_store.models.targets import resolve
from hybrid_store.models.text_index import text_index
from hybrid_store.models.word_conditions import demands
from hybrid_store.ranking.fusion import FUSIONS, alpha_weights
from hybrid_store.texts.query import TextQuery, parse

__all__ = ["MODES", "Asked"]

MODES = ("hybrid", "vector", "text")


@dataclass(frozen=True)
class Asked:
    """The arguments of `search`; raises subclasses of `SearchError` for those that are none."""

    model: type[Model]
    text: str
    mode: str
    fusion: str
    alpha: float
    candidates: int
    field: str | None
    index: str | None
    metric: str | None
    max_distance: float | None
    near: Any = None

    def __post_init__(self) -> None:
        given: Any = self.text
        if not isinstance(given, str):
            raise InvalidTargetError(f"search() takes a text, not a {type(given).__name__}.")
        if not given.strip():
            raise InvalidTargetError(f"{self.model._meta.label}: the text to search for is blank.")
        for name, known in (("mode", MODES), ("fusion", tuple(FUSIONS))):
            if getattr(self, name) not in known:
                choices = ", ".join(map(repr, known))
                value = getattr(self, name)
                raise SearchError(f"search(): unknown {name} {value!r}, use one of {choices}.")
        if type(self.candidates) is not int or self.candidates < 1:
            raise SearchError(
                f"search(): candidates is {self.candidates!r}: use a whole number from 1."
            )

    @property
    def legs(self) -> list[Leg]:
        """Those of the mode, by meaning first."""
        chosen: list[Leg] = []
        if self.mode != "text":
            chosen.append(self._vector_leg())
        if self.mode != "vector":
            chosen.append(TextLeg(self.spec, self.query))
        return chosen

    def ranking(self, legs: Sequence[Leg]) -> Ranking:
        """The fusion of these legs, or of others made of them."""
        weights = alpha_weights(self.alpha) if len(legs) > 1 else (1.0,)
        return Ranking(legs, weights, self.fusion, self.candidates, self.meaning)

    def _vector_leg(self) -> VectorLeg:
        if self.near is not None:
            known = vector_field(self.model, self.field)
            return VectorLeg(resolve(known, self.near), known.name, self.metric, self.max_distance)
        field = embedding_field(self.model, self.field)
        if not self.meaning.strip():
            raise InvalidTargetError(
                f"{self.model._meta.label}: {self.text!r} only says what is not searched for: "
                "add words that are."
            )
        near = resolve(field, self.meaning)
        return VectorLeg(near, field.name, self.metric, self.max_distance)

    @property
    def meaning(self) -> str:
        """What is embedded. By meaning alone, nothing in the text has another one."""
        return self.text if self.mode == "vector" else self.query.meaning

    @property
    def demands(self) -> Q:
        """What every row has to fulfil."""
        return Q() if self.mode == "vector" else demands(self.model, self.spec, self.query)

    @cached_property
    def query(self) -> TextQuery:
        return parse(self.text, self.spec.tokenizer, self.spec.language)

    @cached_property
    def spec(self) -> TextSpec:
        owner, index = text_index(self.model, self.index)
        return index.spec(owner)
