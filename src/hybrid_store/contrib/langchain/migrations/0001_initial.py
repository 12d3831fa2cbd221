"""The records of the record manager."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="IndexedKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("namespace", models.TextField()),
                ("key", models.TextField()),
                ("group_id", models.TextField(help_text="The source of the document.", null=True)),
                (
                    "updated_at",
                    models.FloatField(help_text="In seconds since 1970, by the database's clock."),
                ),
            ],
            options={
                "verbose_name": "indexed document",
                "indexes": [
                    models.Index(fields=["namespace", "updated_at"], name="hs_langchain_updated"),
                    models.Index(fields=["namespace", "group_id"], name="hs_langchain_group"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("namespace", "key"), name="hybrid_store_langchain_key"
                    )
                ],
            },
        ),
    ]
