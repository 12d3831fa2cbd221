"""Who looks at the admin, the provider that its embedder asks, and pages as they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.admin.pages import Admin
from tests.embedders.closing import close_clients
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.processes import asking

SECRET = "sk-planted-secret"

MakeUser = Callable[..., Admin]


@pytest.fixture
def boss(db: None) -> Admin:
    """A superuser at the site."""
    user = User(username="boss", is_staff=True, is_superuser=True)
    user.save()
    return Admin(_client(user))


@pytest.fixture
def staff(db: None) -> MakeUser:
    """Users at the site with nothing but the permissions that are named: "view_book"."""

    def make(*codenames: str, name: str = "ann") -> Admin:
        user, _ = User.objects.get_or_create(username=name, is_staff=True)
        found = list(Permission.objects.filter(codename__in=codenames))
        assert len(found) == len(codenames), found
        user.user_permissions.set(found)
        return Admin(_client(user))

    return make


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server
    # Connections do not outlive the server that they lead to.
    close_clients()


@pytest.fixture
def asked(settings: Any, server: FakeOpenAI) -> FakeOpenAI:
    """The server, which the embedder asks once for an answer."""
    settings.HYBRID_STORE = {
        **asking(server, WORKERS=1, OPTIONS={"max_retries": 0, "api_key": SECRET}),
        "SEARCH": {"EXACT": True},
    }
    return server
