"""What a visitor likes and does not: kept in the address alone, so that it can be shared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

__all__ = ["MOST", "Taste"]

# The most films on either side.
MOST = 12
# Keys longer than this fit in no database column.
MOST_DIGITS = 18


@dataclass(frozen=True)
class Taste:
    """Primary keys of films, as `?like=1&like=5&unlike=7` spells them.

    `ignored` counts the parts of the address that were not understood or were too many.
    """

    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    ignored: int = 0

    @classmethod
    def from_query(cls, query: QueryDict) -> Taste:
        like, bad_likes = _keys(query.getlist("like"))
        unlike, bad_unlikes = _keys(query.getlist("unlike"))
        disliked = tuple(key for key in unlike if key not in like)
        return cls(like, disliked, bad_likes + bad_unlikes)

    @property
    def keys(self) -> tuple[int, ...]:
        return self.like + self.unlike

    @property
    def pairs(self) -> list[tuple[str, int]]:
        """Names and values, for links and hidden fields."""
        return [("like", key) for key in self.like] + [("unlike", key) for key in self.unlike]

    @property
    def suffix(self) -> str:
        """What to append to an address so that the taste is kept: "?like=1", or ""."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""

    def liking(self, key: int) -> Taste:
        other = self.without(key)
        return replace(other, like=(*other.like, key))

    def disliking(self, key: int) -> Taste:
        other = self.without(key)
        return replace(other, unlike=(*other.unlike, key))

    def without(self, key: int) -> Taste:
        return self.only(kept for kept in self.keys if kept != key)

    def only(self, keys: Iterable[int]) -> Taste:
        """The part of the taste that is about the films with these keys."""
        known = set(keys)
        return replace(
            self,
            like=tuple(key for key in self.like if key in known),
            unlike=tuple(key for key in self.unlike if key in known),
        )


def _keys(values: list[str]) -> tuple[tuple[int, ...], int]:
    """The first few different keys among the values, and how many values are none of them."""
    good = [int(value) for value in values if _is_key(value)]
    keys = tuple(dict.fromkeys(good))
    return keys[:MOST], len(values) - len(good) + len(keys[MOST:])


def _is_key(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS
