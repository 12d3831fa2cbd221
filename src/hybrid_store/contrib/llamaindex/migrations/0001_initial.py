"""What LlamaIndex keeps by keys."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("store", models.CharField(max_length=200)),
                ("collection", models.CharField(max_length=200)),
                ("digest", models.CharField(help_text="SHA-256 of the key.", max_length=64)),
                ("key", models.TextField()),
                ("value", models.TextField()),
            ],
            options={
                "verbose_name": "entry",
                "verbose_name_plural": "entries",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("store", "collection", "digest"),
                        name="hybrid_store_llamaindex_key",
                    )
                ],
            },
        ),
    ]
