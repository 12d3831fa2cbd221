"""`TextIndex`, for `Meta.indexes`: searches by words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db import connections, router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.db.models import CharField, IntegerField, Model, TextField

from hybrid_store.backends import vector_ops
from hybrid_store.backends.base import BaseVectorOperations
from hybrid_store.backends.texts import TextSpec
from hybrid_store.exceptions import InvalidIndexError, UnknownFieldError
from hybrid_store.models.indexes import OwnIndex
from hybrid_store.texts.languages import LANGUAGES
from hybrid_store.texts.words import TOKENIZERS

__all__ = ["TextIndex", "declared_text_indexes", "text_index", "text_indexes"]

# What stands for the table in a statement that follows when the table is renamed.
TABLE = "%(table)s"


class TextIndex(OwnIndex):
    """An index of the words in one or more char or text columns, which are ranked by BM25.

    `TextIndex("title", "description", weights={"title": 3}, name="movie_text")`. On SQLite an FTS5
    table, on PostgreSQL an ordinary table with a GIN index, both kept by triggers, so that every
    way of writing is seen. `search` finds rows by it.

    A word counts `weights` times in a column, once by default. `language` is the name of the
    language whose forms of words are taken for one ("running" finds "run"), as far as the database
    knows it; None for none. With `tokenizer="trigrams"` parts of words are found, of three letters
    or more, and no language matters.
    """

    suffix = "txt"
    called = "text index"

    def __init__(
        self,
        *names: str,
        fields: Sequence[str] = (),
        weights: Mapping[str, float] | None = None,
        language: str | None = "english",
        tokenizer: str = "words",
        name: str | None = None,
    ) -> None:
        chosen = [*names, *fields]
        if not chosen or any(not isinstance(field, str) or field[:1] == "-" for field in chosen):
            raise ValueError(f"TextIndex takes the names of char or text fields, not {chosen!r}.")
        self.weights = dict(weights or {})
        self.language = language
        self.tokenizer = tokenizer
        self._check_options(chosen)
        super().__init__(fields=chosen, name=name)

    def _check_options(self, fields: list[str]) -> None:
        for field, weight in self.weights.items():
            if field not in fields:
                raise ValueError(f"TextIndex: a weight is given to {field!r}, which is not in it.")
            if not (type(weight) in (int, float) and 0 < weight < math.inf):
                raise ValueError(
                    f"TextIndex: the weight of {field!r} is {weight!r}: give a number above 0."
                )
        if self.language is not None and self.language not in LANGUAGES:
            known = ", ".join(sorted(LANGUAGES))
            raise ValueError(
                f"TextIndex: unknown language {self.language!r}, use None or one of {known}."
            )
        if self.tokenizer not in TOKENIZERS:
            known = ", ".join(map(repr, TOKENIZERS))
            raise ValueError(
                f"TextIndex: unknown tokenizer {self.tokenizer!r}, use one of {known}."
            )

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        if self.weights:
            kwargs["weights"] = self.weights
        if self.language != "english":
            kwargs["language"] = self.language
        if self.tokenizer != "words":
            kwargs["tokenizer"] = self.tokenizer
        return path, args, kwargs

    def is_made(self, ops: BaseVectorOperations, model: type[Model]) -> bool:
        return ops.texts.supports_text_index

    def spec(self, model: type[Model]) -> TextSpec:
        """What the index of a model asks a database for; raises `InvalidIndexError`."""
        fields = {name: model._meta.get_field(name) for name in self.fields}
        for field in fields.values():
            self._check_field(model, field)
        return self._spec(model, fields)

    def _spec(self, model: type[Model], fields: Mapping[str, Any]) -> TextSpec:
        return TextSpec(
            name=self.name,
            table=model._meta.db_table,
            columns=tuple(str(field.column) for field in fields.values()),
            keys=tuple(str(field.column) for field in model._meta.pk_fields),
            weights=tuple(float(self.weights.get(name, 1)) for name in fields),
            language=self.language if self.tokenizer == "words" else None,
            tokenizer=self.tokenizer,
            has_integer_key=_has_integer_key(model),
        )

    def _check_field(self, model: type[Model], field: Any) -> None:
        if not isinstance(field, CharField | TextField):
            kind = type(field).__name__
            raise InvalidIndexError(
                f"TextIndex {self.name!r}: {field.name!r} is a {kind}, no char or text field."
            )
        if field not in model._meta.local_concrete_fields:
            raise InvalidIndexError(
                f"TextIndex {self.name!r}: {field.name!r} is in the table of "
                f"{field.model._meta.label}, and an index sees no changes there."
            )

    def create_sql(
        self,
        model: type[Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        """A statement that does nothing. Those that make the index are run where Django runs what
        it has deferred, which may be before this one.

        They are renamed with the table, as when Django makes a table anew in order to alter it.
        """
        ops = vector_ops(schema_editor.connection)
        if not self.is_made(ops, model):
            return self.nothing(model)
        spec = self.spec(model)
        table = Table(spec.table, schema_editor.quote_name)
        statements = [Statement(sql, table=table) for sql in ops.texts.creation(spec, TABLE)]
        schema_editor.deferred_sql.extend(statements)
        return Statement("SELECT 1 /* the text index of %(table)s is made below */", table=table)

    def remove_sql(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any
    ) -> Any:
        """The last statement; the others are run now, as no column can be dropped before.

        What is still to be run of the creation is no more.
        """
        ops = vector_ops(schema_editor.connection)
        if not self.is_made(ops, model):
            return self.nothing(model)
        # A column may have another name by now.
        there = {field.name: field for field in model._meta.local_concrete_fields}
        spec = self._spec(model, {name: there[name] for name in self.fields if name in there})
        made = {*ops.texts.creation(spec, schema_editor.quote_name(spec.table))}
        deferred: Any = schema_editor.deferred_sql
        deferred[:] = [statement for statement in deferred if str(statement) not in made]
        *others, last = ops.texts.removal(spec)
        for sql in others:
            schema_editor.execute(sql)
        return Statement(last, table=Table(spec.table, schema_editor.quote_name))


def _has_integer_key(model: type[Model]) -> bool:
    key: Any = model._meta.pk
    while key.is_relation:
        key = key.target_field
    return isinstance(key, IntegerField)


def text_indexes(model: type[Model]) -> list[TextIndex]:
    """Those of a model, in the order of `Meta.indexes`."""
    return [index for index in model._meta.indexes if isinstance(index, TextIndex)]


def text_index(model: type[Model], name: str | None = None) -> tuple[type[Model], TextIndex]:
    """The index `name` of a model or its parents, or the only one, and the model it is of.

    Raises `UnknownFieldError`.
    """
    owners: list[Any] = [model._meta.concrete_model, *model._meta.all_parents]
    found = [(owner, index) for owner in owners for index in text_indexes(owner)]
    chosen = [(owner, index) for owner, index in found if name in (None, index.name)]
    if len(chosen) == 1:
        return chosen[0]
    label, names = model._meta.label, ", ".join(repr(index.name) for _, index in found)
    if not found:
        raise UnknownFieldError(
            f"{label} has no TextIndex to search words by: add one to Meta.indexes, or use "
            'mode="vector".'
        )
    fault = "several text indexes" if name is None else f"no TextIndex {name!r}"
    raise UnknownFieldError(f"{label} has {fault}: choose one with index=: {names}.")


def declared_text_indexes(using: str) -> list[TextSpec]:
    """All that models declare over tables that are in a database; those that are impossible are
    told of by the system checks."""
    tables = {*connections[using].introspection.table_names()}
    return [
        spec
        for model in apps.get_models()
        if model._meta.db_table in tables and router.allow_migrate_model(using, model)
        for index in text_indexes(model)
        for spec in _possible(index, model)
    ]


def _possible(index: TextIndex, model: type[Model]) -> list[TextSpec]:
    try:
        return [index.spec(model)]
    except InvalidIndexError:
        return []
