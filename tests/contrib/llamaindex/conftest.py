"""LlamaIndex asks for a tokenizer that it would download: one is given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from llama_index.core import Settings


@pytest.fixture(autouse=True)
def local_tokenizer() -> Iterator[None]:
    Settings.tokenizer = str.split
    yield
    Settings.tokenizer = None
