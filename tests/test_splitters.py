"""Splitting long texts: offsets, sizes, overlaps, and texts of every script."""

from __future__ import annotations

import random
import sys
import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.embedders.texts import estimated_tokens
from hybrid_store.exceptions import MissingExtraError
from hybrid_store.splitters import CHARACTERS, Span, TokenSplitter, whole

ENGLISH = "The wing of a bird is curved. Air flows over it, and the bird flies! Why is that so?\n"
KOREAN = "새의 날개는 굽어 있다. 공기가 그 위로 흐르고, 새는 난다! 왜 그럴까?\n"
JAPANESE = "鳥の翼は曲がっている。空気がその上を流れ、鳥は飛ぶ！なぜそうなのか？\n"  # noqa: RUF001
CHINESE = "鸟的翅膀是弯曲的。空气从上面流过，鸟就飞起来了！为什么会这样呢？\n"  # noqa: RUF001
LANGUAGES = {"en": ENGLISH, "ko": KOREAN, "ja": JAPANESE, "zh": CHINESE}

# Each is one to the reader.
GRAPHEMES = ["e\u0301", "👨\u200d👩\u200d👧", "🇰🇷", "각", "\u1100\u1161\u11a8", "न\u093f", "o", "."]

texts = st.one_of(
    st.text(max_size=400),
    st.lists(
        st.sampled_from([*LANGUAGES.values(), "word ", "\n\n", "\t", "x" * 90]), max_size=30
    ).map("".join),
)
sizes = st.integers(1, 40).flatmap(
    lambda tokens: st.tuples(st.just(tokens), st.integers(0, tokens - 1))
)


def split(text: str, tokens: int, overlap: int = 0) -> list[Span]:
    return list(TokenSplitter(tokens, overlap, estimated_tokens)(text))


@given(texts, sizes)
def test_passages_lie_in_their_text_in_order_and_leave_nothing_out(
    text: str, size: tuple[int, int]
) -> None:
    spans = split(text, *size)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert sorted(set(spans)) == spans
    assert all(before[1] < after[1] for before, after in pairwise(spans))
    covered = {place for span in spans for place in range(*span)}
    left_out = "".join(character for place, character in enumerate(text) if place not in covered)
    assert not left_out.strip()
    for start, end in spans:
        assert text[start:end].strip(" \t\r\n") == text[start:end]


@given(texts, sizes)
def test_no_passage_is_too_long_nor_any_overlap(text: str, size: tuple[int, int]) -> None:
    tokens, overlap = size
    spans = split(text, tokens, overlap)
    for start, end in spans:
        # A single character may be estimated as two.
        assert estimated_tokens(text[start:end]) <= max(tokens, 2)
    for (_, end), (start, _) in pairwise(spans):
        assert start >= end or estimated_tokens(text[start:end]) <= max(overlap, 1)


def test_passages_overlap() -> None:
    spans = split(ENGLISH.replace("\n", " ") * 20, 40, 15)
    pairs = list(pairwise(spans))
    assert sum(start < end for (_, end), (start, _) in pairs) > len(pairs) / 2


@given(st.lists(st.text("abcdefg", min_size=1, max_size=12), min_size=1, max_size=80))
def test_words_are_not_cut(words: list[str]) -> None:
    text = " ".join(words)
    for start, end in split(text, 10):
        assert start == 0 or text[start - 1] == " "
        assert end == len(text) or text[end] == " "


@given(st.lists(st.sampled_from(GRAPHEMES), min_size=1, max_size=60))
def test_graphemes_are_not_cut(graphemes: list[str]) -> None:
    places, text = {0}, ""
    for grapheme in graphemes:
        text += grapheme
        places.add(len(text))
    for span in split(text, 20):
        assert places.issuperset(span)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("overlap", [0, 10])
def test_sentences_stay_whole_in_every_language(language: str, overlap: int) -> None:
    sentences = LANGUAGES[language] * 300
    spans = split(sentences, 60, overlap)
    ends = [sentences[end - 1] for _, end in spans]
    assert len(spans) > 100
    assert all(unicodedata.category(end) == "Po" for end in ends)
    # What is ahead changes nothing, so the text may be looked at in parts.
    from semantic_text_splitter import TextSplitter

    at_once = TextSplitter.from_callback(estimated_tokens, 60, overlap).chunk_indices(sentences)
    assert spans == [(start, start + len(part)) for start, part in at_once]


def test_a_token_has_no_more_than_so_many_characters() -> None:
    spans = list(TokenSplitter(10, 0, lambda text: 1)("x" * 10_000))
    assert max(end - start for start, end in spans) == 10 * CHARACTERS
    assert spans[-1][1] == 10_000


def test_a_long_text_without_any_break_is_split_in_time() -> None:
    """At once, the library takes minutes for this."""
    chosen = random.Random(1)  # noqa: S311
    text = "".join(chr(chosen.randrange(0x4E00, 0x9FFF)) for _ in range(300_000))
    started = time.monotonic()
    spans = split(text, 256, 32)
    assert spans[-1][1] == len(text)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("text", ["", " ", "\n \u3000\u00a0", " " * 100_000])
def test_whitespace_has_no_passages(text: str) -> None:
    assert split(text, 10, 3) == []


def test_a_whole_text() -> None:
    assert whole("any text") == [(0, 8)]


def test_the_package_that_splits_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "semantic_text_splitter", None)
    with pytest.raises(MissingExtraError, match=r"django-hybrid-store\[passages\]"):
        TokenSplitter(10, 0, len)
