"""People with documents, and a language model that is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from library.models import Document
from tests.embedders.fake_chat import FakeChat

KEY = "sk-planted-0123456789"

HOUSE = """The guest house stands on a ridge of Mount Orsel. It was built in 1911 by Livia Tarn.

Breakfast is served from six until nine. The bread is baked on Mondays."""

Upload = Callable[..., Document]


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def upload() -> Upload:
    """Store a document with its passages, embedded."""

    def upload(owner: User, text: str = HOUSE, title: str = "The house", **given: Any) -> Document:
        stored = Document.objects.create(owner=owner, title=title, text=text, **given)
        call_command("generate_embeddings", "library.Passage", verbosity=0, stdout=StringIO())
        return stored

    return upload


@pytest.fixture
def reader(ann: User, client: Client) -> Client:
    """A browser in which Ann is logged in."""
    client.force_login(ann)
    return client


@pytest.fixture
def server(settings: Any) -> Iterator[FakeChat]:
    """The server of a language model, which the chat asks."""
    with FakeChat(api_key=KEY) as fake:
        options = {"model": "fake", "base_url": fake.url, "api_key": KEY}
        settings.CHAT = {
            "ANSWERER": "chat.answerers.language_model.LanguageModel",
            "OPTIONS": {**options, "timeout": 5, "max_retries": 0},
        }
        yield fake
