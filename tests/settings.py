"""Settings of the test project.

`HYBRID_STORE_DATABASE` chooses the default database: "sqlite" (default), "postgresql16" or
"postgresql18" (started by the tests); `HYBRID_STORE_DATABASE_URL` names a server of your own.
"other" is always a second database, in SQLite.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "demo"))

# pytest sets it. Type checkers import settings too: they must start no server, leave no folder.
UNDER_PYTEST = "PYTEST_VERSION" in os.environ
FOLDER = servers.temporary_folder() if UNDER_PYTEST else Path(tempfile.gettempdir())

DATABASE_CHOICES = ("sqlite", *(f"postgresql{v}" for v in servers.POSTGRESQL_VERSIONS))


def default_database() -> dict[str, Any]:
    """The database under test; a started server's URL is left to the processes that tests start."""
    url = os.environ.get("HYBRID_STORE_DATABASE_URL")
    if url:
        return servers.database_from_url(url)
    choice = os.environ.get("HYBRID_STORE_DATABASE", "sqlite")
    if choice not in DATABASE_CHOICES:
        raise ValueError(f"HYBRID_STORE_DATABASE is {choice!r}, not one of {DATABASE_CHOICES}.")
    if choice == "sqlite" or not UNDER_PYTEST:
        return servers.sqlite(FOLDER / "default.sqlite3")
    database = servers.start_postgresql(int(choice.removeprefix("postgresql")))
    os.environ["HYBRID_STORE_DATABASE_URL"] = servers.database_url(database)
    return database


DATABASES = {
    "default": default_database(),
    "other": servers.sqlite(FOLDER / "other.sqlite3"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "only for tests"
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
    "hybrid_store.contrib.langchain",
    "hybrid_store.contrib.llamaindex",
    "hybrid_store.test",
    "tests.contrib",
    "chat",
    "films",
    "library",
    "look",
]
if django.VERSION < (6,) and find_spec("django_tasks"):
    # The backport of what is part of Django since.
    INSTALLED_APPS.append("django_tasks")
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
# Tests count what is embedded: what one of them embeds is not for the others.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
STATIC_URL = "static/"

# The demo's.
LOGIN_URL = "library:login"
LOGIN_REDIRECT_URL = "library:documents"
LOGOUT_REDIRECT_URL = "library:login"
LIBRARY_GUESTS = True
LIBRARY_UPLOAD_MB = 1

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
    },
    # The same answers on every database, and however many dead rows an index leads to.
    "SEARCH": {"EXACT": True},
}
