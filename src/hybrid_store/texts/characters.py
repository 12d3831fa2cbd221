"""Which characters words are made of, and how letters are written alike.

By Unicode 3.2, which every Python carries as it was: what is in an index must not depend on the
version of Python. Characters that are newer count as letters, emoji as none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from unicodedata import ucd_3_2_0 as ucd

__all__ = ["UNSPACED", "bare_letters", "in_class", "separators", "small_letters"]

# Han with its extensions, Hiragana, Katakana, Hangul: scripts whose words are not set apart, or, in
# Korean, stand with their particles.
UNSPACED = (
    ("\u3005", "\u3007"),
    ("\u3041", "\u3096"),
    ("\u309d", "\u309f"),
    ("\u30a1", "\u30fa"),
    ("\u30fc", "\u30ff"),
    ("\u31f0", "\u31ff"),
    ("\u3400", "\u4dbf"),
    ("\u4e00", "\u9fff"),
    ("\uac00", "\ud7a3"),
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)
EMOJI = range(0x1F000, 0x1FB00)
FIRST_SURROGATE, LAST_SURROGATE = 0xD800, 0xDFFF
# Behind the last letter that Unicode 3.2 has.
BEYOND_LETTERS = 0x2FA20
# Categories of letters, numbers, marks, and of what was not assigned or is for private use: those
# that FTS5's unicode61 takes for parts of words where it is told to include marks.
WORD_CATEGORIES = ("L", "N", "M", "Cn", "Co")


def _is_separator(code: int) -> bool:
    return code in EMOJI or not ucd.category(chr(code)).startswith(WORD_CATEGORIES)


@cache
def separators() -> tuple[tuple[str, str], ...]:
    """Ranges of the characters that stand between words, but for U+0000 and surrogates."""
    return tuple(_ranges(_is_separator))


def _ranges(holds: Callable[[int], bool]) -> Iterator[tuple[str, str]]:
    first: int | None = None
    for code in range(1, BEYOND_LETTERS):
        is_surrogate = FIRST_SURROGATE <= code <= LAST_SURROGATE
        is_in = not is_surrogate and holds(code)
        if is_in and first is None:
            first = code
        elif not is_in and first is not None:
            yield chr(first), chr(code - 1)
            first = None


def in_class(ranges: tuple[tuple[str, str], ...]) -> str:
    """Ranges as they stand between the brackets of a regular expression, of Python or POSIX."""
    return "".join(
        _escaped(first) + ("" if first == last else f"-{_escaped(last)}") for first, last in ranges
    )


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@cache
def small_letters() -> dict[str, str]:
    """Capital letter -> small letter."""
    found = {}
    for code in range(1, 0x10000):
        capital = chr(code)
        if ucd.category(capital) in ("Lu", "Lt") and len(capital.lower()) == 1:
            found[capital] = capital.lower()
    return {capital: small for capital, small in found.items() if small != capital}


@cache
def bare_letters() -> dict[str, str]:
    """Small letter with diacritics -> the letter from a to z without; combining mark -> ""."""
    letters = {chr(code): _bare(chr(code)) for code in range(0x80, 0x2000)}
    found = {letter: bare for letter, bare in letters.items() if bare}
    return found | {chr(code): "" for code in range(0x300, 0x370)}


def _bare(letter: str) -> str | None:
    first, *marks = list(ucd.normalize("NFD", letter))
    is_marked = bool(marks) and all(ucd.combining(mark) for mark in marks)
    return first if is_marked and first.isascii() and first.islower() else None
