"""`BaseEmbedder`: settings, prefixes, batches, and the check of every answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.embedders import BaseEmbedder, Kind
from hybrid_store.exceptions import (
    EmbedderAnswerError,
    InvalidEmbedderError,
    MissingExtraError,
    TextRefusedError,
)
from hybrid_store.vectors import Vector

GOOD = [1.0, 2.0, 3.0]


class Recorder(BaseEmbedder):
    """Remembers what it was asked; answers what it was told to, else the length of each text."""

    option_types = {"number": (int, float), "flag": bool, "name": str}

    def __init__(self, answer: Any = None, **params: Any) -> None:
        super().__init__("default", {"MODEL": "recorder", "DIMENSIONS": 3, **params})
        self.answer = answer
        self.calls: list[list[str]] = []

    def embed_batch(self, texts: Sequence[str]) -> Any:
        self.calls.append(list(texts))
        if self.answer is not None:
            return self.answer
        return [[len(text), 1, 0] for text in texts]


class TestSettings:
    def test_defaults(self) -> None:
        embedder = Recorder()
        assert embedder.space == "recorder@3"
        assert embedder.batch_size == 64
        assert (embedder.document_prefix, embedder.query_prefix, embedder.options) == ("", "", {})

    def test_the_space_is_the_model_the_dimensions_and_the_document_prefix(self) -> None:
        assert Recorder(DOCUMENT_PREFIX="passage: ").space == "recorder@3|passage: "
        assert Recorder(QUERY_PREFIX="query: ").space == "recorder@3"

    def test_the_space_can_be_declared(self) -> None:
        assert Recorder(SPACE="mine", DOCUMENT_PREFIX="passage: ").space == "mine"

    def test_an_option_that_is_none_counts_as_left_out(self) -> None:
        assert Recorder(OPTIONS={"name": None}).options == {}

    @pytest.mark.parametrize(
        ("params", "fault"),
        [
            ({"DIMENSION": 3}, 'no setting "DIMENSION"; known: BACKEND, MODEL, DIMENSIONS'),
            ({"DIMENSIONS": 0}, "DIMENSIONS must be at least 1, not 0"),
            ({"DIMENSIONS": "3"}, "DIMENSIONS must be int, not str"),
            ({"DIMENSIONS": True}, "DIMENSIONS must be int, not bool"),
            ({"DIMENSIONS": 3.0}, "DIMENSIONS must be int, not float"),
            ({"BATCH_SIZE": -1}, "BATCH_SIZE must be at least 1, not -1"),
            ({"MODEL": ""}, "MODEL must not be empty"),
            ({"MODEL": None}, "MODEL must be str, not NoneType"),
            ({"SPACE": ""}, "SPACE must not be empty"),
            ({"QUERY_PREFIX": 1}, "QUERY_PREFIX must be str, not int"),
            ({"OPTIONS": []}, "OPTIONS must be dict, not list"),
            ({"OPTIONS": {"nmae": "x"}}, 'no option "nmae"; known: number, flag, name'),
            ({"OPTIONS": {"number": "1"}}, "number must be int or float, not str"),
            ({"OPTIONS": {"number": True}}, "number must be int or float, not bool"),
            ({"OPTIONS": {"flag": 1}}, "flag must be bool, not int"),
        ],
    )
    def test_mistakes_are_named(self, params: dict[str, Any], fault: str) -> None:
        with pytest.raises(InvalidEmbedderError, match=fault) as raised:
            Recorder(**params)
        assert 'HYBRID_STORE["EMBEDDERS"]["default"]' in str(raised.value)

    @pytest.mark.parametrize("name", ["MODEL", "DIMENSIONS"])
    def test_what_an_embedder_cannot_know_must_be_set(self, name: str) -> None:
        params = {"MODEL": "m", "DIMENSIONS": 3}
        del params[name]

        class Plain(BaseEmbedder):
            def embed_batch(self, texts: Sequence[str]) -> Any: ...

        with pytest.raises(InvalidEmbedderError, match=f"{name} is missing, and Plain cannot"):
            Plain("default", params)

    def test_values_of_options_are_not_shown(self) -> None:
        embedder = Recorder(OPTIONS={"name": "s3cret"})
        assert repr(embedder) == "<Recorder default: recorder@3>"
        assert "s3cret" not in f"{embedder} {embedder.options} {vars(embedder)}"


class TestTexts:
    def test_prefixes_are_those_of_the_kind(self) -> None:
        embedder = Recorder(DOCUMENT_PREFIX="passage: ", QUERY_PREFIX="query: ")
        embedder.embed(["a"])
        embedder.embed(["b"], Kind.QUERY)
        embedder.embed_query("c")
        assert embedder.calls == [["passage: a"], ["query: b"], ["query: c"]]

    def test_a_blank_text_is_not_saved_by_its_prefix(self) -> None:
        embedder = Recorder(DOCUMENT_PREFIX="passage: ")
        with pytest.raises(TextRefusedError, match=r"texts\[0\] is blank"):
            embedder.embed([" "])

    def test_nothing_is_sent_when_one_text_is_refused(self) -> None:
        embedder = Recorder(BATCH_SIZE=1)
        with pytest.raises(TextRefusedError, match=r"texts\[2\] is blank"):
            embedder.embed(["a", "b", "\u2003"])
        assert embedder.calls == []

    def test_a_lone_surrogate_is_located(self) -> None:
        with pytest.raises(
            TextRefusedError, match=r"texts\[1\] has a lone surrogate at character 2"
        ):
            Recorder().embed(["a", "ab\udfff"])

    def test_no_text_makes_no_call(self) -> None:
        embedder = Recorder()
        assert embedder.embed([]).shape == (0, 3)
        assert embedder.calls == []

    @given(
        texts=st.lists(st.text("ab", min_size=1), max_size=20),
        size=st.integers(min_value=1, max_value=25),
    )
    def test_batches_hold_all_texts_in_order_and_are_not_too_large(
        self, texts: list[str], size: int
    ) -> None:
        embedder = Recorder(BATCH_SIZE=size)
        vectors = embedder.embed(texts)
        assert [text for call in embedder.calls for text in call] == texts
        assert all(1 <= len(call) <= size for call in embedder.calls)
        assert vectors[:, 0].tolist() == [len(text) for text in texts]


class TestAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            [GOOD, GOOD],
            (tuple(GOOD), tuple(GOOD)),
            [Vector(GOOD), Vector(GOOD)],
            [np.array(GOOD), GOOD],
            np.array([GOOD, GOOD]),
            np.array([GOOD, GOOD], dtype=np.float16),
            np.array([GOOD, GOOD], dtype=">f4"),
            np.array([GOOD, GOOD]).astype(int),
        ],
        ids=repr,
    )
    def test_good_ones_become_float32(self, answer: Any) -> None:
        vectors = Recorder(answer).embed(["a", "b"])
        assert vectors.dtype == np.float32
        assert vectors.tolist() == [GOOD, GOOD]

    @pytest.mark.parametrize(
        ("answer", "fault"),
        [
            ([], "0 vectors for 2 texts"),
            ([GOOD], "1 vectors for 2 texts"),
            ([GOOD, GOOD, GOOD], "3 vectors for 2 texts"),
            (7, "a int instead of a list of vectors"),
            ((vector for vector in [GOOD, GOOD]), "a generator instead of a list"),
            ([GOOD, GOOD[:2]], "2 instead of 3 dimensions in vector 1"),
            ([GOOD[:2], GOOD[:2]], "2 instead of 3 dimensions in vector 0"),
            ([GOOD, [GOOD]], "no vector of numbers at position 1"),
            ([GOOD, []], "0 instead of 3 dimensions in vector 1"),
            ([GOOD, [1.0, float("nan"), 0.0]], "NaN or infinity in vector 1"),
            ([[1.0, float("-inf"), 0.0], GOOD], "NaN or infinity in vector 0"),
            ([GOOD, [1e300, 0.0, 0.0]], "NaN or infinity in vector 1"),
            ([GOOD, [0.0, -0.0, 0.0]], "nothing but zeros in vector 1"),
            ([GOOD, [1e-300, 0.0, 0.0]], "nothing but zeros in vector 1"),
            ([GOOD, None], "no vector of numbers at position 1"),
            ([GOOD, [1.0, None, 0.0]], "no vector of numbers at position 1"),
            ([GOOD, ["1", "2", "3"]], "no vector of numbers at position 1"),
            ([GOOD, "abc"], "no vector of numbers at position 1"),
            ([[True, False, True]] * 2, "no vector of numbers at position 0"),
            ([[Decimal(1)] * 3] * 2, "no vector of numbers at position 0"),
            ([[1j, 0, 0]] * 2, "no vector of numbers at position 0"),
            ({"a": GOOD, "b": GOOD}, "no vector of numbers at position 0"),
        ],
        ids=str,
    )
    def test_bad_ones_are_refused_by_name(self, answer: Any, fault: str) -> None:
        with pytest.raises(EmbedderAnswerError, match=fault) as raised:
            Recorder(answer).embed(["a", "b"])
        assert str(raised.value).startswith('The embedder "default" (recorder) answered with ')

    def test_later_batches_are_checked_too(self) -> None:
        with pytest.raises(EmbedderAnswerError):
            Recorder([GOOD, GOOD], BATCH_SIZE=2).embed(["a", "b", "c"])


class TestExtras:
    class Needy(Recorder):
        requires = ("numpy", "no_such_package_at_all")
        extra = "needy"

    def test_a_missing_package_is_found_by_a_check(self) -> None:
        (error,) = self.Needy().check()
        assert error.id == "hybrid_store.E101"
        assert "no_such_package_at_all" in error.msg
        assert "numpy" not in error.msg
        assert error.hint == 'Run: pip install "django-hybrid-store[needy]"'

    def test_and_named_when_it_is_needed(self) -> None:
        with pytest.raises(MissingExtraError, match=r"Needy needs.*\[needy\]"):
            self.Needy().require_extra()

    def test_nothing_is_missing_by_default(self) -> None:
        Recorder().require_extra()
        assert Recorder().check() == []


def test_no_provider_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; from hybrid_store.embedders import openai, minilm, sentence_transformers;"
        "print(sorted({'openai', 'torch', 'tokenizers', 'safetensors', 'sentence_transformers'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
