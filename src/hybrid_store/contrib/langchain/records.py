"""`DjangoRecordManager`: remembers what LangChain's `index()` has written."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import router
from django.db.models import QuerySet
from langchain_core.indexing import RecordManager

from hybrid_store.contrib.langchain.models import IndexedKey
from hybrid_store.contrib.retrieval.threads import in_database_thread
from hybrid_store.models.states import database_now

__all__ = ["DjangoRecordManager"]

# In seconds: the database's clock is read to no better than a call to it takes.
CLOCK_TOLERANCE = 1.0


class DjangoRecordManager(RecordManager):
    """Records of one namespace; others, such as those of other stores or tenants, it never sees.

    They are in the database `using`, by default where the router has them written. Times are
    those of its clock.
    """

    def __init__(self, namespace: str, using: str | None = None) -> None:
        super().__init__(namespace)
        self.using = using or router.db_for_write(IndexedKey)

    def create_schema(self) -> None:
        """Nothing: `manage.py migrate` has made the table."""

    def get_time(self) -> float:
        return database_now(self.using).timestamp()

    def update(
        self,
        keys: Sequence[str],
        *,
        group_ids: Sequence[str | None] | None = None,
        time_at_least: float | None = None,
    ) -> None:
        """Without groups, keys that are there keep theirs.

        Raises `ValueError` where there is not one group for every key, and where the clock of the
        database is behind `time_at_least`: what is new would be deleted as outdated.
        """
        if group_ids is not None and len(group_ids) != len(keys):
            raise ValueError(f"There are {len(keys)} keys, but {len(group_ids)} group ids.")
        now, least = self.get_time(), time_at_least or 0.0
        if now + CLOCK_TOLERANCE < least:
            raise ValueError(f"The clock of the database says {now}, which is before {least}.")
        groups = dict(zip(keys, group_ids or [None] * len(keys), strict=True))
        IndexedKey.objects.using(self.using).bulk_create(
            [
                IndexedKey(
                    namespace=self.namespace, key=key, group_id=group, updated_at=max(now, least)
                )
                for key, group in groups.items()
            ],
            update_conflicts=True,
            unique_fields=["namespace", "key"],
            update_fields=["updated_at"] if group_ids is None else ["updated_at", "group_id"],
        )

    def exists(self, keys: Sequence[str]) -> list[bool]:
        found = {*self._records.filter(key__in=keys).values_list("key", flat=True)}
        return [key in found for key in keys]

    def list_keys(
        self,
        *,
        before: float | None = None,
        after: float | None = None,
        group_ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[str]:
        """The oldest first. As elsewhere in LangChain an empty list of groups means any."""
        asked = {"updated_at__lt": before, "updated_at__gt": after}
        rows = self._records.filter(**{k: v for k, v in asked.items() if v is not None})
        if group_ids:
            rows = rows.filter(group_id__in=group_ids)
        return [*rows.order_by("updated_at", "pk").values_list("key", flat=True)[:limit]]

    def delete_keys(self, keys: Sequence[str]) -> None:
        self._records.filter(key__in=keys).delete()

    @property
    def _records(self) -> QuerySet[IndexedKey]:
        return IndexedKey.objects.using(self.using).filter(namespace=self.namespace)

    # The same, where the connections of Django are.

    async def acreate_schema(self) -> None:
        """Nothing, as `create_schema`."""

    async def aget_time(self) -> float:
        return await in_database_thread(self.get_time)

    async def aupdate(
        self,
        keys: Sequence[str],
        *,
        group_ids: Sequence[str | None] | None = None,
        time_at_least: float | None = None,
    ) -> None:
        await in_database_thread(
            self.update, keys, group_ids=group_ids, time_at_least=time_at_least
        )

    async def aexists(self, keys: Sequence[str]) -> list[bool]:
        return await in_database_thread(self.exists, keys)

    async def alist_keys(
        self,
        *,
        before: float | None = None,
        after: float | None = None,
        group_ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[str]:
        return await in_database_thread(
            self.list_keys, before=before, after=after, group_ids=group_ids, limit=limit
        )

    async def adelete_keys(self, keys: Sequence[str]) -> None:
        await in_database_thread(self.delete_keys, keys)
