"""`BaseEmbedder`: the class to inherit from to add an embedder."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage, Error

from hybrid_store.embedders.answers import Answer, Embedded, checked_answer
from hybrid_store.embedders.batches import Limit, divided
from hybrid_store.embedders.languages import languages_of
from hybrid_store.embedders.params import TOO_LONG, OptionTypes, checked_params, invalid
from hybrid_store.embedders.retries import with_retries
from hybrid_store.embedders.texts import byte_length, checked_texts, encodable, estimated_tokens
from hybrid_store.exceptions import InvalidEmbedderError, MissingExtraError, TextRefusedError
from hybrid_store.vectors import FloatArray

__all__ = ["BaseEmbedder", "Kind"]

logger = logging.getLogger("hybrid_store")

REMOTE_WORKERS = 4
REMOTE_RETRIES = 2
PRICED_TOKENS = 1_000_000


class Kind(StrEnum):
    """What a text is embedded as: something to be found, or something to find with."""

    DOCUMENT = "document"
    QUERY = "query"


class BaseEmbedder(ABC):
    """One configured embedder.

    A subclass implements `embed_batch`; everything else has a working default. Instances are made
    per thread and per asynchronous context, so what is expensive (weights, HTTP clients) belongs
    into a module-level `hybrid_store.embedders.shared.Shared`, filled when it is first needed.
    Making an instance loads no model, imports no provider and makes no call; it raises
    `InvalidEmbedderError` for settings that are not known or of no use.
    """

    option_types: ClassVar[OptionTypes] = {}
    """The OPTIONS that this embedder knows, each with its type or types."""
    requires: tuple[str, ...] = ()
    """Modules that it needs beyond the package's own dependencies..."""
    extra: str = ""
    """...and the extra of django-hybrid-store that installs them."""
    lexical: ClassVar[bool] = False
    """Does it compare spelling, without any notion of meaning?"""
    remote: bool = False
    """Does it ask a server? Then calls are made side by side, and repeated after a failure."""
    request_texts: int | None = None
    """Most texts that the provider accepts in a request, whatever BATCH_SIZE says."""
    request_tokens: int | None = None
    """Most tokens that the provider accepts in a request. They are not counted but bounded, by
    bytes: a request is never too large, but may be smaller than it had to be."""
    truncates: bool = False
    """Does the model read only the beginning of a text that is too long, without an error?"""

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        self.alias = alias
        params = checked_params(alias, params, self.option_types)
        params = {"BATCH_SIZE": 64, **self.defaults(params), **params}
        for name in ("MODEL", "DIMENSIONS"):
            if name not in params:
                raise self.invalid(f"{name} is missing, and {type(self).__name__} cannot know it.")
        self.options: dict[str, Any] = params["OPTIONS"]
        self.model: str = params["MODEL"]
        self.dimensions: int = params["DIMENSIONS"]
        self.batch_size: int = params["BATCH_SIZE"]
        self.batch_tokens: int | None = params.get("BATCH_TOKENS")
        self.workers: int = params.get("WORKERS", REMOTE_WORKERS if self.remote else 1)
        self.price: float | None = float(params["PRICE"]) if "PRICE" in params else None
        self.too_long: str = params.get("TOO_LONG", TOO_LONG[0])
        self.document_prefix: str = params.get("DOCUMENT_PREFIX", "")
        self.query_prefix: str = params.get("QUERY_PREFIX", "")
        self.space: str = params.get("SPACE", self.default_space)

    @property
    def languages(self) -> frozenset[str] | None:
        """The languages that the model is made for, in English; None where that is not known, or
        where there are many."""
        return languages_of(self.model)

    @abstractmethod
    def embed_batch(self, texts: Sequence[str]) -> Any:
        """One vector a text, in the order of the texts: anything that NumPy reads as an array of
        shape (len(texts), dimensions). An `Answer` tells more, such as the tokens that were used.

        There are at least 1 and at most `batch_size` texts; none is blank, prefixes are already
        part of them. The answer need not be checked. Raise `EmbedderUnavailableError` for a
        failure that may pass: the call is then repeated (with `overloaded=True` where it has
        nothing to do with the texts). Raise `EmbedderRefusedError` for one that will not, and
        `TextRefusedError` where the texts are at fault.

        Anything else that is raised, such as an error of the provider's client, ends the run as
        it is. It may be logged and shown, so make errors of your own from it, which hold neither
        a key nor a text, and raise them outside of the `except` that caught it: an error that
        was being handled is shown along with the new one.
        """

    def embed_batch_as(self, texts: Sequence[str], kind: Kind) -> Any:
        """The same, for a provider that is told what the texts are by more than a prefix."""
        return self.embed_batch(texts)

    def count_batch(self, texts: Sequence[str]) -> Sequence[int]:
        """Tokens of each text, those that the model adds left out; prefixes are part of them.

        An estimate, for embedders that have no tokenizer at hand.
        """
        return [estimated_tokens(text) for text in texts]

    def defaults(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Settings that this embedder knows by itself, given those that are configured."""
        return {}

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that the model reads, those that it adds left out; None: unknown.

        May read the model's files. Counts as `count_tokens` does.
        """
        return None

    @property
    def max_retries(self) -> int:
        """Repetitions of a request that failed in passing."""
        retries: int = self.options.get("max_retries", REMOTE_RETRIES if self.remote else 0)
        return retries

    def variable_of(self, option: str) -> str | None:
        """The environment variable that an option comes from; None where it comes from none."""
        return None

    def embed(self, texts: Sequence[str], kind: Kind = Kind.DOCUMENT) -> FloatArray:
        """The vectors of `texts`: float32 of shape (len(texts), dimensions), all of them finite
        and none of them zero.

        Texts of which the model read only the beginning are logged, in one warning. Raises as
        `embed_counted` does.
        """
        embedded = self.embed_counted(texts, kind)
        if embedded.truncated:
            self._warn([texts[position] for position in embedded.truncated], len(texts), kind)
        return embedded.vectors

    def embed_counted(
        self, texts: Sequence[str], kind: Kind = Kind.DOCUMENT, *, retries: int | None = None
    ) -> Embedded:
        """The vectors of `texts`, the tokens they took, and which of them were cut off.

        A request that fails in passing is repeated `retries` times, by default `max_retries`.
        Raises `TypeError` or `TextRefusedError` for what cannot be embedded, before any call is
        made, `EmbedderAnswerError` for a bad answer, and whatever `embed_batch` raises.
        """
        texts = self._prefixed(checked_texts(texts), kind)
        self._refuse_too_long(texts)
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        done, tokens, truncated = 0, 0, []
        for batch in self._requests(texts):
            request = partial(self._embedded, batch, Kind(kind))
            answer = with_retries(request, self.max_retries if retries is None else retries)
            vectors[done : done + len(batch)] = answer.vectors
            tokens += answer.tokens
            truncated += [done + position for position in answer.truncated]
            done += len(batch)
        return Embedded(vectors, tokens, tuple(truncated))

    def count_tokens(self, texts: Sequence[str], kind: Kind = Kind.DOCUMENT) -> list[int]:
        """Tokens of each text with its prefix: counted where the model's tokenizer is at hand,
        else estimated. Refuses no text, not even one that cannot be embedded."""
        return list(self.count_batch([encodable(text) for text in self._prefixed(texts, kind)]))

    def batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """`texts` in order, in lists that each fit into one request: as many texts and tokens as
        the settings and the provider allow."""
        start = 0
        for batch in self._requests(self._prefixed(texts, Kind.DOCUMENT)):
            yield list(texts[start : start + len(batch)])
            start += len(batch)

    def cost(self, tokens: int) -> float | None:
        """What so many tokens cost, in the currency of PRICE; None where no price is set."""
        return None if self.price is None else self.price * tokens / PRICED_TOKENS

    def embed_query(self, text: str) -> FloatArray:
        """The vector to search with: float32 of shape (dimensions,). Raises as `embed` does."""
        vector: FloatArray = self.embed([text], Kind.QUERY)[0]
        return vector

    async def aembed_query(self, text: str) -> FloatArray:
        # No database is touched, so the thread that Django reserves for that stays free.
        return await sync_to_async(self.embed_query, thread_sensitive=False)(text)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """System checks of this embedder; they load no model and make no call.

        hybrid_store.E101: a package that the embedder needs is not installed.
        """
        missing = self.missing_modules()
        if not missing:
            return []
        hint = f'Run: pip install "django-hybrid-store[{self.extra}]"' if self.extra else None
        return [
            Error(
                f"Packages that it needs are not installed: {', '.join(missing)}.",
                hint=hint,
                obj=self,
                id="hybrid_store.E101",
            )
        ]

    @property
    def default_space(self) -> str:
        """Names the model, not its provider: moving it elsewhere must not re-buy every vector."""
        space = f"{self.model}@{self.dimensions}"
        return f"{space}|{self.document_prefix}" if self.document_prefix else space

    def _prefixed(self, texts: Sequence[str], kind: Kind) -> list[str]:
        prefix = self.query_prefix if Kind(kind) is Kind.QUERY else self.document_prefix
        return [prefix + text for text in texts]

    def _requests(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """`texts`, which have their prefixes, in lists that each fit into one request."""
        most_texts = min(self.batch_size, self.request_texts or self.batch_size)
        limits = [Limit(most_texts, [1] * len(texts))]
        if self.batch_tokens is not None:
            counts = self.count_batch([encodable(text) for text in texts])
            limits.append(Limit(self.batch_tokens, counts))
        if self.request_tokens is not None:
            # A text has no more tokens than bytes, and no more are read than `max_tokens`.
            longest = self.max_tokens or self.request_tokens
            bounds = [min(byte_length(text), longest) for text in texts]
            limits.append(Limit(self.request_tokens, bounds))
        return divided(texts, *limits)

    def _embedded(self, texts: Sequence[str], kind: Kind) -> Embedded:
        """One request and its answer, checked and completed."""
        answer = self.embed_batch_as(texts, kind)
        if not isinstance(answer, Answer):
            answer = Answer(answer)
        vectors = checked_answer(answer.vectors, len(texts), self.dimensions, str(self))
        tokens, truncated = answer.tokens, answer.truncated
        if tokens is None:
            # Not counted by a tokenizer: the texts of all embedders in process would be read twice.
            counts = map(estimated_tokens, texts)
            tokens = sum(min(count, self.max_tokens or count) for count in counts)
        if truncated is None:
            truncated = list(self._longer(texts)) if self.truncates else []
        return Embedded(vectors, tokens, tuple(truncated))

    def _longer(self, texts: Sequence[str]) -> dict[int, int]:
        """Positions of the texts that are longer than the model reads, and their tokens."""
        most = self.max_tokens
        if most is None:
            return {}
        # No text has more tokens than bytes, so short ones need not be counted.
        suspects = [position for position, text in enumerate(texts) if byte_length(text) > most]
        counts = self.count_batch([texts[position] for position in suspects]) if suspects else []
        return {
            position: count
            for position, count in zip(suspects, counts, strict=True)
            if count > most
        }

    def _refuse_too_long(self, texts: Sequence[str]) -> None:
        if self.too_long != "refuse":
            return
        for position, tokens in self._longer(texts).items():
            raise TextRefusedError(
                f"texts[{position}] has {tokens} tokens, but {self.model} reads "
                f'{self.max_tokens}. Shorten it, or set TOO_LONG to "truncate".'
            )

    def _warn(self, truncated: Sequence[str], count: int, kind: Kind) -> None:
        logger.warning(
            "%s reads %s tokens of a text: %s of %s were longer, up to %s tokens, and only their "
            "beginning was embedded.",
            *(self, self.max_tokens, len(truncated), count),
            max(self.count_tokens(truncated, kind)),
        )

    def missing_modules(self) -> list[str]:
        return [module for module in self.requires if not is_installed(module)]

    def require_extra(self) -> None:
        """Raise `MissingExtraError` unless all that this embedder imports is installed."""
        if self.missing_modules():
            raise MissingExtraError(type(self).__name__, self.extra)

    def invalid(self, fault: str) -> InvalidEmbedderError:
        """The error for settings that are of no use, saying whose they are."""
        return invalid(self.alias, fault)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alias}: {self.space}>"

    def __str__(self) -> str:
        return f'The embedder "{self.alias}" ({self.model})'


def is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # The package that it would be in is missing.
        return False
