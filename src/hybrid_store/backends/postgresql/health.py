"""How a table of vectors fares: privileges, sizes, updates that an index pays for, dead rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybrid_store.backends.reports import Ailment, TableReport

__all__ = ["ailments", "table_report"]

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")
# Fewer updates tell nothing.
MANY_UPDATES = 1000
# Of all updates, those that write no new entries into indexes.
FEW_HOT = 0.5
# Rows from which on statistics and dead rows matter, and the share of dead rows that is not looked
# after: autovacuum begins at 0.2 (PostgreSQL, "autovacuum_vacuum_scale_factor").
MANY_ROWS = 10_000
MANY_DEAD = 0.4

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
SIZES = """
SELECT NULL, pg_table_size(to_regclass(%s))
UNION ALL
SELECT c.relname, pg_relation_size(c.oid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass(%s)
"""
ACTIVITY = """
SELECT s.n_live_tup, s.n_dead_tup, s.n_tup_upd, s.n_tup_hot_upd, c.reltuples < 0,
    to_char(greatest(s.last_vacuum, s.last_autovacuum), 'YYYY-MM-DD HH24:MI')
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.relid = to_regclass(%s)
"""


def table_report(connection: Any, table: str) -> TableReport:
    quoted = connection.ops.quote_name(table)
    sizes = dict(_fetched(connection, SIZES, [quoted, quoted]))
    return TableReport(sizes.pop(None), sizes, tuple(_notes(connection, quoted)))


def _notes(connection: Any, quoted: str) -> Iterator[str]:
    for live, dead, updates, hot, _, vacuumed in _fetched(connection, ACTIVITY, [quoted]):
        if updates:
            yield f"updates: {updates}, {hot / updates:.0%} HOT"
        if dead:
            yield f"{dead} of {live + dead} rows dead"
        yield f"vacuumed {vacuumed}" if vacuumed else "never vacuumed"


def ailments(connection: Any, table: str) -> list[Ailment]:
    """In the order in which they should be mended."""
    return [
        *_privileges(connection, table),
        *_churn(connection, table),
        *_neglect(connection, table),
    ]


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


def _neglect(connection: Any, table: str) -> Iterator[Ailment]:
    """Rows that vacuum has not removed, and rows that the planner does not know of."""
    quoted = connection.ops.quote_name(table)
    for live, dead, _, _, is_unknown, _ in _fetched(connection, ACTIVITY, [quoted]):
        if dead >= MANY_ROWS and dead > MANY_DEAD * (live + dead):
            yield Ailment(
                "dead rows",
                f"{dead} of {live + dead} rows of {table} are dead, and searches by an index read "
                "them too",
                f"VACUUM (ANALYZE) {quoted}; and see why autovacuum did not: a transaction that "
                "stays open, or settings.",
                slow=True,
            )
        elif is_unknown and live >= MANY_ROWS:
            yield Ailment(
                "statistics",
                f"the planner does not know that {table} has about {live} rows",
                f"ANALYZE {quoted};",
                slow=True,
            )


def _fetched(connection: Any, sql: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
    return rows
