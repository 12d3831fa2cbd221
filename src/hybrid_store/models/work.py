"""What generation writes down: rows in flight or failed, and runs.

The state of a row is told by the row itself. These records only keep two processes from paying
for the same text, keep a text that cannot be embedded from being sent again and again, and tell
what was paid. Losing them loses no vector.
"""

from __future__ import annotations

from django.db import models

from hybrid_store.models.fingerprint import MAX_LENGTH

__all__ = ["KEY_LENGTH", "Dashboard", "EmbeddingRun", "EmbeddingWork"]

NAME_LENGTH = 200
KEY_LENGTH = 255


class EmbeddingWork(models.Model):
    """A row whose text is being embedded, or could not be; kept in the row's own database.

    In flight while `lease_until` lies ahead; failed if `failed_at` is set. A failed row is tried
    again at `next_try`, and where that is NULL when its text changes or by `--retry-failed`.
    """

    model = models.CharField(max_length=NAME_LENGTH)
    column = models.CharField(
        max_length=NAME_LENGTH,
        help_text="Of the embedding. Unlike its name, this stays when two embeddings are switched.",
    )
    key = models.CharField(max_length=KEY_LENGTH, help_text="Primary key of the row, as text.")
    fingerprint = models.CharField(
        max_length=MAX_LENGTH, help_text="Of the text and the space that were tried."
    )
    token = models.CharField(max_length=32, blank=True, help_text="The run that holds the lease.")
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0, help_text="Failures with this fingerprint.")
    failed_at = models.DateTimeField(null=True)
    next_try = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        verbose_name = "row in flight or failed"
        verbose_name_plural = "rows in flight or failed"
        permissions = [("embed_rows", "Can have rows embedded in the admin")]
        constraints = [
            models.UniqueConstraint(fields=["model", "column", "key"], name="hybrid_store_work_row")
        ]

    def __str__(self) -> str:
        return f"{self.model}.{self.column} {self.key}"


class EmbeddingRun(models.Model):
    """One run of generation over one embedding, and what it cost."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "running, or killed"
        FINISHED = "finished", "finished"
        INTERRUPTED = "interrupted", "interrupted"
        STOPPED = "stopped", "stopped by an error"

    model = models.CharField(max_length=NAME_LENGTH)
    field = models.CharField(max_length=NAME_LENGTH)
    space = models.TextField()
    token = models.CharField(max_length=32, unique=True)
    started_at = models.DateTimeField()
    outcome = models.CharField(max_length=20, choices=Outcome, default=Outcome.RUNNING)
    reason = models.TextField(blank=True)
    rows = models.PositiveBigIntegerField(default=0, help_text="Rows embedded or cleared.")
    failed = models.PositiveBigIntegerField(default=0, help_text="Rows that could not be embedded.")
    texts = models.PositiveBigIntegerField(default=0, help_text="Texts that were paid for.")
    tokens = models.PositiveBigIntegerField(default=0)
    cost = models.FloatField(null=True, help_text="In the currency of the embedder's PRICE.")
    seconds = models.FloatField(default=0.0)

    class Meta:
        verbose_name = "generation run"
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.model}.{self.field} {self.started_at:%Y-%m-%d %H:%M}: {self.outcome}"


class Dashboard(EmbeddingRun):
    """How the embeddings of the project are doing: no rows of its own, a page of the admin."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = "dashboard"
        verbose_name_plural = "dashboard"
