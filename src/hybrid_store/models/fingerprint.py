"""The companion column that says which text, in which space, a vector is the embedding of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import CharField, F, Model

if TYPE_CHECKING:
    # Generic to the type checker alone.
    CharFieldBase = CharField[Any, Any]
else:
    CharFieldBase = CharField

__all__ = ["FingerprintField", "content_digest", "fingerprint", "space_digest", "space_prefix"]

SUFFIX = "_fingerprint"
SPACE_DIGITS = 16
CONTENT_DIGITS = 32
# Where the content begins, counted from 1 as SQL does.
CONTENT_START = SPACE_DIGITS + 2
MAX_LENGTH = SPACE_DIGITS + 1 + CONTENT_DIGITS

# Part of every space's digest: raised when the rendering of sources changes, so that fingerprints
# made by another rendering never look current.
FORMAT_VERSION = 1


def space_digest(space: str) -> str:
    """16 hex digits that stand for a vector space in a fingerprint."""
    text = f"{FORMAT_VERSION}\n{space}"
    return hashlib.sha256(text.encode()).hexdigest()[:SPACE_DIGITS]


def space_prefix(space: str) -> str:
    """What every fingerprint of a space starts with."""
    return f"{space_digest(space)}:"


def content_digest(text: str) -> str:
    """MD5 of a rendered source, as the databases compute it. It detects change, no more.

    A lone surrogate, which no column holds but a callable source may say, counts as itself.
    """
    data = text.encode(errors="surrogatepass")
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def fingerprint(space: str, text: str) -> str:
    return space_prefix(space) + content_digest(text)


class FingerprintField(CharFieldBase):
    """`<16 hex of the space's digest>:<md5 of the rendered source>`, or NULL.

    Made by an `EmbeddingField` under its own name plus "_fingerprint", and as a column under that
    of its column; not declared by hand.
    """

    description = "Fingerprint of an embedding"

    def __init__(self, **kwargs: Any) -> None:
        kwargs.update(max_length=MAX_LENGTH, null=True, blank=True, editable=False)
        super().__init__(**kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        for fixed in ("max_length", "null", "blank", "editable"):
            kwargs.pop(fixed, None)
        return name, "hybrid_store.models.FingerprintField", args, kwargs

    def contribute_to_class(self, cls: type[Model], name: str, private_only: bool = False) -> None:
        # A class rebuilt from another's fields lists the companion that its EmbeddingField has
        # just made: the listed one stands.
        for field in cls._meta.local_fields:
            if field.name == name:
                cls._meta.local_fields.remove(field)
        super().contribute_to_class(cls, name, private_only)

    def pre_save(self, model_instance: Model, add: bool) -> Any:
        """The value to write: with a vector that is not being written, whatever is stored.

        A ranked row carries its fingerprint but not its vector. Were the old fingerprint written
        back, a vector stored meanwhile would pass for the embedding of the old text.
        """
        vector_attribute = self.name.removesuffix(SUFFIX)
        if not add and vector_attribute in model_instance.get_deferred_fields():
            return F(self.name)
        return super().pre_save(model_instance, add)
