"""Querysets as vector stores that OpenAI's client can search: `client.vector_stores.search(...)`.

from hybrid_store.contrib.openai_api import VectorStore, vector_store_urls

stores = [VectorStore("papers", visible_papers, fields=["year"])]
urlpatterns = [path("v1/", include(vector_store_urls(stores, authenticate=user_of_token)))]
"""

from hybrid_store.contrib.openai_api.stores import VectorStore
from hybrid_store.contrib.openai_api.urls import vector_store_urls

__all__ = ["VectorStore", "vector_store_urls"]
