"""What is really in effect: examinations that each yield findings."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from hybrid_store.backends import vector_ops
from hybrid_store.checks.databases import (
    OFF_PATH,
    check_extension,
    check_stored_indexes,
)
from hybrid_store.checks.texts import UNSTEMMED, check_stored_texts
from hybrid_store.embedders import embedders
from hybrid_store.exceptions import HybridStoreError
from hybrid_store.management.base import first_line
from hybrid_store.models.coverage import Coverage, coverage
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.known_indexes import stored_models
from hybrid_store.models.spaces import adopting

__all__ = [
    "Finding",
    "examine_coverage",
    "examine_database",
    "examine_embedder",
    "examine_tables",
]

PROBE = "a text to see whether the embedder answers"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `fix` says what to do if it is not `ok`, or could be better.

    Behind one that is `final` nothing else can be asked of the database's tables.
    """

    ok: bool
    subject: str
    detail: str
    fix: str = ""
    final: bool = False


def examine_database(alias: str) -> Iterator[Finding]:
    """The connection as Django uses it, and whether it can hold vectors."""
    yield _effective(alias)
    connection = connections[alias]
    try:
        connection.ensure_connection()
    except AnyDatabaseError as error:
        yield Finding(
            False,
            "connection",
            _redacted(first_line(error), connection.settings_dict),
            "Start the server, or correct the address, user or password.",
            final=True,
        )
        return
    ops = vector_ops(connection)
    access = ", read-only: nothing can be written here" if ops.reads_only() else ""
    yield Finding(True, "server", f"{ops.server()}, driver {ops.driver()}{access}")
    yield from _extension(alias, ops)
    yield _migrations(connection)


def _effective(alias: str) -> Finding:
    """Where the data goes, without the password."""
    config = connections[alias].settings_dict
    engine = config["ENGINE"].rpartition(".")[2]
    user, host, port = config.get("USER"), config.get("HOST"), config.get("PORT")
    place = f"{user}@{host or 'local socket'}{f':{port}' if port else ''}/" if user else ""
    password = " (password set, not shown)" if config.get("PASSWORD") else ""
    detail = f"{engine} {place}{config['NAME']}{password}, from {_origin(alias, config)}"
    return Finding(True, f"database {alias!r}", detail)


def _origin(alias: str, config: dict[str, Any]) -> str:
    module = f"{getattr(settings, 'SETTINGS_MODULE', 'the settings')}.DATABASES[{alias!r}]"
    url = os.environ.get("DATABASE_URL")
    if not url:
        return module
    if not _describes(url, config):
        return f"{module} (DATABASE_URL is set, but names another database)"
    file = _env_file(url)
    return f"DATABASE_URL in {file}" if file else "DATABASE_URL in the environment"


def _describes(url: str, config: dict[str, Any]) -> bool:
    """Does a database URL name the database of these settings?"""
    # A host may be in lower case by now, or the folder of a socket, which stands in the path.
    address = unquote(url.partition("@")[2] or url).lower()
    host, port = (str(config.get(part) or "").lower() for part in ("HOST", "PORT"))
    same_name = Path(urlsplit(unquote(url)).path).name == Path(str(config["NAME"])).name
    return same_name and host in address and (not port or f":{port}" in address)


def _env_file(url: str) -> Path | None:
    """The `.env` file that holds the URL, where one of the usual places does."""
    roots = [Path.cwd(), Path(getattr(settings, "BASE_DIR", Path.cwd()))]
    for file in dict.fromkeys(root / ".env" for root in roots):
        if file.is_file() and url in file.read_text(errors="replace"):
            return file
    return None


def _redacted(message: str, config: dict[str, Any]) -> str:
    password = str(config.get("PASSWORD") or "")
    return message.replace(password, "***") if password else message


def _extension(alias: str, ops: Any) -> Iterator[Finding]:
    report = ops.extension_report()
    if report is None:
        return
    if report.version is not None:
        detail = f"{report.name} {report.version} in schema {report.schema!r}"
        yield Finding(True, "extension", detail)
    for message in check_extension(alias, report):
        ok, final = message.id == OFF_PATH, not report.is_usable
        yield Finding(ok, "extension", message.msg, str(message.hint), final)


def _migrations(connection: Any) -> Finding:
    try:
        executor = MigrationExecutor(connection)
    except AnyDatabaseError as error:
        fix = "Let the database user read the table django_migrations."
        return Finding(False, "migrations", first_line(error), fix)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return Finding(True, "migrations", "all applied")
    names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan)
    return Finding(False, "migrations", f"not applied: {names}", "Run manage.py migrate.")


def examine_tables(alias: str) -> Iterator[Finding]:
    """The indexes over vectors and of words, and the tables that hold them."""
    faults = [
        Finding(message.id == UNSTEMMED, "indexes", message.msg, str(message.hint))
        for message in (*check_stored_indexes(alias), *check_stored_texts(alias))
    ]
    ops = vector_ops(connections[alias])
    for model in stored_models(alias):
        faults += [Finding(a.slow, a.subject, a.detail, a.fix) for a in ops.ailments(model)]
    yield from faults or [Finding(True, "indexes", "as the models declare them")]


def examine_embedder(alias: str) -> Finding:
    """Embeds one short text."""
    subject = f"embedder {alias!r}"
    started = time.perf_counter()
    try:
        embedder = embedders[alias]
        embedder.embed_query(PROBE)
    except HybridStoreError as error:
        return Finding(False, subject, str(error), f'See HYBRID_STORE["EMBEDDERS"][{alias!r}].')
    milliseconds = 1000 * (time.perf_counter() - started)
    kind = "; lexical: it compares words, not meaning" if embedder.lexical else ""
    return Finding(
        True,
        subject,
        f"{embedder.model}, {embedder.dimensions} dimensions, space {embedder.space!r}, "
        f"answered in {milliseconds:.0f} ms{kind}",
    )


def examine_coverage(field: EmbeddingField, alias: str) -> Finding:
    """How much of the table is embedded."""
    try:
        counts = coverage(field.model._base_manager.using(alias), field.name)
    except AnyDatabaseError as error:
        fix = "Run manage.py migrate. If that finds nothing to do, the table was changed by hand."
        return Finding(False, field.label, first_line(error), fix)
    except HybridStoreError as error:
        return Finding(False, field.label, str(error), "Correct the field's embedder.")
    parts = [f"{counts.current} of {counts.rows} rows current", f"{counts.stale} stale"]
    for count, kind in [
        (counts.blank, "without text"),
        (counts.other_spaces, "in other spaces"),
        (counts.unknown, "of unknown origin"),
        (counts.failed, "failed"),
        (counts.in_flight, "in flight"),
        (counts.unsplit, "rows of the parent not split"),
    ]:
        parts += [f"{count} {kind}"] if count else []
    is_due = bool(counts.stale or counts.unsplit)
    fix = _refresh(field, counts) if is_due else ""
    return Finding(not is_due, field.label, ", ".join(parts), fix)


def _refresh(field: EmbeddingField, counts: Coverage) -> str:
    """What makes stale rows current."""
    replace = " --replace-spaces" if counts.other_spaces or counts.unknown else ""
    again = " --retry-failed" if counts.failed else ""
    fix = f"Run manage.py generate_embeddings {field.label}{replace}{again}."
    return f"{fix} Or keep vectors of unknown origin: {adopting(field)}" if counts.unknown else fix
