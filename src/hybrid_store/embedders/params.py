"""The settings of one embedder: which there are, and whether they have the right types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from hybrid_store.exceptions import InvalidEmbedderError

__all__ = ["TOO_LONG", "OptionTypes", "Options", "checked_params", "invalid"]

OptionTypes: TypeAlias = Mapping[str, type | tuple[type, ...]]

SETTINGS: OptionTypes = {
    "BACKEND": str,
    "MODEL": str,
    "DIMENSIONS": int,
    "SPACE": str,
    "BATCH_SIZE": int,
    "BATCH_TOKENS": int,
    "WORKERS": int,
    "PRICE": (int, float, Decimal),
    "TOO_LONG": str,
    "DOCUMENT_PREFIX": str,
    "QUERY_PREFIX": str,
    "OPTIONS": dict,
}

COUNTS = ("DIMENSIONS", "BATCH_SIZE", "BATCH_TOKENS", "WORKERS")
NAMES = ("MODEL", "SPACE")
TOO_LONG = ("truncate", "refuse")
"""What may be done about a text that is longer than the model reads."""


class Options(dict[str, Any]):
    """An embedder's OPTIONS. Only their names are shown: a value may be a secret."""

    def __repr__(self) -> str:
        return f"<Options: {', '.join(self) or 'none'}>"


def invalid(alias: str, fault: str) -> InvalidEmbedderError:
    return InvalidEmbedderError(f'HYBRID_STORE["EMBEDDERS"]["{alias}"]: {fault}')


def checked_params(
    alias: str, params: Mapping[str, Any], option_types: OptionTypes
) -> dict[str, Any]:
    """A copy of `params` with `Options` under OPTIONS.

    An option that is None counts as left out, so that `os.environ.get(...)` may stand there.
    Raises `InvalidEmbedderError` for a name that is not known, for a value of the wrong type and
    for one that makes no sense.
    """
    _check_types(alias, "setting", params, SETTINGS)
    _check_values(alias, params)
    given = params.get("OPTIONS", {})
    options = Options((name, value) for name, value in given.items() if value is not None)
    _check_types(alias, "option", options, option_types)
    return {**params, "OPTIONS": options}


def _check_types(alias: str, what: str, values: Mapping[str, Any], types: OptionTypes) -> None:
    for name, value in values.items():
        if name not in types:
            known = ", ".join(types) or "none"
            raise invalid(alias, f'there is no {what} "{name}"; known: {known}.')
        wanted = types[name]
        kinds = wanted if isinstance(wanted, tuple) else (wanted,)
        # To Python, True is an integer; in settings it is a mistake.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join(kind.__name__ for kind in kinds)
            # Only the type is told: the value may be a secret.
            raise invalid(alias, f"{name} must be {names}, not {type(value).__name__}.")


def _check_values(alias: str, params: Mapping[str, Any]) -> None:
    for name in COUNTS:
        if params.get(name, 1) < 1:
            raise invalid(alias, f"{name} must be at least 1, not {params[name]}.")
    for name in NAMES:
        if params.get(name) == "":
            raise invalid(alias, f"{name} must not be empty.")
    price = params.get("PRICE", 0)
    if not (math.isfinite(price) and price >= 0):
        raise invalid(alias, f"PRICE must be a finite number and not negative, not {price}.")
    if params.get("TOO_LONG", TOO_LONG[0]) not in TOO_LONG:
        known = " or ".join(f'"{name}"' for name in TOO_LONG)
        raise invalid(alias, f'TOO_LONG must be {known}, not "{params["TOO_LONG"]}".')
