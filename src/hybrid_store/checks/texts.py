"""What indexes of words say of themselves, of embedders and of databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, router
from django.db.models import Model

from hybrid_store.backends import vector_ops
from hybrid_store.exceptions import InvalidEmbedderError, InvalidIndexError
from hybrid_store.models.embedding import EmbeddingField, embedding_fields
from hybrid_store.models.text_index import TextIndex, declared_text_indexes, text_indexes
from hybrid_store.texts.languages import UNSTEMMED as NEEDS_NO_STEMMER

__all__ = ["UNSTEMMED", "check_stored_texts", "check_text_indexes"]

# Of a database in which searches by words work all the same.
UNSTEMMED = "hybrid_store.W034"


def check_text_indexes(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Can every index be made, and do embedders of the same rows know its language?"""
    chosen = app_configs or apps.get_app_configs()
    return [
        message
        for config in chosen
        for model in config.get_models()
        for index in text_indexes(model)
        for message in (*_impossible(model, index), *_uncovered(model, index))
    ]


def _impossible(model: type[Model], index: TextIndex) -> Iterator[checks.CheckMessage]:
    try:
        index.spec(model)
    except InvalidIndexError as error:
        yield checks.Error(
            str(error),
            hint="Name char or text fields of the model itself.",
            obj=model,
            id="hybrid_store.E033",
        )
    except FieldDoesNotExist:
        # Django's own checks name the fault.
        return


def _uncovered(model: type[Model], index: TextIndex) -> Iterator[checks.CheckMessage]:
    for field in embedding_fields(model) if index.language else ():
        languages = _languages(field)
        if languages is not None and index.language not in languages:
            known = ", ".join(sorted(languages))
            yield checks.Warning(
                f"TextIndex {index.name!r} says that {model._meta.label} is in {index.language}, "
                f"but the model {field.embedder.model!r} of {field.name!r} is made for {known}: "
                "searches by meaning will find little.",
                hint="Use an embedding model for that language, or for many.",
                obj=model,
                id="hybrid_store.W035",
            )


def _languages(field: EmbeddingField) -> frozenset[str] | None:
    try:
        return field.embedder.languages
    except InvalidEmbedderError:
        return None


def check_stored_texts(alias: str) -> Iterator[checks.CheckMessage]:
    """Are the indexes in the database, and does it know the forms of words of their languages?"""
    texts = vector_ops(connections[alias]).texts
    if not texts.supports_text_index:
        return
    for spec in declared_text_indexes(alias):
        if not texts.is_kept(spec):
            yield checks.Warning(
                f"TextIndex {spec.name!r} is missing in database {alias!r}, or is not the one that "
                "today's models ask for: searches by words fail or find too little.",
                hint="Run manage.py migrate.",
                obj=spec.table,
                id="hybrid_store.W036",
            )
    for model in apps.get_models():
        if router.allow_migrate_model(alias, model):
            yield from _unstemmed(model, alias)


def _unstemmed(model: type[Model], alias: str) -> Iterator[checks.CheckMessage]:
    ops = vector_ops(connections[alias])
    for index in text_indexes(model):
        language = index.language
        is_stemmed = language is None or language in NEEDS_NO_STEMMER or index.tokenizer != "words"
        if language is None or is_stemmed or ops.texts.stems_language(language):
            continue
        yield checks.Warning(
            f"TextIndex {index.name!r}: {ops.display_name} in database {alias!r} has no stemmer "
            f"for {language}: words are found as they are written, with or without accents.",
            hint="Silence this, use another database, or set language=None.",
            obj=model,
            id=UNSTEMMED,
        )
