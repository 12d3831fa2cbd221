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

__all__ = ["Strict", "candidates"]

# Up to so many documents are all looked at, or as many for each that is needed.
FEW, FEW_A_ROW = 2_000, 4
# So many are looked at of more, or as many for each.
BUDGET, BUDGET_A_ROW = 3_000, 8
# Words are not independent: so many times as many as are needed have to be expected to reach a
# score, and to have all words before those that have not are left out.
SAFETY, CERTAINTY = 3, 10
# The words that tell most are looked at with their tiers, some more by being there.
TIERED, OTHERS = 3, 5
# The index is read once for each.
MOST_SETS = 32


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


def candidates(
    statistics: Statistics, weights: Mapping[int, float], strict: Strict | None, needed: float
) -> Condition | None:
    """The documents among which the best of all most probably are, as many as are needed.

    `weights` are those of the words. The `strict` come first; None if there are none. The result is
    None for all documents with any word.
    """
    if sum(map(statistics.frequency, weights)) <= max(FEW, FEW_A_ROW * needed):
        return None
    expected = strict.expected(statistics) if strict else 0.0
    if strict and expected >= CERTAINTY * needed:
        sets = _sets(statistics, weights, strict, expected, needed)
        return strict.having() if [] in sets else _with_one(strict, sets)
    sets = _sets(statistics, weights, Strict(), statistics.documents, needed)
    if [] in sets:
        return None
    return disjunction([_with_one(Strict(), sets), *([strict.having()] if strict else [])])


def _sets(
    statistics: Statistics,
    weights: Mapping[int, float],
    among: Strict,
    documents: float,
    needed: float,
) -> list[list[int]]:
    """The sets of terms by which documents can be `among` the best, by as many words as lead to
    few sets."""
    telling = sorted(weights, key=lambda number: -weights[number])
    sets: list[list[int]] = []
    for count in range(TIERED + OTHERS, 0, -1):
        words = [
            _word(statistics, number, weights[number], len(TIERS) if place < TIERED else 0, among)
            for place, number in enumerate(telling[:count])
        ]
        # As much as most words add.
        others = sum(weights[number] for number in telling[count:]) * TIERS[0]
        budget = max(BUDGET, BUDGET_A_ROW * needed)
        sets = sets_of_terms(words, documents, others, SAFETY * needed, budget)
        if len(sets) <= MOST_SETS:
            break
    return sets


def _word(statistics: Statistics, number: int, weight: float, tiers: int, among: Strict) -> Word:
    word = Word.of(statistics, number, weight, tiers)
    return word.being_there() if number in among.words else word


def _with_one(among: Strict, sets: Sequence[Sequence[int]]) -> Condition:
    """Documents that have all of one of the sets."""
    single = [terms[0] for terms in sets if len(terms) == 1]
    several = [among.having(terms) for terms in sets if len(terms) > 1]
    return disjunction([*([among.having(one_of=single)] if single else []), *several])
