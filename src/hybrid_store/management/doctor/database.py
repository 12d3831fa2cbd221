"""The connection as Django uses it, and whether it can hold vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import Error as AnyDatabaseError
from django.db.migrations.executor import MigrationExecutor

from hybrid_store.checks.databases import OFF_PATH, check_extension
from hybrid_store.management.base import first_line
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.management.doctor.origins import origin_of_database
from hybrid_store.management.redaction import public_url, redacted

__all__ = ["effective", "examine"]


def examine(case: Case) -> Iterator[Finding]:
    yield effective(case.using, case.connection.settings_dict)
    try:
        case.connection.ensure_connection()
    except AnyDatabaseError as error:
        yield _unreachable(redacted(first_line(error)))
        return
    yield from case.ask("server", lambda: _server(case))
    yield from case.ask("extension", lambda: _extension(case))
    yield from case.ask("migrations", lambda: _migrations(case))


def effective(alias: str, config: Mapping[str, Any]) -> Finding:
    """Where the data goes, without the password."""
    engine = config["ENGINE"].rpartition(".")[2]
    user, host, port = config.get("USER"), config.get("HOST"), config.get("PORT")
    place = f"{user}@{host or 'local socket'}{f':{port}' if port else ''}/" if user else ""
    name = str(config["NAME"])
    name = public_url(name) if "://" in name else name
    password = " (password set, not shown)" if config.get("PASSWORD") else ""
    detail = f"{engine} {place}{name}{password}, from {origin_of_database(alias, config)}"
    return Finding(True, f"database {alias!r}", detail)


def _unreachable(reason: str) -> Finding:
    fix = "Start the server, or correct the address, user or password."
    return Finding(False, "connection", reason, fix, final=True)


def _server(case: Case) -> Iterator[Finding]:
    ops = case.ops
    access = ", read-only: nothing can be written here" if ops.reads_only() else ""
    yield Finding(True, "server", f"{ops.server()}, driver {ops.driver()}{access}")
    for fact in ops.facts():
        yield Finding(True, fact.subject, fact.detail, fact.fix)


def _extension(case: Case) -> Iterator[Finding]:
    report = case.ops.extension_report()
    if report is None:
        return
    if report.version is not None:
        detail = f"{report.name} {report.version} in schema {report.schema!r}"
        yield Finding(True, "extension", detail)
    for message in check_extension(case.using, report):
        ok, final = message.id == OFF_PATH, not report.is_usable
        yield Finding(ok, "extension", message.msg, str(message.hint), final)


def _migrations(case: Case) -> Iterator[Finding]:
    executor = MigrationExecutor(case.connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        yield Finding(True, "migrations", "all applied")
        return
    names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan)
    yield Finding(False, "migrations", f"not applied: {names}", "Run manage.py migrate.")
