"""`PydanticAIEmbedder`: Cohere, Voyage, Bedrock and whatever else Pydantic AI can embed with."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hybrid_store.embedders.answers import Answer
from hybrid_store.embedders.background import run_in_background
from hybrid_store.embedders.base import Kind
from hybrid_store.embedders.redaction import keep_out_of_log
from hybrid_store.embedders.remote import RemoteEmbedder, http_errors
from hybrid_store.embedders.retries import retry_after
from hybrid_store.embedders.vendors import Access, Model, Vendor, model_of, vendor_of
from hybrid_store.exceptions import EmbedderError, EmbedderRefusedError

if TYPE_CHECKING:
    from pydantic_ai.embeddings import EmbeddingModel, EmbeddingResult
    from pydantic_ai.providers import Provider

__all__ = ["PydanticAIEmbedder"]

LONE_TEXTS = 16
"""Texts that are sent side by side to a model that takes one in a request: if one fails, all of
them are sent again."""

SETTINGS = re.compile(
    r"output_?dimension|embedding_?dimension|input_?type|model identifier|supported models",
    re.IGNORECASE,
)
"""What an answer speaks of where not the input is at fault."""
LASTING = re.compile(r"(/|per) ?(day|month)", re.IGNORECASE)
"""What it speaks of where it is of no use to wait, whatever the status."""


class PydanticAIEmbedder(RemoteEmbedder):
    """Cohere, Voyage and Bedrock, by the embedding models of Pydantic AI.

    MODEL is "provider:model" as there, such as "cohere:embed-v4.0". Any other provider that it
    knows will do; what is not known of it has to be configured.

    OPTIONS besides those of `RemoteEmbedder`: `region` of Bedrock (default: that of the
    environment); `send_dimensions`, name DIMENSIONS in requests (default: for the models that are
    known to accept it, and for those that are not known). Bedrock's credentials are found as
    boto3 finds them, unless there is an API key.

    With TOO_LONG "truncate" the provider is told to read only the beginning of texts that are too
    long; which they are is estimated, for the providers do not tell.
    """

    option_types = {**RemoteEmbedder.option_types, "region": str, "send_dimensions": bool}
    extra = "pydantic-ai"

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        super().__init__(alias, params)
        if not all(self.model.partition(":")):
            raise self.invalid(
                f'MODEL must be "provider:model", such as "cohere:embed-v4.0", not "{self.model}".'
            )
        vendor = self._vendor
        self.extra = vendor.extra
        self.requires = ("pydantic_ai", *vendor.modules)
        self.key_variables = vendor.key_variables
        self.request_texts = vendor.request_texts
        self.request_tokens = vendor.request_tokens
        self.truncates = self._known.truncates and self.too_long == "truncate"

    def defaults(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        name = params.get("MODEL", "")
        model, vendor = model_of(name), vendor_of(name.partition(":")[0])
        known = {
            "BATCH_SIZE": vendor.request_texts if model.batches else LONE_TEXTS,
            "DIMENSIONS": model.dimensions,
        }
        return {setting: value for setting, value in known.items() if value is not None}

    @property
    def known_tokens(self) -> int | None:
        return self._known.max_tokens

    @property
    def default_space(self) -> str:
        """Without the provider, but with what the model is told that documents are."""
        space = super().default_space.partition(":")[2]
        return f"{space}|{Kind.DOCUMENT}" if self._known.has_kinds else space

    @property
    def service(self) -> str:
        return self.model.partition(":")[0]

    def variable_of(self, option: str) -> str | None:
        """Credentials that the provider's client finds in the environment stand for a key."""
        names = self._vendor.secret_variables if option == "api_key" else ()
        found = super().variable_of(option)
        if found or self.options.get(option):
            return found
        return next((name for name in names if os.environ.get(name)), None)

    @property
    def secrets(self) -> tuple[str, ...]:
        further = map(os.environ.get, self._vendor.secret_variables)
        return (*super().secrets, *(secret for secret in further if secret))

    def connect(self) -> Provider[Any]:
        """Raises `InvalidEmbedderError` where the provider is not known to Pydantic AI, or where
        it misses something in the environment."""
        access = Access(
            api_key=self.api_key,
            base_url=self.options.get("base_url"),
            timeout=self.timeout,
            region=self.options.get("region"),
        )
        for logger in self._vendor.loggers:
            keep_out_of_log(logger, self.secrets)
        try:
            return self._vendor.connect(access)
        except Exception as error:  # noqa: BLE001
            # The clients have no common error for what they miss.
            fault = self.quoted(str(error))
        raise self.invalid(fault)

    def embed_batch(self, texts: Sequence[str]) -> Answer:
        return self.embed_batch_as(texts, Kind.DOCUMENT)

    def embed_batch_as(self, texts: Sequence[str], kind: Kind) -> Answer:
        result = self.asked(partial(self._ask, self.client(), texts, kind), texts)
        return Answer(list(result.embeddings), result.usage.input_tokens or None)

    def failure_of(self, error: Exception, texts: Sequence[str]) -> EmbedderError:
        from pydantic_ai.exceptions import ModelConnectionError, ModelHTTPError

        if isinstance(error, ExceptionGroup):
            return self.failure_of(error.exceptions[0], texts)
        if isinstance(error, ModelHTTPError):
            message = message_of(error.body)
            return self.failed(
                error.status_code,
                self.quoted(message, texts),
                is_setting=bool(SETTINGS.search(message)),
                is_lasting=bool(LASTING.search(message)),
                wait=retry_after(error.headers or {}),
            )
        if isinstance(error, (ModelConnectionError, *http_errors())):
            return self.unreachable(error, texts)
        if isinstance(error, setting_errors()):
            return EmbedderRefusedError(f"{self} cannot be asked: {self.quoted(str(error), texts)}")
        return super().failure_of(error, texts)

    def _ask(self, provider: Provider[Any], texts: Sequence[str], kind: Kind) -> EmbeddingResult:
        from pydantic_ai.embeddings import infer_embedding_model

        model = infer_embedding_model(self.model, provider_factory=lambda name: provider)
        return run_in_background(self._result(model, texts, kind))

    async def _result(
        self, model: EmbeddingModel, texts: Sequence[str], kind: Kind
    ) -> EmbeddingResult:
        settings: Any = {"truncate": self.truncates}
        if self.options.get("send_dimensions", self._known.shortens):
            settings["dimensions"] = self.dimensions
        return await model.embed(texts, input_type=kind.value, settings=settings)

    @property
    def _vendor(self) -> Vendor:
        return vendor_of(self.service)

    @property
    def _known(self) -> Model:
        return model_of(self.model)


def message_of(body: Any) -> str:
    """What a provider says in the body of a failure; all of the body where that is not found."""
    inner = body.get("Error", body) if isinstance(body, dict) else {}
    names = ("message", "Message", "detail")
    return next((str(inner[name]) for name in names if inner.get(name)), str(body))


def setting_errors() -> tuple[type[Exception], ...]:
    """What is raised before anything is sent, for settings or credentials that are of no use."""
    from pydantic_ai.exceptions import UserError

    botocore = sys.modules.get("botocore.exceptions")
    return (ImportError, UserError, *([botocore.BotoCoreError] if botocore else []))
