"""Which documents can be among the best, by the terms they have: needs no database."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.backends.postgresql.text.functions import TIERS, tier
from hybrid_store.backends.postgresql.text.limits import Word, sets_of_terms
from hybrid_store.backends.postgresql.text.statistics import Statistics

DOCUMENTS = 10_000.0

# How many documents have a word, and each of its tiers.
frequencies = st.lists(
    st.integers(0, int(DOCUMENTS)), min_size=len(TIERS) + 1, max_size=len(TIERS) + 1
).map(lambda counts: sorted(counts, reverse=True))
words = st.lists(
    st.tuples(frequencies, st.floats(0.01, 9), st.sampled_from([0, len(TIERS)]), st.booleans()),
    min_size=1,
    max_size=3,
)


def made(asked: Any) -> list[Word]:
    counted = {
        tier(number, level): float(count)
        for number, (counts, *_) in enumerate(asked, 1)
        for level, count in enumerate(counts)
    }
    statistics = Statistics(DOCUMENTS, 1, 1, counted, is_large=True)
    found = [
        Word.of(statistics, number, weight, tiers)
        for number, (_, weight, tiers, _) in enumerate(asked, 1)
    ]
    return [
        word.being_there() if is_there else word
        for word, (*_, is_there) in zip(found, asked, strict=True)
    ]


def cells(words: list[Word]) -> Iterator[tuple[set[int], float, float, float]]:
    """What a document can have: the terms, how many documents do, the least and the most score."""
    for levels in product(*(range(len(word.terms)) for word in words)):
        places = list(zip(words, levels, strict=True))
        yield (
            {term for word, level in places for term in word.terms[1 : level + 1] if term},
            DOCUMENTS * math.prod(float(word.shares[level]) for word, level in places),
            sum(float(word.least[level]) for word, level in places),
            sum(float(word.most[level]) for word, level in places),
        )


@given(words, st.floats(0, 5), st.floats(1, 5_000))
def test_nothing_is_left_out_that_can_be_among_the_best(
    asked: Any, others: float, needed: float
) -> None:
    words = made(asked)
    sets = [{*terms} for terms in sets_of_terms(words, DOCUMENTS, others, needed, math.inf)]
    given = [any(terms <= has for terms in sets) for has, *_ in cells(words)]
    ranked = sorted(zip(cells(words), given, strict=True), key=lambda cell: -cell[0][2])
    counted = 0.0
    for (_, count, least, _), is_given in ranked:
        # Whoever certainly is among the first, and whoever can surpass the last of them.
        if counted < needed * (1 - 1e-9):
            assert is_given
            reached = least
        counted += count
    for (_, _, _, most), is_given in zip(cells(words), given, strict=True):
        assert is_given or most + others < reached + 1e-9


@given(words, st.floats(1, 100), st.floats(100, 5_000))
def test_what_is_looked_at_is_affordable_or_the_very_best(
    asked: Any, needed: float, budget: float
) -> None:
    words = made(asked)
    sets = [{*terms} for terms in sets_of_terms(words, DOCUMENTS, 0, needed, budget)]
    looked_at = [cell for cell in cells(words) if any(terms <= cell[0] for terms in sets)]
    highest = max(most for *_, most in cells(words))
    assert sets
    assert sum(count for _, count, *_ in looked_at) <= budget + 1e-6 or all(
        math.isclose(most, highest) for *_, most in looked_at
    )


@given(words, st.floats(1, 5_000), st.floats(100, 5_000))
def test_no_set_says_what_another_says(asked: Any, needed: float, budget: float) -> None:
    sets = [{*terms} for terms in sets_of_terms(made(asked), DOCUMENTS, 0, needed, budget)]
    assert not [one for one in sets for other in sets if one is not other and one <= other]
