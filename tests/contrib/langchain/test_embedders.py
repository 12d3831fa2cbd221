"""Embedders both ways, and a project without LangChain."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from hybrid_store.contrib.langchain import DjangoEmbeddings, DjangoVectorStore, LangChainEmbedder
from hybrid_store.embedders import embedders
from hybrid_store.embedders.base import Kind
from hybrid_store.exceptions import (
    EmbedderRefusedError,
    InvalidEmbedderError,
    MissingExtraError,
)
from tests.contrib.models import Paper

ROOT = Path(__file__).resolve().parents[3]
HERE = f"{__name__}."
VECTORS = {Kind.DOCUMENT: [1.0, 0.0, 0.0], Kind.QUERY: [0.0, 1.0, 0.0]}


class Small(Embeddings):
    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if "bad" in texts:
            raise ConnectionError("the key sk-1 and the text are in here")
        return [VECTORS[Kind.DOCUMENT] for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        return VECTORS[Kind.QUERY]


INSTANCE = Small()


def make() -> Embeddings:
    return Small()


def embedder(**options: Any) -> LangChainEmbedder:
    params = {"MODEL": "small", "DIMENSIONS": 3, "OPTIONS": options}
    return LangChainEmbedder("made", params)


@pytest.mark.parametrize("given", [INSTANCE, f"{HERE}INSTANCE", f"{HERE}Small", f"{HERE}make"])
def test_embeddings_embed_for_a_field(given: Any) -> None:
    for kind, vector in VECTORS.items():
        np.testing.assert_array_equal(
            embedder(embeddings=given).embed(["a", "b"], kind), [vector] * 2
        )


def test_what_a_path_makes_is_made_once() -> None:
    embedder(embeddings=f"{HERE}make").embed(["a"])
    before = Small.made
    embedder(embeddings=f"{HERE}make").embed(["a"])
    assert Small.made == before


@pytest.mark.parametrize("given", [{}, {"embeddings": 1}, {"embeddings": "tests.contrib.nothing"}])
def test_what_cannot_embed_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidEmbedderError, match="made"):
        embedder(**given).embed(["a"])


def test_failures_tell_no_secrets() -> None:
    with pytest.raises(EmbedderRefusedError, match="ConnectionError") as refused:
        embedder(embeddings=INSTANCE).embed(["bad"])
    assert "sk-1" not in str(refused.value)
    assert refused.value.__context__ is None


def test_an_embedder_embeds_for_langchain() -> None:
    ours = DjangoEmbeddings("second")
    np.testing.assert_allclose(ours.embed_query("red"), embedders["second"].embed_query("red"))
    assert repr(ours) == "DjangoEmbeddings('second')"
    with pytest.raises(InvalidEmbedderError, match='no embedder "third"'):
        DjangoEmbeddings("third")


@pytest.mark.django_db
def test_a_field_and_a_store_share_embeddings(settings: Any) -> None:
    fake = {
        "BACKEND": "hybrid_store.contrib.langchain.LangChainEmbedder",
        "MODEL": "fake",
        "DIMENSIONS": 384,
        "OPTIONS": {"embeddings": DeterministicFakeEmbedding(size=384)},
    }
    settings.HYBRID_STORE = {"EMBEDDERS": {"default": fake}}
    store = DjangoVectorStore(Paper.objects.all())
    store.add_texts(["one", "two"], ids=["a", "b"])
    assert [found.id for found in store.similarity_search("two", k=1)] == ["b"]
    assert not Paper.objects.stale().exists()


def test_without_langchain_the_app_works_and_names_the_extra() -> None:
    code = (
        "import sys, django\n"
        "sys.modules['langchain_core'] = None\n"
        "django.setup()\n"
        "from hybrid_store.contrib import langchain\n"
        "from hybrid_store.contrib.langchain import LangChainEmbedder, models\n"
        "try: langchain.DjangoVectorStore\n"
        "except langchain.MissingExtraError as error: print(error)\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HYBRID_STORE_")}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == f"{MissingExtraError('hybrid_store.contrib.langchain', 'langchain')}\n"


def test_there_is_nothing_else_in_the_package() -> None:
    from hybrid_store.contrib import langchain

    with pytest.raises(AttributeError, match="no attribute 'Store'"):
        _ = langchain.Store
    assert {*langchain.__all__} == {*langchain.MODULES}
