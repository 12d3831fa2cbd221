"""`SentenceModel`: a sentence-transformers model, loaded from its folder."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hybrid_store.embedders.bert import POOLINGS, Bert, Packed, normalized
from hybrid_store.embedders.folder import ModelFolder
from hybrid_store.exceptions import InvalidEmbedderError
from hybrid_store.vectors import FloatArray

__all__ = ["SPECIAL_TOKENS", "Read", "SentenceModel"]

WORDS = "embeddings.word_embeddings.weight"

SPECIAL_TOKENS = 2
"""What the model adds to a text: one token before and one after it."""

HEADS = (64, 4096)
"""Characters a token that are tokenized at first, and at most. Texts of megabytes are not worth
minutes and gigabytes when a few hundred tokens of them are used."""


class Read(NamedTuple):
    """A text as the model reads it."""

    ids: list[int]
    """Token ids, special ones included."""
    whole: bool
    """Or is there more of the text?"""


class SentenceModel:
    """Texts to vectors; safe to use from several threads at once.

    Needs the packages `tokenizers` and `safetensors`. Raises `InvalidEmbedderError` where a file
    is missing or damaged, or where its weights are not those that `sha256` names.
    """

    def __init__(
        self,
        folder: ModelFolder,
        *,
        sha256: str | None = None,
        max_length: int | None = None,
        normalize: bool = True,
    ) -> None:
        folder.verify()
        if sha256 is not None:
            check_hash(folder.weights, sha256)
        self.config = folder.bert
        self.pool = POOLINGS[folder.pooling]
        self.normalize = normalize or folder.normalizes
        self.max_length = folder.max_length if max_length is None else max_length
        if not SPECIAL_TOKENS < self.max_length <= folder.bert.room:
            raise InvalidEmbedderError(
                f"The model in {folder.path} takes texts of up to {folder.bert.room} tokens, "
                f"{SPECIAL_TOKENS} of them its own; max_length is {self.max_length}."
            )
        self.tokenizer = load_tokenizer(folder, self.max_length)
        self.bert = load_bert(folder)

    def __call__(self, texts: Sequence[Read]) -> FloatArray:
        """Float32 of shape (len(texts), dimensions), in the order of the texts."""
        # Equal lengths have to be neighbours in `Packed`.
        order = np.argsort([len(text.ids) for text in texts], kind="stable")
        packed = Packed.of([texts[position].ids for position in order], self.config)
        pooled = self.pool(self.bert(packed), packed)
        vectors = np.empty_like(pooled)
        vectors[order] = normalized(pooled) if self.normalize else pooled
        return vectors

    def read(self, text: str) -> Read:
        """The tokens of `text`, cut off after `max_length`."""
        # One text after the other: the threads of `encode_batch` would not survive a fork.
        for characters in HEADS:
            head = text[: self.max_length * characters]
            encoding = self.tokenizer.encode(head)
            if encoding.overflowing or len(head) == len(text):
                break
        return Read(encoding.ids, not encoding.overflowing and len(head) == len(text))

    def count(self, text: str) -> int:
        """Tokens of the whole text without the special ones. Of a text that is very much longer
        than the model reads, the beginning is counted, and the rest assumed to be like it."""
        head = text[: self.max_length * HEADS[0]]
        encoding = self.tokenizer.encode(head)
        parts = [encoding, *encoding.overflowing]
        tokens = sum(len(part.ids) - SPECIAL_TOKENS for part in parts)
        return tokens if len(head) == len(text) else math.ceil(tokens * len(text) / len(head))


def check_hash(file: Path, sha256: str) -> None:
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != sha256.lower():
        raise InvalidEmbedderError(
            f"{file} is not the file it should be: its SHA-256 is {found}, not {sha256.lower()}."
        )


def load_tokenizer(folder: ModelFolder, max_length: int) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Lowercase
    from tokenizers.normalizers import Sequence as Normalizers

    try:
        tokenizer = Tokenizer.from_file(str(folder.tokenizer))
    except Exception as error:
        # The library raises nothing narrower.
        raise InvalidEmbedderError(f"{folder.tokenizer} cannot be read: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    if folder.lowercases:
        given = [tokenizer.normalizer] if tokenizer.normalizer else []
        tokenizer.normalizer = Normalizers([Lowercase(), *given])
    return tokenizer


def load_bert(folder: ModelFolder) -> Bert:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        stored = load_file(folder.weights)
        # Saved as part of a larger model, all names begin with the encoder's.
        prefix = next(name for name in stored if name.endswith(WORDS)).removesuffix(WORDS)
        weights = {
            name.removeprefix(prefix): array.astype(np.float32, copy=False)
            for name, array in stored.items()
        }
        return Bert(weights, folder.bert)
    except (KeyError, SafetensorError, StopIteration, TypeError, ValueError) as error:
        raise InvalidEmbedderError(
            f"{folder.weights} does not hold the weights of a {folder.bert.architecture} encoder: "
            f"{type(error).__name__} {error}"
        ) from error
