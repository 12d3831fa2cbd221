"""What can be wrong with a table of vectors: privileges, and updates that an index pays for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybrid_store.backends.reports import Ailment

__all__ = ["ailments"]

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")
# Fewer updates tell nothing.
MANY_UPDATES = 1000
# Of all updates, those that write no new entries into indexes.
FEW_HOT = 0.5

LACKING = """
SELECT privilege FROM unnest(%s::text[]) AS privilege
WHERE NOT has_table_privilege(to_regclass(%s)::oid, privilege)
"""
UPDATES = """
SELECT s.n_tup_upd, s.n_tup_hot_upd,
    coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions)
              WHERE option_name = 'fillfactor'), '100')
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.relid = to_regclass(%s) AND EXISTS (
    SELECT 1 FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am am ON am.oid = x.relam WHERE i.indrelid = s.relid AND am.amname = 'hnsw')
"""


def ailments(connection: Any, table: str) -> list[Ailment]:
    """In the order in which they should be mended."""
    return [*_privileges(connection, table), *_churn(connection, table)]


def _privileges(connection: Any, table: str) -> Iterator[Ailment]:
    quoted = connection.ops.quote_name(table)
    lacking = [name for (name,) in _fetched(connection, LACKING, [[*PRIVILEGES], quoted])]
    if lacking:
        user = connection.settings_dict["USER"] or "the user"
        yield Ailment(
            "privileges",
            f"{user} may not {', '.join(lacking)} in {table}",
            f"GRANT {', '.join(lacking)} ON {quoted} TO {user};",
        )


def _churn(connection: Any, table: str) -> Iterator[Ailment]:
    """An update that is not HOT inserts the row's vector into the HNSW index again."""
    quoted = connection.ops.quote_name(table)
    for updates, hot, fillfactor in _fetched(connection, UPDATES, [quoted]):
        if updates >= MANY_UPDATES and hot / updates < FEW_HOT:
            yield Ailment(
                "updates",
                f"{hot / updates:.0%} of {updates} updates of {table} were HOT: the others wrote "
                f"the vector into the HNSW index again (fillfactor {fillfactor})",
                f"Leave room in its pages, ALTER TABLE {quoted} SET (fillfactor = 50), and rewrite "
                "it by VACUUM FULL; keep columns that change often out of indexes.",
                slow=True,
            )


def _fetched(connection: Any, sql: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
    return rows
