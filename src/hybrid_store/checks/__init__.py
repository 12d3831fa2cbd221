"""System checks over the settings, the indexes and, when asked for, the databases.

E010 an unknown key in HYBRID_STORE, E011 an embedder that cannot be made, E012 the server lacks the
extension, W012 the extension is not created yet, W013 the extension is older than its fixes for
corrupt indexes, E014 an index over more dimensions than the database can index, E017 a StaleIndex
that cannot be made, W018 a StaleIndex that the database cannot use, E019 a mistake in QUERY_CACHE,
E020 `on_save="task"` without a tasks framework that takes the task, E021 a LEASE_SECONDS that is no
positive number, E022 a mistake in SEARCH, E025 a VectorIndex with a metric and E026 one with a
precision that its field has not, E027 the database user may not use the schema of the extension,
E028 an INDEX_MEMORY that is no number of bytes, W030 a VectorIndex that is missing or invalid in a
database, W031 the search path does not lead to the extension, E033 a TextIndex that cannot be
made, W034 one whose language the database has no stemmer for, W035 one whose language the
embedder's model is not made for, W036 one that is missing in a database. What a field alone can
tell is checked by the field: `hybrid_store.models.checks`.
"""

from __future__ import annotations

from django.core import checks

from hybrid_store.checks.databases import check_databases
from hybrid_store.checks.models import check_indexes, check_tasks
from hybrid_store.checks.settings import check_settings
from hybrid_store.checks.texts import check_text_indexes

__all__ = [
    "check_databases",
    "check_indexes",
    "check_settings",
    "check_tasks",
    "check_text_indexes",
    "register",
]


def register() -> None:
    checks.register(check_settings)
    checks.register(check_indexes, checks.Tags.models)
    checks.register(check_text_indexes, checks.Tags.models)
    checks.register(check_tasks)
    checks.register(check_databases, checks.Tags.database)
