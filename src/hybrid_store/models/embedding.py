"""`EmbeddingField`: a vector column that is the embedding of other columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

from django.db.models import Field, Model, Q
from django.db.models.signals import class_prepared, pre_save
from django.dispatch import receiver

from hybrid_store.embedders import BaseEmbedder, embedders
from hybrid_store.models import checks
from hybrid_store.models.fields import VectorAttribute, VectorField, choose_field, vector_fields
from hybrid_store.models.fingerprint import SUFFIX, FingerprintField, space_prefix
from hybrid_store.models.paths import paths_in
from hybrid_store.models.text_source import Source
from hybrid_store.vectors import Vector, VectorLike

__all__ = ["EmbeddingField", "embedding_field", "embedding_fields"]

OnSave: TypeAlias = Literal["now", "task"] | None


class EmbeddingAttribute(VectorAttribute):
    """Model attribute of an embedding, which keeps vector and fingerprint a true pair.

    A vector assigned by hand is the embedding of nobody knows what: the fingerprint goes, and the
    row is stale. A deferred vector is loaded together with the fingerprint that was stored with it.
    """

    field: EmbeddingField

    def __get__(self, instance: Model | None, cls: Any = None) -> Any:
        if instance is not None and self._must_load(instance):
            self.fetch_one(instance)
        return super().__get__(instance, cls)

    def _must_load(self, instance: Model) -> bool:
        # Django 6.1 and newer call fetch_one themselves, as the instance's fetch mode says.
        return self.field.attname not in instance.__dict__ and not hasattr(
            instance._state, "fetch_mode"
        )

    def fetch_one(self, instance: Model) -> None:
        instance.refresh_from_db(fields=self._pair())

    def fetch_many(self, instances: Iterable[Model]) -> None:
        missing = [row for row in instances if self.field.attname not in row.__dict__]
        rows = self.field.model._base_manager.using(missing[0]._state.db)
        stored = rows.filter(pk__in=map(self.field.key_of, missing)).values_list(
            "pk", *self._pair()
        )
        pairs = {key: values for key, *values in stored}
        for row in missing:
            for name, value in zip(
                self._pair(), pairs.get(self.field.key_of(row), ()), strict=False
            ):
                setattr(row, name, value)

    def _pair(self) -> list[str]:
        return [self.field.attname, self.field.fingerprint_name]

    def __set__(self, instance: Model, value: VectorLike) -> None:
        data, name = instance.__dict__, self.field.attname
        known, before = name in data, data.get(name)
        super().__set__(instance, value)
        # While an instance is constructed both halves are given: by the database, by a fixture.
        constructed = instance._state.adding and not known
        if not constructed and not (known and _same(before, data[name])):
            data[self.field.fingerprint_name] = None


def _same(before: Any, after: Any) -> bool:
    return before is after or (isinstance(before, Vector) and bool(before == after))


class EmbeddingField(VectorField):
    """A vector column kept as the embedding of other columns of its row.

    `source` names the columns whose text is embedded, joined by line breaks: char, text, slug,
    URL, integer and UUID fields, or paths to such fields of related rows; or it is a callable that
    takes the row and returns the text. `embedder` is an alias of `HYBRID_STORE["EMBEDDERS"]`.
    With `on_save="now"` a row is embedded when its `save()` is committed, with `on_save="task"` by
    a task that is enqueued then, else by `generate_embeddings`. Rows that the condition `embed_if`
    does not hold for are treated as if they had no text.

    Brings a companion column `<name>_fingerprint`, by which a vector that no longer matches its
    text is found, however it was written; with a `db_column`, `<db_column>_fingerprint`. It is
    NULL until the row is embedded. All-zero vectors are refused.
    """

    allows_zero = False
    descriptor_class = EmbeddingAttribute
    description = "Embedding of %(dimensions)s numbers"
    non_db_attrs = (*Field.non_db_attrs, "source", "embedder", "on_save", "embed_if")

    def __init__(
        self,
        *args: Any,
        source: Source = (),
        embedder: str = "default",
        on_save: OnSave = None,
        embed_if: Q | None = None,
        **kwargs: Any,
    ) -> None:
        self.source: Source = [source] if isinstance(source, str) else source
        self.embedder_alias = embedder
        self.on_save = on_save
        self.embed_if = embed_if
        kwargs.setdefault("editable", False)
        kwargs.update(null=True, blank=True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        for fixed in ("null", "blank", "editable"):
            kwargs.pop(fixed, None)
        if self.editable:
            kwargs["editable"] = True
        kwargs["source"] = self.source if callable(self.source) else list(self.source)
        if self.embedder_alias != "default":
            kwargs["embedder"] = self.embedder_alias
        if self.on_save is not None:
            kwargs["on_save"] = self.on_save
        if self.embed_if is not None:
            kwargs["embed_if"] = self.embed_if
        return name, "hybrid_store.models.EmbeddingField", args, kwargs

    def contribute_to_class(self, cls: type[Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        # Historical models list the companion themselves; children of an abstract model make
        # their own.
        if not cls._meta.abstract and cls.__module__ != "__fake__":
            cls.add_to_class(self.fingerprint_name, self._fingerprint_field())

    def _fingerprint_field(self) -> FingerprintField:
        """The companion. Its column goes by the name of the vector's column, not the field's."""
        column = None if self.db_column is None else f"{self.db_column}{SUFFIX}"
        return FingerprintField(db_column=column)

    @property
    def fingerprint_name(self) -> str:
        return f"{self.name}{SUFFIX}"

    @property
    def embedder(self) -> BaseEmbedder:
        """The configured embedder; raises `InvalidEmbedderError`."""
        return embedders[self.embedder_alias]

    @property
    def space(self) -> str:
        """Name of the vector space that current vectors belong to."""
        return self.embedder.space

    @property
    def space_prefix(self) -> str:
        """What the fingerprints of current vectors start with."""
        return space_prefix(self.space)

    @property
    def source_names(self) -> list[str]:
        """The source columns; empty where the source is a callable."""
        return [] if callable(self.source) else list(self.source)

    @property
    def paths(self) -> list[str]:
        """The source columns, and what `embed_if` names with its lookups: `year__gte`."""
        condition = [] if self.embed_if is None else paths_in(self.embed_if)
        return [*self.source_names, *condition]

    def check(self, **kwargs: Any) -> list[Any]:
        return [*super().check(**kwargs), *checks.check_embedding_field(self)]


def forget_fingerprint(
    sender: type[Model],
    instance: Model,
    raw: bool = False,
    using: str | None = None,
    update_fields: frozenset[str] | None = None,
    **kwargs: Any,
) -> None:
    """Before `save(update_fields=[<vector>])`: the stored fingerprint belongs to the old vector.

    Django lets nobody add a column to `update_fields` this late, so it is its own UPDATE. It comes
    first: an interruption leaves a stale row, which is found, and never a wrong one.
    """
    if raw or not update_fields:
        return
    for field in embedding_fields(sender):
        name = field.fingerprint_name
        if field.name in update_fields and name not in update_fields:
            rows = field.model._base_manager.using(using).filter(pk=field.key_of(instance))
            rows.update(**{name: None})
            instance.__dict__[name] = None


@receiver(class_prepared)
def _watch_saves(sender: type[Model], **kwargs: Any) -> None:
    """Signals name the very class that is saved, so children and proxies are connected too."""
    if not sender._meta.abstract and embedding_fields(sender):
        pre_save.connect(forget_fingerprint, sender=sender)


def embedding_fields(model: type[Model]) -> list[EmbeddingField]:
    """The embeddings of a model, those of its parents included."""
    return [field for field in vector_fields(model) if isinstance(field, EmbeddingField)]


def embedding_field(model: type[Model], name: str | None = None) -> EmbeddingField:
    """The embedding `name` of a model, or its only one; raises `UnknownFieldError`."""
    return choose_field(model, name, EmbeddingField, "EmbeddingField")
