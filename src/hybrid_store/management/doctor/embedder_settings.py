"""What an embedder was made with: its settings and options, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybrid_store.embedders import BaseEmbedder, embedders
from hybrid_store.embedders.params import SETTINGS
from hybrid_store.management.doctor.origins import (
    origin_of_variable,
    settings_module,
    variable_with,
)
from hybrid_store.management.doctor.setting import Setting, path_of
from hybrid_store.management.redaction import public_url

__all__ = ["settings_of"]

ADDRESS = "base_url"
# Settings that are shown otherwise than by the attribute of that name.
OTHERS = ("BACKEND", "OPTIONS")


def settings_of(alias: str) -> Iterator[Setting]:
    """None of an embedder that cannot be made, which the section of embedders says."""
    try:
        embedder = embedders[alias]
    except Exception:  # noqa: BLE001
        return
    given, place = embedders.settings[alias], settings_module()
    kind = type(embedder)
    backend = f"{kind.__module__}.{kind.__qualname__}"
    yield Setting(path_of("EMBEDDERS", alias, "BACKEND"), backend, place)
    for name in (name for name in SETTINGS if name not in OTHERS):
        value = repr(getattr(embedder, name.lower()))
        yield Setting(path_of("EMBEDDERS", alias, name), value, place if name in given else None)
    for name in embedder.option_types:
        path = path_of("EMBEDDERS", alias, "OPTIONS", name)
        yield Setting(path, _value(embedder, name), _origin(embedder, name))


def _value(embedder: BaseEmbedder, name: str) -> str:
    """Numbers and addresses are shown; any other value may be a secret."""
    value = embedder.options.get(name)
    # What holds by default, or by a variable.
    effective = getattr(embedder, name, None) if value is None else value
    if _is_number(effective):
        return repr(effective)
    if name == ADDRESS and effective:
        return public_url(str(effective))
    is_set = value is not None or embedder.variable_of(name)
    return "set, not shown" if is_set else "not set"


def _origin(embedder: BaseEmbedder, name: str) -> str | None:
    variable, value = embedder.variable_of(name), embedder.options.get(name)
    if variable is not None:
        return origin_of_variable(variable)
    if value is None:
        return None
    held = variable_with(value)
    return f"{settings_module()}, by {origin_of_variable(held)}" if held else settings_module()


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float)
