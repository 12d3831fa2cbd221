"""The dashboard of the admin, and the permissions that its pages ask for."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("hybrid_store", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="embeddingwork",
            options={
                "permissions": [("embed_rows", "Can have rows embedded in the admin")],
                "verbose_name": "row in flight or failed",
                "verbose_name_plural": "rows in flight or failed",
            },
        ),
        migrations.CreateModel(
            name="Dashboard",
            fields=[],
            options={
                "verbose_name": "dashboard",
                "verbose_name_plural": "dashboard",
                "proxy": True,
                "default_permissions": ("view",),
                "indexes": [],
                "constraints": [],
            },
            bases=("hybrid_store.embeddingrun",),
        ),
    ]
