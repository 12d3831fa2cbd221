"""How long texts are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.embedders.texts import byte_length, encodable, estimated_tokens

ANY = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("four", 1),
        ("fours", 2),
        ("a" * 4000, 1000),
        ("한국어", 5),
        ("한국어 text", 6),
        ("", 1),
        ("\ud800", 1),
    ],
)
def test_tokens_are_estimated_from_bytes(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens


@given(ANY)
def test_no_text_has_more_tokens_than_bytes(text: str) -> None:
    assert 1 <= estimated_tokens(text) <= max(1, byte_length(text))


@given(ANY)
def test_what_cannot_be_encoded_is_replaced_and_nothing_else(text: str) -> None:
    assert len(encodable(text).encode()) == byte_length(text)
    assert all(
        one == other or other == "?" for one, other in zip(text, encodable(text), strict=True)
    )
