"""Haystack's own tests of document stores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.testing import document_store as suite
from haystack.testing import document_store_async as suite_async

from hybrid_store.contrib.haystack import DjangoDocumentStore
from tests.contrib.models import Leaflet

pytestmark = pytest.mark.django_db(transaction=True)


class Comparing:
    """Vectors are kept in single precision, and rows in no order."""

    @staticmethod
    def assert_documents_are_equal(received: list[Document], expected: list[Document]) -> None:
        received, expected = sorted(received, key=by_id), sorted(expected, key=by_id)
        assert [bare(document) for document in received] == [bare(one) for one in expected]
        for one, other in zip(received, expected, strict=True):
            assert (one.embedding is None) is (other.embedding is None)
            assert (one.embedding or []) == pytest.approx(other.embedding or [], rel=1e-6)


def by_id(document: Document) -> str:
    return str(document.id)


def bare(document: Document) -> Document:
    return replace(document, embedding=None)


class TestSync(
    Comparing,
    suite.DocumentStoreBaseExtendedTests,
    suite.CountDocumentsByFilterTest,
    suite.CountUniqueMetadataByFilterTest,
    suite.GetMetadataFieldsInfoTest,
    suite.GetMetadataFieldMinMaxTest,
    suite.GetMetadataFieldUniqueValuesTest,
):
    @pytest.fixture
    def document_store(self) -> Any:
        return DjangoDocumentStore(Leaflet.objects.all())

    def test_write_documents(self, document_store: Any) -> None:
        """Without a policy an id that is there is an error."""
        document = Document(content="test doc")
        assert document_store.write_documents([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([document], DuplicatePolicy.NONE)
        self.assert_documents_are_equal(document_store.filter_documents(), [document])


class TestAsync(
    Comparing,
    suite_async.CountDocumentsAsyncTest,
    suite_async.CountDocumentsByFilterAsyncTest,
    suite_async.CountUniqueMetadataByFilterAsyncTest,
    suite_async.DeleteAllAsyncTest,
    suite_async.DeleteByFilterAsyncTest,
    suite_async.DeleteDocumentsAsyncTest,
    suite_async.FilterDocumentsAsyncTest,
    suite_async.GetMetadataFieldMinMaxAsyncTest,
    suite_async.GetMetadataFieldUniqueValuesAsyncTest,
    suite_async.GetMetadataFieldsInfoAsyncTest,
    suite_async.UpdateByFilterAsyncTest,
    suite_async.WriteDocumentsAsyncTest,
):
    @pytest.fixture
    def document_store(self) -> Any:
        return DjangoDocumentStore(Leaflet.objects.all())

    async def test_write_documents_async(self, document_store: Any) -> None:
        document = Document(content="test doc")
        assert await document_store.write_documents_async([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            await document_store.write_documents_async([document], DuplicatePolicy.NONE)
        found = await document_store.filter_documents_async()
        self.assert_documents_are_equal(found, [document])
