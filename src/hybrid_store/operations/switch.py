"""Two embeddings of a model exchange their columns in the state of the migrations.

A column keeps everything it has: its embedder, dimensions, fingerprints and indexes. What changes
is the field it is known by. Nothing here asks a database, so nothing can lock one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Field, Index
from django.db.models.constants import LOOKUP_SEP

from hybrid_store.exceptions import SwitchError
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fingerprint import SUFFIX

__all__ = ["exchanged_names", "switch"]

AnyField: TypeAlias = "Field[Any, Any]"
Names: TypeAlias = Mapping[str, str]

# Options of an index that are lists of field names.
NAME_LISTS = ("fields", "include")


def exchanged_names(name: str, other: str) -> dict[str, str]:
    """What each field is called after the switch: the embeddings and their companions."""
    return {
        name: other,
        other: name,
        f"{name}{SUFFIX}": f"{other}{SUFFIX}",
        f"{other}{SUFFIX}": f"{name}{SUFFIX}",
    }


def switch(state: ProjectState, app_label: str, model_name: str, name: str, other: str) -> None:
    """Let each of two embeddings stand for the columns of the other; raises `SwitchError`."""
    model = _model(state, app_label, model_name)
    for embedding in (name, other):
        _refuse_no_embedding(state, model, embedding)
    names = exchanged_names(name, other)
    _refuse_uses(model, names)
    model.fields.update({new: _called(model.fields[old], old, new) for old, new in names.items()})
    model.options["indexes"] = [_renamed(index, names) for index in model.options["indexes"]]
    state.reload_model(app_label, model_name.lower(), delay=True)


def _called(field: AnyField, old: str, new: str) -> AnyField:
    """The field `old` under the name `new`, its column being what it was."""
    moved: AnyField = field.clone()
    column = field.db_column or old
    moved.db_column = None if column == new else column
    return moved


def _renamed(index: Index, names: Names) -> Index:
    _, args, kwargs = index.deconstruct()
    for option in NAME_LISTS:
        if option in kwargs:
            kwargs[option] = [_exchanged(name, names) for name in kwargs[option]]
    return type(index)(*args, **kwargs)


def _exchanged(name: str, names: Names) -> str:
    """A field's name, also where a hyphen says that the order is descending."""
    bare = name.removeprefix("-")
    return name.replace(bare, names.get(bare, bare))


# What cannot be switched


def _model(state: ProjectState, app_label: str, model_name: str) -> ModelState:
    model: ModelState | None = state.models.get((app_label, model_name.lower()))
    if model is None:
        raise SwitchError(
            f"SwitchEmbedding: the app {app_label!r} has no model {model_name!r} here. Name a "
            "model that an earlier migration creates."
        )
    return model


def _label(model: ModelState) -> str:
    return f"{model.app_label}.{model.name}"


def _refuse_no_embedding(state: ProjectState, model: ModelState, name: str) -> None:
    label = _label(model)
    field = model.fields.get(name)
    if field is None:
        raise SwitchError(
            f"SwitchEmbedding: {label} has no field {name!r} here. {_instead(state, model, name)}"
        )
    if not isinstance(field, EmbeddingField):
        raise SwitchError(
            f"SwitchEmbedding: {label}.{name} is no EmbeddingField but a "
            f"{type(field).__name__}. {_instead(state, model, name)}"
        )
    if f"{name}{SUFFIX}" not in model.fields:
        raise SwitchError(
            f"SwitchEmbedding: {label}.{name} has no companion {name + SUFFIX!r} here. Run "
            "makemigrations, which adds it, and let this migration depend on what it writes."
        )


def _instead(state: ProjectState, model: ModelState, name: str) -> str:
    for parent in _parents(state, model):
        if name in parent.fields:
            return f"It is a field of {_label(parent)}: switch it there."
    found = [key for key, field in model.fields.items() if isinstance(field, EmbeddingField)]
    if len(found) < 2:
        return "Let an earlier migration add the second embedding."
    return f"Name two of {', '.join(map(repr, found))}."


def _parents(state: ProjectState, model: ModelState) -> Iterator[ModelState]:
    """The models with a table of their own that it inherits from; abstract ones leave none."""
    for base in model.bases:
        if isinstance(base, str):
            parent = state.models[tuple(base.lower().split("."))]
            yield parent
            yield from _parents(state, parent)


def _refuse_uses(model: ModelState, names: Names) -> None:
    """Conditions and expressions are SQL in the database, which goes on naming its columns."""
    for described, part in _parts(model):
        if _mentions(part, names):
            first, second, *_ = names
            raise SwitchError(
                f"SwitchEmbedding: {described} of {_label(model)} uses {first!r} or {second!r} "
                "where they cannot be exchanged. Remove it in an operation before the switch, and "
                "add it again after it."
            )


def _parts(model: ModelState) -> Iterator[tuple[str, Any]]:
    """What may name fields, but for the lists that are renamed."""
    for index in model.options["indexes"]:
        _, args, kwargs = index.deconstruct()
        rest = [value for key, value in kwargs.items() if key not in ("name", *NAME_LISTS)]
        yield f"the index {index.name!r}", [*args, *rest]
    for constraint in model.options["constraints"]:
        _, args, kwargs = constraint.deconstruct()
        rest = [value for key, value in kwargs.items() if key != "name"]
        yield f"the constraint {constraint.name!r}", [*args, *rest]
    yield "unique_together", list(model.options.get("unique_together", ()))
    for name, field in model.fields.items():
        yield f"the generated field {name!r}", getattr(field, "expression", None)


def _mentions(value: Any, names: Names) -> bool:
    """Is one of the names anywhere in it, alone or with a lookup?"""
    if isinstance(value, str):
        return value.removeprefix("-").split(LOOKUP_SEP)[0] in names
    if isinstance(value, Mapping):
        return any(_mentions(part, names) for part in value.values())
    if isinstance(value, (list, tuple, set)):
        return any(_mentions(part, names) for part in value)
    if hasattr(value, "deconstruct") and not isinstance(value, type):
        *_, args, kwargs = value.deconstruct()
        return _mentions([*args, kwargs], names)
    return False
