"""Leases: who embeds which row, among threads, processes and hosts.

A lease is taken by one statement and ends by itself when its holder does. Whoever finds it ended
takes it over; the former holder's vectors are refused then.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import connections, models
from django.db.models import F
from django.utils import timezone

from hybrid_store.backends import vector_ops
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.keys import key_text
from hybrid_store.models.states import records
from hybrid_store.models.work import EmbeddingWork
from hybrid_store.sync.sources import SourceText

__all__ = ["LEASE_SECONDS", "Leases", "configured_seconds"]

LEASE_SECONDS = 60.0
"""How long the rows of a process that died wait for another. A living one renews its leases."""

CLAIM = """
INSERT INTO {table} AS held
    (model, "column", "key", fingerprint, token, lease_until, attempts, reason)
SELECT %s, %s, claimed."key", claimed.fingerprint, %s, %s, 0, ''
FROM {rows} AS claimed WHERE true ORDER BY claimed."key"
ON CONFLICT (model, "column", "key") DO UPDATE SET
    token = excluded.token,
    lease_until = excluded.lease_until,
    fingerprint = excluded.fingerprint,
    attempts = CASE WHEN {same} THEN held.attempts ELSE 0 END,
    failed_at = CASE WHEN {same} THEN held.failed_at END,
    next_try = CASE WHEN {same} THEN held.next_try END,
    reason = CASE WHEN {same} THEN held.reason ELSE '' END
WHERE (held.token = excluded.token OR held.lease_until IS NULL OR held.lease_until <= %s)
    AND (held.failed_at IS NULL OR held.next_try <= %s OR NOT ({same}) OR %s)
"""
SAME = "held.fingerprint = excluded.fingerprint"
FINISH = """
DELETE FROM {table}
WHERE model = %s AND "column" = %s AND token = %s AND "key" IN (SELECT "key" FROM {rows} AS done)
"""


def configured_seconds() -> float:
    """How long a lease lasts by the settings."""
    seconds: float = getattr(settings, "HYBRID_STORE", {}).get("LEASE_SECONDS", LEASE_SECONDS)
    return seconds


class Leases:
    """The leases that one run holds on rows of one embedding, in the rows' own database.

    Times are the database's: hosts whose clocks differ agree about when a lease ends.
    """

    def __init__(self, field: EmbeddingField, using: str, seconds: float) -> None:
        self.field = field
        self.using = using
        self.duration = timedelta(seconds=seconds)
        self.token = uuid.uuid4().hex
        self.prefix = field.space_prefix

    @property
    def records(self) -> models.QuerySet[EmbeddingWork]:
        """All records of the embedding."""
        return records(self.field).using(self.using)

    @property
    def mine(self) -> models.QuerySet[EmbeddingWork]:
        return self.records.filter(token=self.token)

    @cached_property
    def _skew(self) -> timedelta:
        return vector_ops(connections[self.using]).clock_skew()

    def now(self) -> datetime:
        return timezone.now() + self._skew

    def claim(self, texts: Sequence[SourceText], *, retry_failed: bool = False) -> list[SourceText]:
        """Those of `texts` whose rows are this run's now, in their order.

        A row is not if another run holds it, or if this very text has failed and is not due.
        """
        keys = {self._key(text.pk): text for text in texts}
        rows = [[key, self.prefix + text.content] for key, text in keys.items()]
        now = self.now()
        params = [
            *self._embedding,
            *(self.token, self._adapted(now + self.duration), json.dumps(rows)),
            *(self._adapted(now), self._adapted(now), retry_failed),
        ]
        if self._can_return:
            claimed = self._returned(self._claim_sql, params)
        else:
            with connections[self.using].cursor() as cursor:
                cursor.execute(self._claim_sql, params)
            claimed = self._held(keys)
        return [text for key, text in keys.items() if key in claimed]

    @property
    def _embedding(self) -> list[Any]:
        return [self.field.model._meta.label, self.field.column]

    @cached_property
    def _claim_sql(self) -> str:
        return self._sql(CLAIM, ('"key"', "fingerprint"))

    @cached_property
    def _finish_sql(self) -> str:
        return self._sql(FINISH, ('"key"',))

    def _sql(self, statement: str, columns: Sequence[str]) -> str:
        connection = connections[self.using]
        table = connection.ops.quote_name(EmbeddingWork._meta.db_table)
        rows = vector_ops(connection).json_rows(columns)
        return statement.format(table=table, rows=rows, same=SAME)

    @property
    def _can_return(self) -> bool:
        """RETURNING: not in SQLite before 3.35."""
        return connections[self.using].features.can_return_rows_from_bulk_insert

    def _returned(self, sql: str, params: Sequence[Any]) -> set[str]:
        with connections[self.using].cursor() as cursor:
            cursor.execute(sql + ' RETURNING "key"', params)
            return {key for (key,) in cursor.fetchall()}

    def _key(self, pk: Any) -> str:
        return key_text(self.field.model, pk)

    def _adapted(self, moment: datetime) -> Any:
        return connections[self.using].ops.adapt_datetimefield_value(moment)

    def _held(self, keys: Collection[str]) -> set[str]:
        return set(self.mine.filter(key__in=keys).values_list("key", flat=True))

    def finish(self, keys: Iterable[Any]) -> set[Any]:
        """End the leases of the primary `keys`; returns those that this run still held.

        Comes first in a transaction that writes vectors: until it ends, nobody can claim the rows.
        Nothing is kept of rows that are done.
        """
        texts = {self._key(key): key for key in keys}
        if self._can_return:
            params = [*self._embedding, self.token, json.dumps([[key] for key in texts])]
            ended = self._returned(self._finish_sql, params)
        else:
            ended = self._finish_in_steps(texts)
        return {texts[key] for key in ended}

    def _finish_in_steps(self, keys: Collection[str]) -> set[str]:
        self.renew()  # a write, which locks: nothing else does in SQLite
        held = self._held(keys)
        self.mine.filter(key__in=held).delete()
        return held

    def renew(self) -> None:
        """Put off the end of all leases that this run holds."""
        self.mine.update(lease_until=self.now() + self.duration)

    def fail(self, keys: Iterable[Any], reason: str, wait: timedelta | None) -> datetime | None:
        """The rows cannot be embedded; try again after a `wait`, or not at all.

        Returns when. The wait doubles with every further failure of the same text.
        """
        now = self.now()
        records = self.mine.filter(key__in=[self._key(key) for key in keys])
        tried = max(records.values_list("attempts", flat=True), default=0)
        next_try = None if wait is None else now + wait * 2 ** min(tried, 10)
        records.update(
            token="",
            lease_until=None,
            attempts=F("attempts") + 1,
            failed_at=now,
            next_try=next_try,
            reason=reason,
        )
        return next_try

    def release(self) -> None:
        """Give back all that this run holds, as it was before."""
        self._give_back(self.mine)

    def give_back_ended(self) -> int:
        """The same for what runs held that died; returns how many rows that were."""
        others = self.records.exclude(token=self.token)
        return self._give_back(others.filter(lease_until__lte=self.now()))

    @staticmethod
    def _give_back(records: models.QuerySet[EmbeddingWork]) -> int:
        deleted, _ = records.filter(failed_at=None).delete()
        return deleted + records.update(token="", lease_until=None)

    def elsewhere(self) -> int:
        """Rows that other runs hold now."""
        return self.records.filter(lease_until__gt=self.now()).exclude(token=self.token).count()
