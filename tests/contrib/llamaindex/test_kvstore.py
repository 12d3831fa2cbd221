"""Values by keys in a table."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.data_structs import IndexDict
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.storage.index_store.keyval_index_store import KVIndexStore

from hybrid_store.contrib.llamaindex import DjangoDocumentStore, DjangoEmbedding, DjangoKVStore
from hybrid_store.contrib.llamaindex.models import Entry

pytestmark = pytest.mark.django_db

KEYS = ["a", "", "é" * 5000, "' OR 1=1 --", "%", "a/b"]
VALUE: dict[str, Any] = {"z": 1, "a": [None, True, 1.5, {"ü": "\x00"}]}


def test_values_are_kept_as_they_are() -> None:
    store = DjangoKVStore()
    assert (store.get("a"), store.get_all(), store.delete("a")) == (None, {}, False)
    for key in KEYS:
        store.put(key, VALUE)
    for key in KEYS:
        found = store.get(key)
        assert found == VALUE
        assert [*(found or ())] == ["z", "a"]
    assert store.get_all() == dict.fromkeys(KEYS, VALUE)
    store.put("a", {"b": 2})
    assert store.get("a") == {"b": 2}
    assert [*store.get_all()] == KEYS
    assert store.delete("a")
    assert not store.delete("a")
    assert [*store.get_all()] == KEYS[1:]


def test_collections_and_stores_are_apart() -> None:
    one, two = DjangoKVStore("one"), DjangoKVStore("two")
    one.put("a", {"v": 1})
    one.put("a", {"v": 2}, collection="other")
    two.put("a", {"v": 3})
    assert (one.get_all(), one.get_all("other"), two.get_all()) == (
        {"a": {"v": 1}},
        {"a": {"v": 2}},
        {"a": {"v": 3}},
    )
    assert one.delete("a")
    assert (one.get("a", "other"), two.get("a")) == ({"v": 2}, {"v": 3})


def test_many_are_put_at_once(django_assert_max_num_queries: Any) -> None:
    store = DjangoKVStore()
    pairs = [(str(number), {"v": number}) for number in range(300)]
    with django_assert_max_num_queries(5):
        store.put_all([*pairs, ("7", {"v": "last"})])
    assert len(store.get_all()) == 300
    assert store.get("7") == {"v": "last"}
    assert DjangoKVStore().get("299") == {"v": 299}


@pytest.mark.django_db(databases=["default", "other"])
def test_another_database_may_be_chosen() -> None:
    DjangoKVStore(using="other").put("a", VALUE)
    assert Entry.objects.using("other").count() == 1
    assert not Entry.objects.using("default").exists()
    assert DjangoKVStore(using="other").get("a") == VALUE


@pytest.mark.django_db(transaction=True)
async def test_asynchronous_methods_do_the_same() -> None:
    store = DjangoKVStore()
    await store.aput("a", VALUE)
    await store.aput_all([("b", {"v": 1}), ("c", {"v": 2})])
    assert await store.aget("a") == VALUE
    assert await store.aget_all() == {"a": VALUE, "b": {"v": 1}, "c": {"v": 2}}
    assert await store.adelete("a")
    assert await store.aget("a") is None


def test_documents_come_back() -> None:
    node = TextNode(
        id_="n",
        text="text",
        metadata={"z": 1, "a": 2},
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id="one")},
    )
    DjangoDocumentStore("papers").add_documents([node, TextNode(id_="m", text="other")])
    again = DjangoDocumentStore("papers")
    assert again.get_document("n") == node
    assert {*again.docs} == {"n", "m"}
    assert again.get_document_hash("n") == node.hash
    info = again.get_ref_doc_info("one")
    assert info is not None
    assert info.node_ids == ["n"]
    assert not DjangoDocumentStore("others").docs
    again.delete_ref_doc("one")
    assert {*again.docs} == {"m"}


def test_indexes_and_embeddings_may_be_kept_too() -> None:
    KVIndexStore(DjangoKVStore()).add_index_struct(IndexDict(index_id="i"))
    assert [one.index_id for one in KVIndexStore(DjangoKVStore()).index_structs()] == ["i"]
    cache = DjangoKVStore("cache")
    model = DjangoEmbedding(embeddings_cache=cache)
    vector = model.get_text_embedding("long " * 3000)
    assert [*cache.get_all("embeddings")] == ["long " * 3000]
    assert model.get_text_embedding("long " * 3000) == vector
