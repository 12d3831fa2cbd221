"""Closing what embedders have connected to."""

from __future__ import annotations

from typing import Any

from pydantic_ai.providers import Provider

from hybrid_store.embedders.background import run_in_background
from hybrid_store.embedders.remote import clients

__all__ = ["close_clients"]


def close_clients() -> None:
    """Close what embedders have connected to."""
    for made in clients.clear():
        if isinstance(made, Provider):
            run_in_background(closed(made))
        else:
            made.close()


async def closed(provider: Provider[Any]) -> None:
    """Close the client of Pydantic AI's provider, whoever it belongs to."""
    async with provider:
        pass
    if hasattr(provider.client, "_client_wrapper"):
        # Cohere's has no way to close it.
        await provider.client._client_wrapper.httpx_client.httpx_client.aclose()
