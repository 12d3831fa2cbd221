"""A server of the Model Context Protocol, by which language models search querysets.

from hybrid_store.contrib.mcp import Source, search_server

server = search_server("library", [Source("documents", "Our papers.", visible_documents)])
"""

from hybrid_store.exceptions import MissingExtraError

try:
    from hybrid_store.contrib.mcp.server import search_server
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in {"mcp", "mcp_types"}:
        raise
    raise MissingExtraError("hybrid_store.contrib.mcp", "mcp") from error
from hybrid_store.contrib.mcp.sources import Source

__all__ = ["Source", "search_server"]
