"""Settings of the demo: everything that differs from place to place comes from the environment.

`demo/.env` is read where it exists; `.env.example` lists what it may say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=True)
SECRET_KEY = env.str(
    "SECRET_KEY",
    default="insecure: for development only" if DEBUG else environ.Env.NOTSET,
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

DATABASES = {"default": env.db_url(default=f"sqlite:///{BASE_DIR / 'films.sqlite3'}")}
# As in any URL of PostgreSQL, a socket's folder may take the place of the host, quoted.
DATABASES["default"]["HOST"] = unquote(DATABASES["default"]["HOST"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The number of dimensions is part of the schema. For another embedder, such as OpenAI's
# (`hybrid_store.embedders.openai.OpenAIEmbedder`), change this entry, make `dimensions` of
# `Film.embedding` and `Passage.embedding` the same number, and migrate.
HYBRID_STORE = {
    "EMBEDDERS": {
        "default": {
            "BACKEND": "hybrid_store.embedders.minilm.MiniLMEmbedder",
            "MODEL": "all-MiniLM-L6-v2",
            "DIMENSIONS": 384,
        },
    },
}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "hybrid_store",
    "chat",
    "films",
    "library",
    "look",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.content_security_policy",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"

LOGIN_URL = "library:login"
LOGIN_REDIRECT_URL = "library:documents"
LOGOUT_REDIRECT_URL = "library:login"

# May anybody look around in the library, in an account that is made on the spot?
LIBRARY_GUESTS = env.bool("LIBRARY_GUESTS", default=DEBUG)
# The largest file that may be uploaded.
LIBRARY_UPLOAD_MB = env.int("LIBRARY_UPLOAD_MB", default=20)

# Behind TLS, with DEBUG off, cookies do not travel in the clear.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG

# Who answers in the chat: a language model, on any server that speaks OpenAI's format, or, where
# none is named, the best sentences of the documents themselves.
CHAT_MODEL = env.str("CHAT_MODEL", default="")
CHAT: dict[str, Any] = {"ANSWERER": "chat.answerers.extractive.Extractive"}
if CHAT_MODEL:
    CHAT = {
        "ANSWERER": "chat.answerers.language_model.LanguageModel",
        "OPTIONS": {
            "model": CHAT_MODEL,
            # Where it is empty, OpenAI itself.
            "base_url": env.str("CHAT_BASE_URL", default=""),
            "api_key": env.str("CHAT_API_KEY", default=""),
            # Seconds that the server may be silent.
            "timeout": env.float("CHAT_TIMEOUT", default=60.0),
        },
    }
