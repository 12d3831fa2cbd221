"""Which documents are looked at, where those with any word of a query are too many to be scored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybrid_store.backends.postgresql.text.conditions import (
    Condition,
    all_of,
    any_of,
    conjunction,
    disjunction,
)
from hybrid_store.backends.postgresql.text.functions import TIERS
from hybrid_store.backends.postgresql.text.limits import Word, sets_of_terms
from hybrid_store.backends.postgresql.text.statistics import Statistics
from hybrid_store.backends.postgresql.text.vocabulary import Numbers

__all__ = ["Best", "Strict"]

# Up to so many documents are all looked at, or as many for each that is needed.
FEW, FEW_A_ROW = 2_000, 4
# So many are looked at of more, or as many for each.
BUDGET, BUDGET_A_ROW = 2_500, 8
# Words are not independent: so many times as many as are needed have to be expected to reach a
# score, and to have all words before those that have not are left out.
SAFETY, CERTAINTY = 3, 10
# The words that tell most are looked at with their tiers, fewer of them in a long query, and some
# more by being there.
TIERED, TIERED_OF_MANY, OTHERS = 3, 2, 9
MANY_WORDS = 6
# The index is read once for each.
MOST_SETS = 64


@dataclass(frozen=True)
class Strict:
    """What all documents have that fulfil every clause of a query, and perhaps others: all of
    some words, and one of each group."""

    words: Numbers = ()
    groups: Sequence[Numbers] = ()

    def expected(self, statistics: Statistics) -> float:
        """How many documents there are, if words are independent."""
        groups = [*((word,) for word in {*self.words}), *self.groups]
        having = (sum(map(statistics.frequency, {*group})) for group in groups)
        shares = (min(1.0, count / statistics.documents) for count in having)
        return statistics.documents * math.prod(shares)

    def having(self, terms: Sequence[int] = (), one_of: Sequence[int] = ()) -> Condition:
        """Those that have all of some terms as well, and one of others."""
        words = (*self.words, *terms)
        groups = [*self.groups, *([one_of] if one_of else [])]
        return conjunction([*([all_of(words)] if words else []), *map(any_of, groups)])


@dataclass(frozen=True)
class Best:
    """The documents that so many of the best most probably are among, by words with weights."""

    statistics: Statistics
    weights: Mapping[int, float]
    needed: float

    @property
    def matches(self) -> float:
        """At most so many documents have any of the words."""
        return sum(map(self.statistics.frequency, self.weights))

    @property
    def budget(self) -> float:
        return max(BUDGET, BUDGET_A_ROW * self.needed)

    @property
    def _tiered(self) -> int:
        return TIERED if len(self.weights) < MANY_WORDS else TIERED_OF_MANY

    def candidates(self, strict: Strict | None) -> Condition | None:
        """None for all documents with any of the words.

        Those that are `strict` come first; None if there are none.
        """
        if self.matches <= max(FEW, FEW_A_ROW * self.needed):
            return None
        expected = strict.expected(self.statistics) if strict else 0.0
        if strict and expected >= min(CERTAINTY * self.needed, self.budget / 2):
            return self._among(strict, expected) or strict.having()
        best = self._among(Strict(), self.statistics.documents)
        return disjunction([best, strict.having()]) if best and strict else best

    def _among(self, strict: Strict, documents: float) -> Condition | None:
        """The best of so many documents; None for all of them."""
        sets = self._sets(strict, documents)
        single = [terms[0] for terms in sets if len(terms) == 1]
        several = [strict.having(terms) for terms in sets if len(terms) > 1]
        first = [strict.having(one_of=single)] if single else []
        return None if [] in sets else disjunction([*first, *several])

    def _sets(self, strict: Strict, documents: float) -> list[list[int]]:
        """The sets of terms that tell, of as many words as there are few sets of."""
        telling = sorted(self.weights, key=lambda number: -self.weights[number])
        for count in range(min(self._tiered + OTHERS, len(telling)), 1, -1):
            sets = self._sets_of(telling, count, strict, documents)
            if len(sets) <= MOST_SETS:
                return sets
        return self._sets_of(telling, 1, strict, documents)

    def _sets_of(
        self, telling: Sequence[int], count: int, strict: Strict, documents: float
    ) -> list[list[int]]:
        words = []
        for place, number in enumerate(telling[:count]):
            tiers = len(TIERS) if place < self._tiered else 0
            word = Word.of(self.statistics, number, self.weights[number], tiers)
            words.append(word.being_there() if number in strict.words else word)
        # What most words add where they are.
        others = sum(self.weights[number] for number in telling[count:]) * TIERS[0]
        return sets_of_terms(words, documents, others, SAFETY * self.needed, self.budget)
