"""What models.py has to say after a switch of embeddings, where it says something else.

`makemigrations` would take the difference for columns that were renamed.
"""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.serializer import serializer_factory
from django.db.migrations.state import ModelState, ProjectState

__all__ = ["advice"]

ADVICE = """\
{label}: models.py and the migrations disagree about the columns of two fields. Write in models.py:
    {name} = {field}
    {other} = {other_field}
and exchange {name!r} and {other!r} in the indexes of class Meta."""


def advice(state: ProjectState, app_label: str, model_name: str, name: str, other: str) -> str:
    """What to write in models.py after the switch that `state` is the result of; '' for nothing."""
    key = app_label, model_name.lower()
    written = _written_columns(app_label, model_name, name, other)
    if written is None or written == _columns(state.models[key], name, other):
        return ""
    # A later migration may switch again, or remove one of the two.
    model = MigrationLoader(None).project_state().models.get(key)
    if model is None or not {name, other} <= model.fields.keys():
        return ""
    if written == _columns(model, name, other):
        return ""
    return ADVICE.format(
        label=f"{model.app_label}.{model.name}",
        name=name,
        field=_in_python(model, name),
        other=other,
        other_field=_in_python(model, other),
    )


def _written_columns(app_label: str, model_name: str, *names: str) -> list[str] | None:
    """Columns as models.py has them; None where it lacks the model or a field."""
    try:
        options = apps.get_model(app_label, model_name)._meta
        return [str(options.get_field(name).column) for name in names]
    except (LookupError, FieldDoesNotExist):
        return None


def _columns(model: ModelState, *names: str) -> list[str]:
    """Columns as the migrations have them."""
    return [model.fields[name].db_column or name for name in names]


def _in_python(model: ModelState, name: str) -> str:
    text, _ = serializer_factory(model.fields[name]).serialize()
    return text.removeprefix("hybrid_store.models.")
