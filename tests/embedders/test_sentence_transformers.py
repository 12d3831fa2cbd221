"""`SentenceTransformerEmbedder`, where its library is installed."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from hybrid_store.embedders.sentence_transformers import SentenceTransformerEmbedder, models
from hybrid_store.exceptions import InvalidEmbedderError, MissingExtraError
from hybrid_store.test.embedders import EmbedderConformance

DATA = Path(__file__).parent / "data"
TEXTS: list[str] = json.loads((DATA / "texts.json").read_text(encoding="utf-8"))
TINY = ["tiny-bert", "tiny-xlm-roberta"]

needs_library = pytest.mark.skipif(
    find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed"
)


def tiny(name: str, **options: object) -> SentenceTransformerEmbedder:
    options = {"path": DATA / name, "device": "cpu", **options}
    params = {"MODEL": name, "DIMENSIONS": 32, "BATCH_SIZE": 5, "OPTIONS": options}
    return SentenceTransformerEmbedder("default", params)


@needs_library
class TestConformance(EmbedderConformance):
    @pytest.fixture(params=TINY)
    def embedder(self, request: pytest.FixtureRequest) -> SentenceTransformerEmbedder:
        return tiny(request.param)


@needs_library
class TestModel:
    @pytest.mark.parametrize("name", TINY)
    def test_equals_the_library(self, name: str) -> None:
        assert np.abs(tiny(name).embed(TEXTS) - np.load(DATA / f"{name}.npy")).max() < 1e-5

    def test_is_loaded_once(self) -> None:
        models.clear()
        for _ in range(2):
            tiny("tiny-bert").embed(["text"])
        assert len(models.clear()) == 1


class TestSettings:
    def test_the_space_is_known_without_the_library(self) -> None:
        assert tiny("tiny-bert").space == "tiny-bert@32"

    def test_dimensions_have_to_be_named(self) -> None:
        with pytest.raises(InvalidEmbedderError, match="DIMENSIONS is missing"):
            SentenceTransformerEmbedder("default", {"MODEL": "all-MiniLM-L6-v2"})

    def test_without_the_library_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        models.clear()
        monkeypatch.setitem(sys.modules, "sentence_transformers", None)
        assert [error.id for error in tiny("tiny-bert").check()] == ["hybrid_store.E101"]
        with pytest.raises(MissingExtraError, match=r"\[sentence-transformers\]"):
            tiny("tiny-bert").embed(["text"])
