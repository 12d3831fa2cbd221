"""A Django project of its own, with one database an alias."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import django
from django.conf import settings
from django.db import connections

from tests import servers

__all__ = ["DATABASES", "configure", "start"]

DATABASES = ("sqlite", *(f"postgresql{version}" for version in servers.POSTGRESQL_VERSIONS))
DIMENSIONS = 384
SMALL_DIMENSIONS = 8
WIDE_DIMENSIONS = 1536
BATCH_SIZE = 1000


def configure(databases: dict[str, dict[str, Any]]) -> None:
    """Set Django up; there is no default database, so every query names one."""
    settings.configure(
        DATABASES={"default": {}, **databases},
        INSTALLED_APPS=["django.contrib.staticfiles", "hybrid_store", "benchmarks"],
        # Of the page of a map.
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="benchmarks.map_page",
        STATIC_URL="static/",
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        HYBRID_STORE={
            "EMBEDDERS": {
                alias: {
                    "BACKEND": "benchmarks.embedder.ConstantEmbedder",
                    "MODEL": "constant",
                    "DIMENSIONS": dimensions,
                    "BATCH_SIZE": BATCH_SIZE,
                }
                for alias, dimensions in (("default", DIMENSIONS), ("small", SMALL_DIMENSIONS))
            }
            | {
                "near": {
                    "BACKEND": "benchmarks.embedder.NearEmbedder",
                    "MODEL": "near",
                    "DIMENSIONS": DIMENSIONS,
                },
                "minilm": {"BACKEND": "benchmarks.quality.embedder.KeptMiniLMEmbedder"},
            }
        },
    )
    django.setup()


def start(aliases: Iterable[str]) -> None:
    """Start the databases, which live until this process ends, and set Django up."""
    configure({alias: _database(alias) for alias in aliases})
    from hybrid_store.backends import vector_ops
    from hybrid_store.models import EmbeddingRun, EmbeddingWork

    for alias in aliases:
        vector_ops(connections[alias]).create_extension()
        with connections[alias].schema_editor() as editor:
            editor.create_model(EmbeddingRun)
            editor.create_model(EmbeddingWork)


def _database(alias: str) -> dict[str, Any]:
    if alias == "sqlite":
        return servers.sqlite(servers.temporary_folder() / "benchmarks.sqlite3")
    version = int(alias.removeprefix("postgresql"))
    return servers.start_postgresql(version, shared_buffers=f"{_memory() // 4 >> 20}MB")


def _memory() -> int:
    """In bytes. A quarter of it is what PostgreSQL's documentation advises for `shared_buffers`."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
