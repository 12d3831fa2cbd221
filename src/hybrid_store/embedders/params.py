"""The settings of one embedder: which there are, and whether they have the right types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from hybrid_store.exceptions import InvalidEmbedderError

__all__ = ["OptionTypes", "Options", "checked_params", "invalid"]

OptionTypes: TypeAlias = Mapping[str, type | tuple[type, ...]]

SETTINGS: OptionTypes = {
    "BACKEND": str,
    "MODEL": str,
    "DIMENSIONS": int,
    "SPACE": str,
    "BATCH_SIZE": int,
    "DOCUMENT_PREFIX": str,
    "QUERY_PREFIX": str,
    "OPTIONS": dict,
}


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
    Raises `InvalidEmbedderError` for a name that is not known and for a value of the wrong type.
    """
    _check_types(alias, "setting", params, SETTINGS)
    for name in ("DIMENSIONS", "BATCH_SIZE"):
        if params.get(name, 1) < 1:
            raise invalid(alias, f"{name} must be at least 1, not {params[name]}.")
    for name in ("MODEL", "SPACE"):
        if params.get(name) == "":
            raise invalid(alias, f"{name} must not be empty.")
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
