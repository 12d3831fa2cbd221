"""LangChain's own suites."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests.embeddings import EmbeddingsIntegrationTests
from langchain_tests.integration_tests.retrievers import RetrieversIntegrationTests
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests

from hybrid_store.contrib.langchain import DjangoEmbeddings, DjangoRetriever, DjangoVectorStore
from tests.contrib.models import Note, Paper

# Asynchronous methods use a connection of their own, which sees what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


class TestStoreWithTheEmbedderOfTheField(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> VectorStore:
        return DjangoVectorStore(Paper.objects.filter(owner="me"), defaults={"owner": "me"})


class TestStoreWithEmbeddings(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> VectorStore:
        return DjangoVectorStore(Note.objects.all(), self.get_embeddings())


@pytest.mark.usefixtures("papers")
class TestRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return DjangoRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"store": DjangoVectorStore(Paper.objects.filter(owner="me"))}

    @property
    def retriever_query_example(self) -> str:
        return "red apples"


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return DjangoEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"alias": "second"}
