"""The record manager, and LangChain's `index()` with it."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from langchain_core.documents import Document
from langchain_core.indexing import aindex, index

from hybrid_store.contrib.langchain import DjangoRecordManager, DjangoVectorStore
from hybrid_store.contrib.langchain.models import IndexedKey
from tests.contrib.models import Paper

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def records() -> DjangoRecordManager:
    DjangoRecordManager("other").update(["a", "other"], group_ids=["g", "g"])
    return DjangoRecordManager("mine")


class TestRecordManager:
    def test_keys_are_remembered(self, records: DjangoRecordManager) -> None:
        records.create_schema()
        assert records.list_keys() == []
        records.update(["a", "b", "a"], group_ids=["g", None, "h"])
        assert records.exists(["b", "other", "a"]) == [True, False, True]
        assert records.list_keys() == ["a", "b"]
        assert records.list_keys(limit=1) == ["a"]
        assert records.list_keys(group_ids=["h", "g"]) == ["a"]
        assert records.list_keys(group_ids=[]) == ["a", "b"]
        records.delete_keys(["a", "other"])
        assert records.list_keys() == ["b"]
        assert DjangoRecordManager("other").list_keys() == ["a", "other"]

    def test_times_tell_what_is_new(self, records: DjangoRecordManager) -> None:
        records.update(["a", "b"], group_ids=["g", "g"])
        between = records.get_time()
        records.update(["b"], time_at_least=between)
        assert records.list_keys(before=between) == ["a"]
        assert records.list_keys(after=between - 60) == ["a", "b"]
        assert records.list_keys(before=between - 60) == []
        assert records.list_keys(group_ids=["g"]) == ["a", "b"]

    def test_a_clock_that_is_behind_is_refused(self, records: DjangoRecordManager) -> None:
        with pytest.raises(ValueError, match="The clock of the database says"):
            records.update(["a"], time_at_least=records.get_time() + 60)
        almost = records.get_time() + 0.5
        records.update(["a"], time_at_least=almost)
        assert records.list_keys(before=almost) == []
        assert records.list_keys() == ["a"]

    def test_there_has_to_be_a_group_for_every_key(self, records: DjangoRecordManager) -> None:
        with pytest.raises(ValueError, match="2 keys, but 1 group ids"):
            records.update(["a", "b"], group_ids=["g"])
        records.update([])
        assert records.list_keys() == []

    def test_values_are_bound(self, records: DjangoRecordManager) -> None:
        hostile = "x' OR '1'='1"
        records.update(["a", hostile], group_ids=["g", hostile])
        assert DjangoRecordManager(hostile).list_keys() == []
        assert records.list_keys(group_ids=[hostile]) == [hostile]
        records.delete_keys([hostile])
        assert records.list_keys() == ["a"]

    async def test_asynchronous_methods_do_the_same(self, records: DjangoRecordManager) -> None:
        await records.acreate_schema()
        await records.aupdate(["a", "b"], group_ids=["g", "h"], time_at_least=0.0)
        assert await records.aexists(["a", "other"]) == [True, False]
        assert await records.alist_keys(before=await records.aget_time() + 1, limit=1) == ["a"]
        assert await records.alist_keys(group_ids=["h"]) == ["b"]
        await records.adelete_keys(["a"])
        assert await sync_to_async(records.list_keys)() == ["b"]

    def test_the_database_may_be_another(self) -> None:
        assert DjangoRecordManager("mine").using == "default"
        assert DjangoRecordManager("mine", using="other").using == "other"


def store_of(owner: str) -> DjangoVectorStore:
    return DjangoVectorStore(Paper.objects.filter(owner=owner), defaults={"owner": owner})


def parts(*texts: str, source: str = "guide") -> list[Document]:
    return [Document(text, metadata={"source": source}) for text in texts]


def texts_of(owner: str) -> set[str]:
    return {*Paper.objects.filter(owner=owner).values_list("text", flat=True)}


class TestIndex:
    @pytest.fixture
    def options(self, records: DjangoRecordManager) -> dict[str, Any]:
        return {
            "record_manager": records,
            "vector_store": store_of("me"),
            "source_id_key": "source",
            "key_encoder": "sha256",
        }

    def test_what_is_no_longer_there_is_deleted(self, options: dict[str, Any]) -> None:
        Paper.objects.create(pk="x", text="yours", owner="you")
        first = index(parts("one", "two"), cleanup="full", **options)
        assert first == {"num_added": 2, "num_updated": 0, "num_skipped": 0, "num_deleted": 0}
        again = index(parts("two", "three"), cleanup="full", **options)
        assert again == {"num_added": 1, "num_updated": 0, "num_skipped": 1, "num_deleted": 1}
        assert texts_of("me") == {"two", "three"}
        assert index([], cleanup="full", **options)["num_deleted"] == 2
        assert (texts_of("me"), texts_of("you")) == (set(), {"yours"})

    def test_only_sources_that_are_given_are_cleaned(self, options: dict[str, Any]) -> None:
        index(
            [*parts("one", "two"), *parts("old", source="book")], cleanup="incremental", **options
        )
        again = index(parts("two", "three"), cleanup="incremental", **options)
        assert again == {"num_added": 1, "num_updated": 0, "num_skipped": 1, "num_deleted": 1}
        assert texts_of("me") == {"two", "three", "old"}
        scoped = index(parts("new", source="book"), cleanup="scoped_full", **options)
        assert scoped == {"num_added": 1, "num_updated": 0, "num_skipped": 0, "num_deleted": 1}
        assert texts_of("me") == {"two", "three", "new"}

    async def test_asynchronously(self, options: dict[str, Any]) -> None:
        await aindex(parts("one", "two"), cleanup="full", **options)
        again = await aindex(parts("two"), cleanup="full", **options)
        assert again == {"num_added": 0, "num_updated": 0, "num_skipped": 1, "num_deleted": 1}
        assert await sync_to_async(texts_of)("me") == {"two"}


def test_the_migrations_make_the_table() -> None:
    call_command("makemigrations", "hybrid_store_langchain", check=True, dry_run=True, verbosity=0)
    assert str(IndexedKey(namespace="mine", key="a")) == "mine: a"
