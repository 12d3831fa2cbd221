"""How words are written in an index, in SQL and in Python, and the numbers they are kept as."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from hybrid_store.texts.characters import (
    UNSPACED,
    bare_letters,
    in_class,
    separators,
    small_letters,
)

__all__ = [
    "GAP",
    "GRAM",
    "NUMBERS",
    "grams_sql",
    "has_run_sql",
    "is_plain_sql",
    "lexemes_sql",
    "number",
    "number_sql",
    "numbers_of_trigrams",
    "spaced_sql",
    "split_sql",
]

# Words are kept as numbers from 1 to this: with what tells tiers apart they fit into 32 bits.
NUMBERS = 1_000_000_000
# Stands where words do not follow each other.
GAP = 0
# How many characters a trigram has.
GRAM = 3

SEPARATORS, RUN = f"[{in_class(separators())}]+", f"[{in_class(UNSPACED)}]"
# Python's lower() gives the first a combining dot, which is taken away as others are; the second is
# newer than Unicode 3.2. It writes the third, of those with diacritics, at the end of a word.
SMALL = {**small_letters(), "\u0130": "i", "\u1e9e": "\u00df"}
BARE = {**bare_letters(), "\u03c2": "\u03c3"}


def number(lexeme: str) -> int:
    """What `number_sql` gives."""
    digest = hashlib.md5(lexeme.encode(), usedforsecurity=False).hexdigest()
    return 1 + int(digest[:8], 16) % NUMBERS


def number_sql(lexeme: str) -> str:
    """SQL of the number of a word. No hash function of PostgreSQL is promised to stay as it is."""
    return f"(1 + mod(('x' || left(md5({lexeme}), 8))::bit(32)::bigint, {NUMBERS}))::int"


def numbers_of_trigrams(text: str) -> list[int]:
    """Those of every three characters of a text; of what is not of one word, a gap."""
    grams = (text[place : place + GRAM] for place in range(len(text) - GRAM + 1))
    return [GAP if " " in gram else number(gram) for gram in grams]


def spaced_sql(text: str) -> str:
    """SQL of a text with one space in the place of what is between words."""
    return f"regexp_replace({text}, '{SEPARATORS}', ' ', 'g')"


def split_sql(text: str) -> str:
    """SQL of the array of what is between separators; the first and the last may be empty."""
    return f"regexp_split_to_array({text}, '{SEPARATORS}')"


def has_run_sql(text: str) -> str:
    """SQL of whether a text has characters of an unspaced script."""
    return f"{text} ~ '{RUN}'"


def grams_sql(text: str) -> str:
    """SQL of a text in which unspaced runs are written as their characters and pairs.

    Every character is written thrice, so that ab becomes "a a ab b b". What touches the ends, where
    marks are set that no spaced text has, is too much. It takes time in proportion to the length.
    """
    marked = "' ' || chr(1) || '\\1' || chr(1) || ' '"
    apart = f"regexp_replace({spaced_sql(text)}, '({RUN}+)', {marked}, 'g')"
    thrice = rf"regexp_replace({apart}, '({RUN})', '\1 \1 \1', 'g')"
    return rf"regexp_replace({thrice}, '\u0001[^ ]|[^ ]\u0001', '', 'g')"


def is_plain_sql(text: str) -> str:
    """SQL of whether no letter of a text is written in another way in an index."""
    return f"{text} COLLATE \"C\" !~ '[{_class([*SMALL, *BARE])}]'"


def lexemes_sql(words: str, dictionary: str | None, is_plain: str = "false") -> str:
    """SELECT of every `word` of a table with its `lexeme`, in their order; `is_plain` if that is
    known of all.

    OFFSET 0 keeps the planner from repeating the stemming in every branch of what is around it.
    """
    stem = f"coalesce((ts_lexize('{dictionary}', small))[1], small)" if dictionary else "small"
    small = _translated_sql("word", SMALL, is_plain)
    return (
        f"SELECT word, {_translated_sql('stem', BARE, is_plain)} AS lexeme FROM ("  # noqa: S608
        f"SELECT word, {stem} AS stem FROM ("
        f'SELECT word, {small} AS small FROM (SELECT word COLLATE "C" AS word FROM {words}) given'
        ") read OFFSET 0) stemmed"
    )


def _translated_sql(word: str, letters: Mapping[str, str], is_plain: str) -> str:
    """SQL of a word with other letters. translate() takes long, so most words are spared it."""
    kept = {letter: other for letter, other in letters.items() if other}
    taken = "".join(letter for letter, other in letters.items() if not other)
    others = "".join(kept.values())
    return (
        f"CASE WHEN {is_plain} OR octet_length({word}) = length({word}) THEN {word} "
        f"WHEN {word} ~ '[{_class(letters)}]' "
        f"THEN translate({word}, '{''.join(kept)}{taken}', '{others}') ELSE {word} END"
    )


def _class(letters: Iterable[str]) -> str:
    ranges: list[tuple[str, str]] = []
    for letter in sorted(letters):
        if ranges and ord(letter) == ord(ranges[-1][1]) + 1:
            ranges[-1] = (ranges[-1][0], letter)
        else:
            ranges.append((letter, letter))
    return in_class(tuple(ranges))
