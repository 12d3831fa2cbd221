"""Embedders: what turns text into vectors, as configured in `HYBRID_STORE["EMBEDDERS"]`.

The embedders that are shipped are named by dotted path, so none is imported before it is used:
`hybrid_store.embedders.openai.OpenAIEmbedder`, `.minilm.MiniLMEmbedder`,
`.sentence_transformers.SentenceTransformerEmbedder` and, for tests, `.hashing.HashingEmbedder`.
"""

from __future__ import annotations

from hybrid_store.embedders.answers import Answer, Embedded
from hybrid_store.embedders.base import BaseEmbedder, Kind
from hybrid_store.embedders.handler import embedders

__all__ = ["Answer", "BaseEmbedder", "Embedded", "Kind", "embedders"]
