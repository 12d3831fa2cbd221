"""The documents of two tenants."""

from __future__ import annotations

from django.contrib.auth.models import User

from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from tests.contrib.models import Paper

__all__ = ["create_papers", "create_users"]

TEXTS = {"a": "red apples", "b": "green apples", "c": "stone bridges"}


def create_users() -> None:
    for name in ("ann", "bob"):
        User.objects.create(username=name)


def create_papers() -> None:
    for number, (key, text) in enumerate(TEXTS.items()):
        metadata = {"kind": key, "draft": key == "c", "tags": ["x"]}
        Paper.objects.create(pk=key, text=text, owner="ann", year=2000 + number, metadata=metadata)
    Paper.objects.create(pk="x", text="red apples of Bob", owner="bob", year=2000, source="file")
    Generation(embedding_field(Paper)).run()
