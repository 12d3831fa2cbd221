"""Settings of the test project.

`HYBRID_STORE_DATABASE` chooses the default database: "sqlite" (default), "postgresql16" or
"postgresql18" (started by the tests); `HYBRID_STORE_DATABASE_URL` names a server of your own.
"other" is always a second database, in SQLite.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import environ

ROOT = Path(__file__).resolve().parent.parent
TEMPORARY = Path(tempfile.gettempdir())


def sqlite(name: str) -> dict[str, Any]:
    """A database in a file: in-memory test databases lock where files do not."""
    path = TEMPORARY / f"hybrid-store-{os.getpid()}-{name}.sqlite3"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
        "TEST": {"NAME": str(path.with_suffix(".test.sqlite3"))},
    }


def default_database() -> dict[str, Any]:
    url = os.environ.get("HYBRID_STORE_DATABASE_URL")
    if url:
        return dict(environ.Env.db_url_config(url))
    choice = os.environ.get("HYBRID_STORE_DATABASE", "sqlite")
    # Type checkers and the like import settings too, and need no server.
    if choice == "sqlite" or "pytest" not in sys.modules:
        return sqlite("default")
    from tests.servers import start_postgresql

    return start_postgresql(int(choice.removeprefix("postgresql")))


DATABASES = {"default": default_database(), "other": sqlite("other")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "only for tests"  # noqa: S105
USE_TZ = True
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "hybrid_store",
    "hybrid_store.test",
    *(["films"] if (ROOT / "demo" / "films" / "models.py").exists() else []),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "config.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "static/"

HYBRID_STORE = {
    "EMBEDDERS": {
        "default": {
            "BACKEND": "hybrid_store.embedders.hashing.HashingEmbedder",
            "MODEL": "hashing",
            "DIMENSIONS": 384,
        },
        "second": {
            "BACKEND": "hybrid_store.embedders.hashing.HashingEmbedder",
            "MODEL": "hashing-two",
            "DIMENSIONS": 384,
        },
    }
}
