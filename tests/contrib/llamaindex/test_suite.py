"""The suite over documents of ours, and over a table of a project."""

from __future__ import annotations

import pytest

from hybrid_store.contrib.llamaindex import DjangoVectorStore
from tests.contrib.llamaindex.suite import AsyncVectorStoreSuite, VectorStoreSuite
from tests.contrib.models import Clipping, Paper


def papers() -> DjangoVectorStore:
    queryset = Paper.objects.filter(owner="me")
    return DjangoVectorStore(queryset, defaults={"owner": "me"}, embedded_by="default")


def clippings() -> DjangoVectorStore:
    return DjangoVectorStore(
        Clipping.objects.all(),
        key="code",
        text="raw_text",
        metadata="details",
        fields={"year": "released"},
        source="origin",
    )


@pytest.mark.django_db
class TestDocuments(VectorStoreSuite):
    dimensions = 384

    @pytest.fixture
    def store(self) -> DjangoVectorStore:
        return papers()


@pytest.mark.django_db
class TestMapped(VectorStoreSuite):
    @pytest.fixture
    def store(self) -> DjangoVectorStore:
        return clippings()


@pytest.mark.django_db(transaction=True)
class TestDocumentsAsync(AsyncVectorStoreSuite):
    dimensions = 384

    @pytest.fixture
    def store(self) -> DjangoVectorStore:
        return papers()


@pytest.mark.django_db(transaction=True)
class TestMappedAsync(AsyncVectorStoreSuite):
    @pytest.fixture
    def store(self) -> DjangoVectorStore:
        return clippings()
