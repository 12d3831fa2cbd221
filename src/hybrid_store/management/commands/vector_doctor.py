"""`manage.py vector_doctor`: what is really in effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import router

from hybrid_store.management.base import EmbeddingCommand
from hybrid_store.management.doctor import (
    Finding,
    examine_coverage,
    examine_database,
    examine_embedder,
    examine_tables,
)
from hybrid_store.sync.labels import all_embedding_fields

__all__ = ["Command"]


class Command(EmbeddingCommand):
    help = (
        "Shows the database really in effect, its driver, extension and migrations, whether the "
        "embedders answer, and how much is embedded. Exits with status 1 where something is wrong."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--skip-embedders", action="store_true", help="Call no embedder, so no provider."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        for finding in self._findings(options["database"], options["skip_embedders"]):
            failed += not finding.ok
            self._show(finding)
        if failed:
            raise CommandError(f"{failed} found wrong.")
        self.stdout.write(self.style.SUCCESS("All is well."))

    def _findings(self, alias: str, skip_embedders: bool) -> Iterator[Finding]:
        reached = True
        for finding in examine_database(alias):
            reached = reached and not finding.final
            yield finding
        if reached:
            yield from examine_tables(alias)
        fields = [f for f in all_embedding_fields() if router.allow_migrate_model(alias, f.model)]
        if not skip_embedders:
            for embedder in dict.fromkeys(field.embedder_alias for field in fields):
                yield examine_embedder(embedder)
        if reached:
            for field in fields:
                yield examine_coverage(field, alias)

    def _show(self, finding: Finding) -> None:
        mark = self.style.ERROR("✗")
        if finding.ok:
            mark = self.style.WARNING("!") if finding.fix else self.style.SUCCESS("✓")
        self.stdout.write(f"{mark} {finding.subject}: {finding.detail}")
        if finding.fix:
            self.stdout.write(f"  → {finding.fix}")
