"""`CrossEncoderReranker`, where its library is installed."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid_store.exceptions import MissingExtraError, RerankerError
from hybrid_store.rerankers import CrossEncoderReranker, as_reranker
from hybrid_store.rerankers.cross_encoder import models

TEXTS = ["a red apple", "", "a stone bridge over the river", "red " * 300, "apple"]

needs_library = pytest.mark.skipif(
    find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cross-encoder of two layers whose weights are random."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tiny = Path(__file__).parent.parent / "embedders" / "data" / "tiny-bert"
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    torch.manual_seed(1)
    shape = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, initializer_range=1.0, num_labels=1, **shape
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


@needs_library
class TestModel:
    def test_each_text_has_a_score_that_the_others_do_not_change(self, folder: Path) -> None:
        reranker = CrossEncoderReranker(folder, batch_size=2, device="cpu", max_length=64)
        scores = reranker.scores("red apple", TEXTS)
        assert len(set(scores.round(6))) == len(TEXTS)
        alone = [reranker.scores("red apple", [text])[0] for text in TEXTS]
        assert np.abs(scores - alone).max() < 1e-5
        assert np.abs(scores - reranker.scores("stone", TEXTS)).max() > 1e-3

    def test_only_so_many_tokens_are_read(self, folder: Path) -> None:
        reranker = CrossEncoderReranker(folder, max_length=16, device="cpu")
        long, longer = reranker.scores("red", ["red " * 20, "red " * 20 + "bridge"])
        assert long == pytest.approx(longer, abs=1e-6)

    def test_it_is_loaded_once_and_threads_share_it(self, folder: Path) -> None:
        models.clear()

        def scores(size: int) -> Any:
            return CrossEncoderReranker(folder, batch_size=size).scores("red", TEXTS).round(4)

        with ThreadPoolExecutor(4) as threads:
            found = {tuple(each) for each in threads.map(scores, range(1, 9))}
        assert len(found) == 1
        assert len(models.clear()) == 1

    def test_a_model_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(RerankerError, match=r"CrossEncoderReranker \(.*\) failed to score 1"):
            CrossEncoderReranker(tmp_path / "nothing").scores("red", ["apple"])


class TestSettings:
    def test_making_it_loads_nothing(self) -> None:
        models.clear()
        reranker = CrossEncoderReranker("cross-encoder/ms-marco-MiniLM-L6-v2")
        assert as_reranker(reranker) is reranker
        assert models.clear() == []

    @pytest.mark.parametrize("name", ["batch_size", "max_length"])
    @pytest.mark.parametrize("size", [0, -1, 1.5, "8", True])
    def test_sizes_are_whole_numbers(self, name: str, size: Any) -> None:
        with pytest.raises(RerankerError, match=rf"^{name} is .*: give a whole number of at least"):
            CrossEncoderReranker("model", **{name: size})

    def test_without_the_library_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        models.clear()
        monkeypatch.setitem(sys.modules, "sentence_transformers", None)
        with pytest.raises(MissingExtraError, match=r"\[sentence-transformers\]"):
            CrossEncoderReranker("model").scores("red", ["apple"])
