"""What `PydanticAIEmbedder` knows of providers and their models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic_ai.providers import Provider

__all__ = ["Access", "Model", "Vendor", "model_of", "vendor_of"]


class Model(NamedTuple):
    """What is known of models whose names begin alike."""

    max_tokens: int | None = None
    dimensions: int | None = None
    shortens: bool = True
    """Does it take the number of dimensions as a parameter?"""
    truncates: bool = True
    """Can it be told to read only the beginning of a text that is too long?"""
    has_kinds: bool = True
    """Is it told whether a text is a document or a query?"""
    batches: bool = True
    """Does a request hold several texts?"""


# The first that fits is taken.
MODELS = {
    "cohere:embed-v4": Model(128_000, 1536),
    "cohere:embed-english-light-v3": Model(512, 384, shortens=False),
    "cohere:embed-multilingual-light-v3": Model(512, 384, shortens=False),
    "cohere:embed-english-v3": Model(512, 1024, shortens=False),
    "cohere:embed-multilingual-v3": Model(512, 1024, shortens=False),
    "voyageai:voyage-4": Model(32_000, 1024),
    "voyageai:voyage-3-large": Model(32_000, 1024),
    "voyageai:voyage-3.5": Model(32_000, 1024),
    "voyageai:voyage-code-3": Model(32_000, 1024),
    "voyageai:voyage-finance-2": Model(32_000, 1024, shortens=False),
    "voyageai:voyage-law-2": Model(16_000, 1024, shortens=False),
    "bedrock:amazon.titan-embed-text-v1": Model(
        8192, 1536, shortens=False, truncates=False, has_kinds=False, batches=False
    ),
    "bedrock:amazon.titan-embed-text-v2": Model(
        8192, 1024, truncates=False, has_kinds=False, batches=False
    ),
    "bedrock:amazon.nova-2": Model(8192, 3072, batches=False),
    "bedrock:cohere.embed-v4": Model(128_000, 1536),
    "bedrock:cohere.embed-english-v3": Model(512, 1024, shortens=False),
    "bedrock:cohere.embed-multilingual-v3": Model(512, 1024, shortens=False),
}
"""As the documentation of the three providers states it."""


def model_of(name: str) -> Model:
    """What is known of a model, by its name with its provider; nothing of one that is new."""
    known = (model for start, model in MODELS.items() if name.startswith(start))
    return next(known, Model())


@dataclass(frozen=True)
class Access:
    """What a client is made with; reports that show variables do not show its secrets."""

    api_key: str | None = field(repr=False)
    base_url: str | None = field(repr=False)
    timeout: float
    region: str | None


class Vendor(NamedTuple):
    """What is known of a provider."""

    connect: Callable[[Access], Provider[Any]]
    """Makes its client; the client's own retries are off."""
    extra: str = "pydantic-ai"
    modules: tuple[str, ...] = ()
    """Where its client is."""
    key_variables: tuple[str, ...] = ()
    secret_variables: tuple[str, ...] = ()
    """Further environment variables whose values must not be shown."""
    loggers: tuple[str, ...] = ()
    """To which its client logs what a server says."""
    request_texts: int | None = None
    request_tokens: int | None = None


def connect_cohere(access: Access) -> Provider[Any]:
    from cohere import AsyncClientV2
    from pydantic_ai.providers.cohere import CohereProvider

    client = AsyncClientV2(
        access.api_key, base_url=access.base_url, timeout=access.timeout, max_retries=0
    )
    return CohereProvider(cohere_client=client)


def connect_voyage(access: Access) -> Provider[Any]:
    from pydantic_ai.providers.voyageai import VoyageAIProvider
    from voyageai.client_async import AsyncClient

    client = AsyncClient(
        access.api_key, base_url=access.base_url, timeout=access.timeout, max_retries=0
    )
    return VoyageAIProvider(voyageai_client=client)


def connect_bedrock(access: Access) -> Provider[Any]:
    """With an API key as a bearer token, else with the credentials that boto3 finds."""
    import boto3
    from botocore.config import Config
    from botocore.session import Session
    from botocore.tokens import FrozenAuthToken
    from pydantic_ai.providers.bedrock import BedrockProvider

    session = Session()
    signature = {}
    if access.api_key:
        token = FrozenAuthToken(access.api_key)
        session.get_auth_token = lambda **_: token
        signature = {"signature_version": "bearer"}
    client = boto3.Session(botocore_session=session, region_name=access.region).client(
        "bedrock-runtime",
        endpoint_url=access.base_url,
        config=Config(
            read_timeout=access.timeout,
            connect_timeout=access.timeout,
            retries={"total_max_attempts": 1},
            **signature,
        ),
    )
    return BedrockProvider(bedrock_client=client)


VENDORS = {
    "cohere": Vendor(
        connect_cohere,
        extra="cohere",
        modules=("cohere",),
        key_variables=("CO_API_KEY",),
        request_texts=96,
    ),
    "voyageai": Vendor(
        connect_voyage,
        extra="voyage",
        modules=("voyageai",),
        key_variables=("VOYAGE_API_KEY",),
        loggers=("voyage",),
        request_texts=128,
        # Of its models, the least that one takes.
        request_tokens=120_000,
    ),
    "bedrock": Vendor(
        connect_bedrock,
        extra="bedrock",
        modules=("boto3",),
        secret_variables=(
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ),
        request_texts=96,
    ),
}


def vendor_of(name: str) -> Vendor:
    """What is known of a provider. Any other one is asked as Pydantic AI does by itself."""

    def connect(access: Access) -> Provider[Any]:
        from pydantic_ai.providers import infer_provider_class

        given = {"api_key": access.api_key, "base_url": access.base_url}
        provider: Provider[Any] = infer_provider_class(name)(
            **{option: value for option, value in given.items() if value is not None}
        )
        return provider

    return VENDORS.get(name, Vendor(connect))
