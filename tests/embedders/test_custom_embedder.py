"""An embedder of somebody else's, as the documentation tells to write one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.test import override_settings

from hybrid_store.embedders import BaseEmbedder, Kind, embedders
from hybrid_store.exceptions import InvalidEmbedderError
from hybrid_store.test.embedders import EmbedderConformance


class LetterEmbedder(BaseEmbedder):
    """Counts how often each character occurs."""

    def embed_batch(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._counts(text) for text in texts]

    def _counts(self, text: str) -> list[float]:
        counts = [0.0] * self.dimensions
        for character in text:
            counts[ord(character) % self.dimensions] += 1.0
        return counts


class InstructedEmbedder(LetterEmbedder):
    """For a provider that is told what the texts are."""

    option_types = {"instruction": str}

    def embed_batch_as(self, texts: Sequence[str], kind: Kind) -> Any:
        instruction = self.options.get("instruction", "") if kind is Kind.QUERY else ""
        return self.embed_batch([instruction + text for text in texts])


class TestLetterEmbedder(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> BaseEmbedder:
        return LetterEmbedder("letters", {"MODEL": "letters", "DIMENSIONS": 400, "BATCH_SIZE": 5})


def configured(**params: Any) -> Any:
    backend = f"{__name__}.InstructedEmbedder"
    params = {"BACKEND": backend, "MODEL": "letters", "DIMENSIONS": 128, **params}
    return override_settings(HYBRID_STORE={"EMBEDDERS": {"default": params}})


def test_it_is_configured_by_its_dotted_path() -> None:
    with configured():
        assert isinstance(embedders["default"], InstructedEmbedder)
        assert embedders["default"].embed(["aab"])[0, ord("a")] == 2


def test_it_tells_queries_from_documents_its_own_way() -> None:
    with configured(OPTIONS={"instruction": "zz"}):
        embedder = embedders["default"]
        assert embedder.embed(["a"])[0, ord("z")] == 0
        assert embedder.embed_query("a")[ord("z")] == 2


def test_options_that_it_does_not_declare_are_refused() -> None:
    fault = 'no option "instructions"; known: instruction'
    with (
        configured(OPTIONS={"instructions": "zz"}),
        pytest.raises(InvalidEmbedderError, match=fault),
    ):
        _ = embedders["default"]
