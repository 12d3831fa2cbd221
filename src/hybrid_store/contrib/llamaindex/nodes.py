"""Nodes become records, and records nodes as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llama_index.core.constants import DATA_KEY, TYPE_KEY
from llama_index.core.schema import (
    BaseNode,
    MetadataMode,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.storage.docstore.utils import json_to_doc

from hybrid_store.contrib.retrieval.layout import Record

__all__ = ["node_of", "record_of"]

CONTENT = "llama_index"
"""The key of a payload under which a node is, as a text: JSON columns order keys anew."""


def record_of(node: BaseNode) -> Record:
    """Text, metadata, vector and source have places of their own; the rest is in the payload.

    Metadata is there once more, in its order, which the hash of a node depends on. The bytes of
    media are nowhere: LlamaIndex leaves them out of what it writes.
    """
    data = node.model_dump(mode="json", exclude={"embedding"})
    metadata = data["metadata"]
    _set_text(data, "")
    return Record(
        key=node.node_id,
        text=node.get_content(metadata_mode=MetadataMode.NONE),
        metadata=metadata,
        embedding=node.embedding,
        source=node.ref_doc_id or "",
        payload={CONTENT: json.dumps({TYPE_KEY: node.get_type(), DATA_KEY: data})},
    )


def node_of(record: Record, *, keys: list[str] | None = None) -> BaseNode:
    """What a row holds now counts, where that was changed since. `keys` of metadata; None: all."""
    content = (record.payload or {}).get(CONTENT)
    node = _restored(record, json.loads(content)) if content else _new(record)
    if keys is not None:
        node.metadata = {key: value for key, value in node.metadata.items() if key in keys}
    return node


def _restored(record: Record, content: dict[str, Any]) -> BaseNode:
    data = content[DATA_KEY]
    if not _is_same(data["metadata"], record.metadata):
        data["metadata"] = record.metadata
    data["embedding"] = record.embedding
    _set_text(data, record.text)
    node: BaseNode = json_to_doc(content)
    return node


def _new(record: Record) -> BaseNode:
    """Of a row that was not written as a node."""
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=record.source)}
    return TextNode(
        id_=record.key,
        text=record.text,
        metadata=record.metadata,
        embedding=record.embedding,
        relationships=source if record.source else {},
    )


def _set_text(data: dict[str, Any], text: str) -> None:
    """Where a node has its text; one that is only an image has none."""
    place = data if "text" in data else data.get("text_resource")
    if place is not None and (text or place.get("text")):
        place["text"] = text


def _is_same(kept: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Columns that no metadata was written into have None."""
    return all(kept.get(key) == row.get(key) for key in kept.keys() | row.keys())
