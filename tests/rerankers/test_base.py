"""What every reranker gets from its base, and what counts as one."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pytest

from hybrid_store.exceptions import MissingExtraError, RerankerError
from hybrid_store.rerankers import BaseReranker, as_reranker


def lengths(query: str, texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


def answering(answer: Any) -> BaseReranker:
    class Answering(BaseReranker):
        def score(self, query: str, texts: list[str]) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

    return Answering()


@pytest.mark.parametrize(
    "answer",
    [[1, 2, -3], (1.0, 2.0, -3.0), np.array([1, 2, -3], np.float32), np.array([1, 2, -3], np.int8)],
)
def test_scores_are_an_array_of_float64(answer: Any) -> None:
    scores = answering(answer).scores("q", ["a", "b", "c"])
    assert scores.dtype == np.float64
    assert scores.tolist() == [1, 2, -3]


def test_no_text_costs_no_call() -> None:
    assert answering(OSError()).scores("q", []).tolist() == []


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([1.0], "with 1 scores for 2 texts"),
        ([], "with 0 scores for 2 texts"),
        ([1.0, math.nan], "with nan for text 1"),
        ([-math.inf, 1.0], "with -inf for text 0"),
        ([[1.0, 2.0], [3.0, 4.0]], r"a list of the shape \(2, 2\).*: one number a text is wanted"),
        ([[1.0], [2.0, 3.0]], "one number a text is wanted"),
        (["1", "2"], "one number a text is wanted"),
        ([True, False], "one number a text is wanted"),
        ([Decimal(1), None], "a list of .* the type object"),
        ({"a": 1, "b": 2}, "a dict of"),
        (None, "a NoneType of"),
        (7.0, "a float of"),
    ],
)
def test_bad_answers_are_refused(answer: Any, sentence: str) -> None:
    with pytest.raises(RerankerError, match=rf"^The reranker Answering answered .*{sentence}"):
        answering(answer).scores("q", ["a", "b"])


def test_a_failure_tells_its_kind_and_keeps_its_words_for_tracebacks() -> None:
    failure = KeyError("the key is sk-123")
    with pytest.raises(RerankerError) as caught:
        answering(failure).scores("q", ["a", "b"])
    assert str(caught.value) == "The reranker Answering failed to score 2 texts: KeyError."
    assert caught.value.__cause__ is failure


@pytest.mark.parametrize("error", [RerankerError("down"), MissingExtraError("It", "extra")])
def test_errors_of_this_package_stay_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        answering(error).scores("q", ["a"])
    assert caught.value is error


def test_a_reranker_is_itself() -> None:
    reranker = answering([1])
    assert as_reranker(reranker) is reranker


@pytest.mark.parametrize("function", [lengths, lambda query, texts: lengths(query, texts)])
def test_a_function_is_a_reranker(function: Any) -> None:
    assert as_reranker(function).scores("q", ["aa", "b"]).tolist() == [2, 1]
    assert as_reranker(partial(function, texts=["aaa"]).func).scores("q", ["a"]).tolist() == [1]


def test_a_failing_function_is_named() -> None:
    def overlap(query: str, texts: list[str]) -> list[float]:
        raise OSError

    with pytest.raises(RerankerError, match=r"^The reranker .*overlap failed to score 1 texts: OS"):
        as_reranker(overlap).scores("q", ["a"])


@pytest.mark.parametrize("value", [None, "cross-encoder", 5, BaseReranker, type(answering([1]))])
def test_anything_else_is_none(value: Any) -> None:
    with pytest.raises(RerankerError, match="is no reranker: give an instance of a BaseReranker"):
        as_reranker(value)
