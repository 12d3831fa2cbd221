"""The records of generation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="EmbeddingRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model", models.CharField(max_length=200)),
                ("field", models.CharField(max_length=200)),
                ("space", models.TextField()),
                ("token", models.CharField(max_length=32, unique=True)),
                ("started_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("running", "running, or killed"),
                            ("finished", "finished"),
                            ("interrupted", "interrupted"),
                            ("stopped", "stopped by an error"),
                        ],
                        default="running",
                        max_length=20,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                (
                    "rows",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Rows embedded or cleared."
                    ),
                ),
                (
                    "failed",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Rows that could not be embedded."
                    ),
                ),
                (
                    "texts",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Texts that were paid for."
                    ),
                ),
                ("tokens", models.PositiveBigIntegerField(default=0)),
                (
                    "cost",
                    models.FloatField(
                        help_text="In the currency of the embedder's PRICE.", null=True
                    ),
                ),
                ("seconds", models.FloatField(default=0.0)),
            ],
            options={
                "verbose_name": "generation run",
                "ordering": ["-started_at"],
            },
        ),
        migrations.CreateModel(
            name="EmbeddingWork",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model", models.CharField(max_length=200)),
                (
                    "column",
                    models.CharField(
                        help_text="Of the embedding. Unlike its name, this stays when two "
                        "embeddings are switched.",
                        max_length=200,
                    ),
                ),
                (
                    "key",
                    models.CharField(help_text="Primary key of the row, as text.", max_length=255),
                ),
                (
                    "fingerprint",
                    models.CharField(
                        help_text="Of the text and the space that were tried.", max_length=49
                    ),
                ),
                (
                    "token",
                    models.CharField(
                        blank=True, help_text="The run that holds the lease.", max_length=32
                    ),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "attempts",
                    models.PositiveIntegerField(
                        default=0, help_text="Failures with this fingerprint."
                    ),
                ),
                ("failed_at", models.DateTimeField(null=True)),
                ("next_try", models.DateTimeField(null=True)),
                ("reason", models.TextField(blank=True)),
            ],
            options={
                "verbose_name": "row in flight or failed",
                "verbose_name_plural": "rows in flight or failed",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("model", "column", "key"), name="hybrid_store_work_row"
                    )
                ],
            },
        ),
    ]
