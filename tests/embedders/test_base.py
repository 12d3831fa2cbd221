"""`BaseEmbedder`: settings, prefixes, batches, and the check of every answer."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.embedders import Answer, BaseEmbedder, Embedded, Kind
from hybrid_store.exceptions import (
    EmbedderAnswerError,
    EmbedderUnavailableError,
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
        assert (embedder.batch_tokens, embedder.price, embedder.max_tokens) == (None, None, None)

    def test_calls_to_a_server_are_made_side_by_side_and_repeated(self) -> None:
        class Remote(Recorder):
            remote = True

        assert (Recorder().workers, Recorder().max_retries) == (1, 0)
        assert (Remote().workers, Remote().max_retries) == (4, 2)
        assert Remote(WORKERS=7).workers == 7

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
            ({"BATCH_TOKENS": 0}, "BATCH_TOKENS must be at least 1, not 0"),
            ({"BATCH_TOKENS": None}, "BATCH_TOKENS must be int, not NoneType"),
            ({"WORKERS": 0}, "WORKERS must be at least 1, not 0"),
            ({"WORKERS": 1.5}, "WORKERS must be int, not float"),
            ({"PRICE": -0.1}, "PRICE must be a finite number and not negative, not -0.1"),
            ({"PRICE": float("nan")}, "PRICE must be a finite number and not negative, not nan"),
            ({"PRICE": "0.02"}, "PRICE must be int or float or Decimal, not str"),
            ({"TOO_LONG": "cut"}, 'TOO_LONG must be "truncate" or "refuse", not "cut"'),
            ({"TOO_LONG": True}, "TOO_LONG must be str, not bool"),
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


class Reader(Recorder):
    """Reads ten words of a text; a word is a token."""

    truncates = True
    max_tokens = 10
    counted: list[str] = []

    def count_batch(self, texts: Sequence[str]) -> list[int]:
        self.counted = [*self.counted, *texts]
        return [len(text.split()) for text in texts]


LONG = "of the words " * 4


class TestTokens:
    def test_are_estimated_with_the_prefix_of_the_kind(self) -> None:
        embedder = Recorder(DOCUMENT_PREFIX="passage: ")
        assert embedder.count_tokens(["abcdefghijk"]) == [5]
        assert embedder.count_tokens(["abcdefghijk"], Kind.QUERY) == [3]

    @pytest.mark.parametrize("embedder", [Recorder(), Reader()])
    def test_of_what_cannot_be_embedded_are_counted_too(self, embedder: Recorder) -> None:
        assert len(embedder.count_tokens(["", " ", "a \ud800 b"])) == 3
        assert embedder.count_tokens([]) == []

    @pytest.mark.parametrize(
        ("answer", "tokens"),
        [
            ([GOOD, GOOD], 3),
            (Answer([GOOD, GOOD]), 3),
            (Answer([GOOD, GOOD], tokens=77), 77),
        ],
    )
    def test_are_the_providers_or_else_estimated(self, answer: Any, tokens: int) -> None:
        embedded = Recorder(answer).embed_counted(["four", "fours"])
        assert isinstance(embedded, Embedded)
        assert embedded.tokens == tokens
        assert embedded.vectors.tolist() == [GOOD, GOOD]

    def test_of_all_requests_are_added_up(self) -> None:
        assert Recorder(BATCH_SIZE=1).embed_counted(["four", "fours", "four"]).tokens == 4

    def test_that_were_not_read_do_not_count(self) -> None:
        assert Reader().embed_counted([LONG]).tokens == 10

    def test_no_text_has_none(self) -> None:
        vectors, tokens, truncated = Recorder().embed_counted([])
        assert (vectors.shape, tokens, truncated) == ((0, 3), 0, ())

    @pytest.mark.parametrize(
        ("price", "cost"), [(0.02, 0.05), (Decimal("0.02"), 0.05), (0, 0.0), (2, 5.0)]
    )
    def test_have_a_price(self, price: Any, cost: float) -> None:
        assert Recorder(PRICE=price).cost(2_500_000) == pytest.approx(cost)

    def test_have_no_cost_without_a_price(self) -> None:
        assert Recorder().cost(1) is None


class TestTooLong:
    def test_positions_are_reported_across_requests(self) -> None:
        texts = ["a", LONG, "b", LONG, LONG]
        assert Reader(BATCH_SIZE=2).embed_counted(texts).truncated == (1, 3, 4)

    def test_positions_are_those_that_the_answer_tells(self) -> None:
        answer = Answer([GOOD, GOOD], truncated=[1])
        assert Reader(answer).embed_counted([LONG, LONG]).truncated == (1,)

    def test_the_prefix_counts(self) -> None:
        text = "a few words only and no more"
        assert Reader().embed_counted([text]).truncated == ()
        assert Reader(DOCUMENT_PREFIX="and a prefix of it: ").embed_counted([text]).truncated == (
            0,
        )

    def test_texts_that_cannot_be_too_long_are_not_counted(self) -> None:
        embedder = Reader(Answer([GOOD, GOOD], tokens=1))
        embedder.embed_counted(["ten bytes.", LONG])
        assert embedder.counted == [LONG]

    def test_one_warning_a_call_tells_how_many_and_how_long(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        Reader(BATCH_SIZE=1).embed(["a", LONG, LONG * 2])
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("hybrid_store", logging.WARNING)
        assert record.getMessage() == (
            'The embedder "default" (recorder) reads 10 tokens of a text: 2 of 3 were longer, up '
            "to 24 tokens, and only their beginning was embedded."
        )

    def test_a_query_is_warned_of_too(self, caplog: pytest.LogCaptureFixture) -> None:
        Reader(QUERY_PREFIX="query: ").embed_query(LONG)
        assert "1 of 1 were longer, up to 13 tokens" in caplog.text
        assert "words" not in caplog.text

    def test_counting_does_not_warn(self, caplog: pytest.LogCaptureFixture) -> None:
        Reader().embed_counted([LONG])
        assert caplog.records == []

    def test_an_embedder_that_reads_everything_reports_nothing(self) -> None:
        class Whole(Reader):
            truncates = False

        assert Whole().embed_counted([LONG]).truncated == ()

    @pytest.mark.parametrize("kind", Kind)
    def test_can_be_refused_before_any_call(self, kind: Kind) -> None:
        embedder = Reader(TOO_LONG="refuse", BATCH_SIZE=1)
        with pytest.raises(
            TextRefusedError, match=r"texts\[1\] has 12 tokens, but recorder reads 10\."
        ) as raised:
            embedder.embed_counted(["a", LONG], kind)
        assert "words" not in str(raised.value)
        assert embedder.calls == []
        assert embedder.embed(["a", "b"]).shape == (2, 3)


class TestBatches:
    def test_hold_as_many_tokens_as_the_settings_allow(self) -> None:
        embedder = Recorder(BATCH_TOKENS=3, DOCUMENT_PREFIX="p: ")
        texts = ["a", "b" * 5, "c" * 1000, "d"]
        assert list(embedder.batches(texts)) == [texts[:2], texts[2:3], texts[3:]]
        embedder.embed(texts)
        assert [len(call) for call in embedder.calls] == [2, 1, 1]

    def test_stay_within_what_the_provider_accepts(self) -> None:
        class Small(Recorder):
            request_texts = 3
            request_tokens = 8

        assert list(Small().batches(["aaaa", "bbbb", "c"])) == [["aaaa", "bbbb"], ["c"]]
        assert [len(batch) for batch in Small().batches("abcd")] == [3, 1]
        assert [len(batch) for batch in Small(BATCH_SIZE=2).batches("abcd")] == [2, 2]

    def test_count_no_more_of_a_text_than_is_read(self) -> None:
        class Small(Reader):
            request_tokens = 20

        assert [len(batch) for batch in Small().batches([LONG] * 3)] == [2, 1]


class Busy(Recorder):
    """Is busy in every second call."""

    remote = True

    def embed_batch(self, texts: Sequence[str]) -> Any:
        answer = super().embed_batch(texts)
        if len(self.calls) % 2:
            raise EmbedderUnavailableError("busy", 0.25)
        return answer


class TestRetries:
    @pytest.fixture
    def waits(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        waits: list[float] = []
        monkeypatch.setattr(time, "sleep", waits.append)
        return waits

    def test_each_request_is_repeated_by_itself(self, waits: list[float]) -> None:
        embedder = Busy(BATCH_SIZE=1)
        assert embedder.embed(["a", "bb"])[:, 0].tolist() == [1, 2]
        assert embedder.calls == [["a"], ["a"], ["bb"], ["bb"]]
        assert waits == [0.25, 0.25]

    def test_the_caller_may_wait_itself(self, waits: list[float]) -> None:
        embedder = Busy()
        with pytest.raises(EmbedderUnavailableError):
            embedder.embed_counted(["a"], retries=0)
        assert (len(embedder.calls), waits) == (1, [])

    def test_the_caller_may_be_more_patient(self, waits: list[float]) -> None:
        class Local(Busy):
            remote = False

        with pytest.raises(EmbedderUnavailableError):
            Local().embed(["a"])
        assert Local().embed_counted(["a"], retries=1).vectors.shape == (1, 3)


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
        "import importlib, pkgutil, sys; from hybrid_store import embedders;"
        "[importlib.import_module(f'hybrid_store.embedders.{module.name}')"
        " for module in pkgutil.iter_modules(embedders.__path__)];"
        "print(sorted({'boto3', 'cohere', 'google.genai', 'openai', 'pydantic_ai', 'safetensors',"
        " 'sentence_transformers', 'tokenizers', 'torch', 'voyageai'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
