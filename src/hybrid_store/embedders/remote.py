"""`RemoteEmbedder`: what embedders that ask a provider's server have in common."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error

from hybrid_store.embedders.base import BaseEmbedder
from hybrid_store.embedders.params import OptionTypes
from hybrid_store.embedders.redaction import redacted
from hybrid_store.embedders.shared import Shared
from hybrid_store.exceptions import (
    EmbedderAnswerError,
    EmbedderError,
    EmbedderRefusedError,
    EmbedderUnavailableError,
    TextRefusedError,
)

__all__ = [
    "OVERLOADED_STATUSES",
    "RemoteEmbedder",
    "behind",
    "clients",
    "http_errors",
    "is_passing",
]

T = TypeVar("T")

TIMEOUT = 30
LEAST = {"max_retries": 0, "max_tokens": 1}

TEXT_STATUSES = (400, 413, 422)
"""HTTP statuses that say that the input is at fault."""
PASSING_STATUSES = (408, 409, 425, 429)
"""Those that may pass, as may all from 500."""
OVERLOADED_STATUSES = (429, 503)
"""Of these, those that say nothing about the texts."""

clients: Shared[Any] = Shared()
"""The providers' clients, by process and by what they were made with."""


class RemoteEmbedder(BaseEmbedder):
    """An embedder that asks a server by means of the provider's own client.

    OPTIONS of all of them: `api_key` (default: from the environment); `base_url`, another
    address; `timeout` of a request in seconds (default: 30); `max_retries` after a failure that
    may pass (default: 2); `max_tokens` of a text (default: those of the models that are known).
    """

    remote = True
    option_types: ClassVar[OptionTypes] = {
        "api_key": str,
        "base_url": str,
        "timeout": (int, float),
        "max_retries": int,
        "max_tokens": int,
    }
    key_variables: tuple[str, ...] = ()
    """Environment variables that may hold the API key; the first that does is taken."""
    option_variables: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Those from which the provider's client itself takes options that are left out."""

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        super().__init__(alias, params)
        for name, least in LEAST.items():
            if self.options.get(name, least) < least:
                raise self.invalid(f"{name} must be at least {least}, not {self.options[name]}.")
        if self.timeout <= 0:
            raise self.invalid(f"timeout must be above 0 seconds, not {self.timeout}.")
        if not is_address(self.options.get("base_url", "https://example.com")):
            raise self.invalid("base_url must begin with http:// or https:// and name a host.")
        if self.too_long == "refuse" and self.max_tokens is None:
            raise self.invalid(
                f"how many tokens {self.model} reads is not known, so TOO_LONG cannot be "
                '"refuse" without OPTIONS["max_tokens"].'
            )

    @property
    def known_tokens(self) -> int | None:
        """Tokens of a text that the model reads, where it is known."""
        return None

    @property
    def max_tokens(self) -> int | None:
        return self.options.get("max_tokens", self.known_tokens)

    @property
    def timeout(self) -> float:
        """Seconds that a request may take."""
        seconds: float = self.options.get("timeout", TIMEOUT)
        return seconds

    def variable_of(self, option: str) -> str | None:
        names = self.key_variables if option == "api_key" else self.option_variables.get(option, ())
        if str(self.options.get(option) or "").strip():
            return None
        return next((name for name in names if os.environ.get(name, "").strip()), None)

    @property
    def base_url(self) -> str | None:
        """The address that is asked; None for the provider's own."""
        variable = self.variable_of("base_url")
        return os.environ[variable] if variable else self.options.get("base_url")

    @property
    def api_key(self) -> str | None:
        variables = (os.environ.get(name) for name in self.key_variables)
        keys = (self.options.get("api_key"), *variables)
        # A key that was read from a file ends with a line break.
        return next((key.strip() for key in keys if key and key.strip()), None)

    @property
    def service(self) -> str:
        """Whose client it needs: clients of one service are shared."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown: the API key, and a password in `base_url`."""
        address = self.base_url or ""
        password = urlsplit(address).password if is_address(address) else None
        return tuple(secret for secret in (self.api_key, password) if secret)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Besides those of every embedder:

        hybrid_store.E103: there is no API key.
        """
        errors = super().check(**kwargs)
        if self.key_variables and not self.api_key:
            errors.append(
                Error(
                    "There is no API key.",
                    hint=f"Set {self._key_places}.",
                    obj=self,
                    id="hybrid_store.E103",
                )
            )
        return errors

    def client(self) -> Any:
        """The provider's client, made once in a process.

        Raises `InvalidEmbedderError` for a key that is missing or cannot be sent, and
        `MissingExtraError` where the client is not installed.
        """
        self._check_key()
        return clients.get(self._client_key(), self._connected)

    @abstractmethod
    def connect(self) -> Any:
        """Make the provider's client; its own retries have to be off, they are made here."""

    def quoted(self, words: str, texts: Sequence[str] = ()) -> str:
        """A server's own words, without secrets and without the texts that it may repeat."""
        return redacted(words, self.secrets, texts)

    def asked(self, ask: Callable[[], T], texts: Sequence[str]) -> T:
        """`ask()`, which asks the provider about `texts` by its client; an error becomes the one
        of this package that `failure_of` makes of it."""
        try:
            return ask()
        except EmbedderError:
            raise
        except Exception as error:  # noqa: BLE001
            # Whatever it is, it holds the request, and with it the key.
            failure = self.failure_of(error, texts)
        # Raised here, where it does not drag the client's error along.
        raise failure

    def failure_of(self, error: Exception, texts: Sequence[str]) -> EmbedderError:
        """The error of this package that stands for one of the provider's client.

        Here those of the connection and of an answer that is none; a subclass knows the others.
        """
        if any(isinstance(each, json.JSONDecodeError) for each in behind(error)):
            return EmbedderUnavailableError(f"{self} did not answer with complete JSON.")
        if isinstance(error, (OSError, *http_errors())):
            return self.unreachable(error, texts)
        # The clients read an answer without looking whether it is one.
        kind = type(error).__name__
        return EmbedderAnswerError(
            f"{self} answered with something that is no embeddings ({kind})."
        )

    def unreachable(self, error: Exception, texts: Sequence[str]) -> EmbedderError:
        """The error for a server that gave no answer, or not all of it."""
        cause = error.__cause__ or error
        reason = self.quoted(f"{type(cause).__name__} {cause}", texts)
        return EmbedderUnavailableError(f"{self} cannot be reached: {reason}")

    def failed(
        self,
        status: int,
        reason: str,
        *,
        is_setting: bool = False,
        is_lasting: bool = False,
        wait: float | None = None,
    ) -> EmbedderError:
        """The error for an answer with the HTTP `status` of a failure.

        `reason` is fit to be shown. `is_setting` says that a setting is at fault rather than a
        text, `is_lasting` that it will not pass, whatever the status.
        """
        message = f"{self} answered with status {status}: {reason}"
        if status in TEXT_STATUSES and not (is_setting or is_lasting):
            return TextRefusedError(message)
        if is_passing(status) and not is_lasting:
            overloaded = status in OVERLOADED_STATUSES
            return EmbedderUnavailableError(message, wait, overloaded=overloaded)
        return EmbedderRefusedError(message)

    def _connected(self) -> Any:
        self.require_extra()
        return self.connect()

    def _client_key(self) -> tuple[str, ...]:
        made_with = repr((self.service, self.secrets, sorted(self.options.items())))
        # Hashed, since it holds the key. Connections must not be shared with the process that
        # this one was forked from.
        digest = hashlib.sha256(made_with.encode(errors="replace")).hexdigest()
        return (str(os.getpid()), digest)

    def _check_key(self) -> None:
        if self.key_variables and not self.api_key:
            raise self.invalid(f"there is no API key: set {self._key_places}.")
        if not all(secret.isascii() and secret.isprintable() for secret in self.secrets):
            # The client would say so too, and quote the key.
            raise self.invalid("the API key has characters that cannot be sent.")

    @property
    def _key_places(self) -> str:
        return f'{" or ".join(self.key_variables)} in the environment, or OPTIONS["api_key"]'


def is_passing(status: Any) -> bool:
    """Does this HTTP status tell of a failure that may pass?"""
    return isinstance(status, int) and (status in PASSING_STATUSES or status >= 500)


def is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def behind(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


HTTP_ERRORS = {
    "aiohttp": "ClientError",
    "botocore.exceptions": "HTTPClientError",
    "httpx": "HTTPError",
    "httpx2": "HTTPError",
}


def http_errors() -> tuple[type[Exception], ...]:
    """What fails in the HTTP libraries that the providers' clients use, whichever they are. Those
    that are not imported raise nothing."""
    modules = ((sys.modules.get(module), name) for module, name in HTTP_ERRORS.items())
    return tuple(getattr(module, name) for module, name in modules if module is not None)
