"""A key and a password are in no log, traceback, record, page or report, whatever fails."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from functools import partial
from io import StringIO
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.views.debug import ExceptionReporter

from hybrid_store.management.commands import generate_embeddings
from hybrid_store.models import EmbeddingRun, EmbeddingWork
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Book
from tests.durability.disturbing import changed_settings
from tests.embedders.closing import close_clients
from tests.embedders.fake_server import FakeServer
from tests.embedders.providers import KEY, PROVIDERS, Provider

pytestmark = pytest.mark.urls("tests.admin_urls")

LABEL = "hybrid_store_test.Book"
PASSWORD = "planted-password"
PLANTED = "planted"
"""Part of both."""


class Heard(logging.Handler):
    """All that somebody may come to see, each with where."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.hear(f"log {record.name}", f"{logging.Formatter().format(record)} {vars(record)}")

    def hear(self, where: str, words: object) -> None:
        self.said.append((where, str(words)))

    def run(self, name: str, *arguments: str, variables: bool = True) -> None:
        """Run a command. `variables`: look at those of all frames of an error as well."""
        out = StringIO()
        try:
            call_command(name, *arguments, stdout=out, stderr=out)
        except CommandError as error:
            self.hear(f"error of {name}", error)
            self.hear(f"traceback of {name}", "".join(traceback.format_exception(error)))
            if variables:
                report = ExceptionReporter(None, type(error), error, error.__traceback__)
                self.hear(f"page of {name}", report.get_traceback_html())
        self.hear(f"output of {name}", out.getvalue())

    def read_records(self, client: Client) -> None:
        for model in (EmbeddingRun, EmbeddingWork):
            base = f"/admin/hybrid_store/{model._meta.model_name}/"
            self.hear(base, client.get(base).content.decode())
            for record in model._base_manager.all():
                self.hear(model.__name__, f"{record} {vars(record)}")
                page = client.get(f"{base}{record.pk}/change/")
                assert page.status_code == 200
                self.hear(f"page of {model.__name__}", page.content.decode())

    def expect_no_secret(self) -> None:
        assert self.said
        assert [(where, words) for where, words in self.said if PLANTED in words] == []


@pytest.fixture
def heard() -> Iterator[Heard]:
    handler, root = Heard(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture(autouse=True)
def _in_a_hurry() -> Iterator[None]:
    hurried = partial(Generation, patience=0, database_patience=0, lease_seconds=1.0)
    with mock.patch.object(generate_embeddings, "Generation", hurried):
        yield


# A key


def asking(provider: Provider, url: str) -> dict[str, Any]:
    """HYBRID_STORE with an embedder that has the key and asks for vectors at `url`."""
    options = {"base_url": url, "api_key": KEY, "timeout": 0.2, "max_retries": 0}
    backend = f"{provider.embedder.__module__}.{provider.embedder.__qualname__}"
    default = {"BACKEND": backend, "MODEL": provider.model, "DIMENSIONS": 384, "OPTIONS": options}
    return {"EMBEDDERS": {"default": default}}


@pytest.fixture
def _no_clients_left() -> Iterator[None]:
    yield
    close_clients()


def heard_of_every_fault(heard: Heard, server: FakeServer) -> None:
    for fault in server.faults():
        Book.objects.all().delete()
        Book.objects.bulk_create([Book(title=f"{fault} {number}") for number in range(2)])
        server.forget()
        server.script(*[fault] * 12)
        heard.run("generate_embeddings", LABEL, "--workers=1")
        assert server.requests
        assert {server.given_key(request.headers) for request in server.requests} == {KEY}
    heard.run("vector_doctor")
    heard.run("semantic_search", LABEL, "text")


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_clients_left")
@pytest.mark.parametrize(
    "provider",
    [
        pytest.param(provider, id=provider.name, marks=[] if not number else pytest.mark.long)
        for number, provider in enumerate(PROVIDERS)
        # The others sign their requests, with nothing that is sent.
        if provider.options.get("api_key", KEY)
    ],
)
def test_a_key_is_nowhere_whatever_the_provider_does(
    provider: Provider, heard: Heard, settings: Any, admin_client: Client
) -> None:
    with provider.server() as server:
        settings.HYBRID_STORE = asking(provider, server.url)
        heard_of_every_fault(heard, server)
        # Now it takes another key, and repeats the one that it gets.
        server.api_key = "another"
        Book.objects.update(title="edited")
        heard.run("generate_embeddings", LABEL)
        heard.run("vector_doctor")
        heard.read_records(admin_client)
    heard.expect_no_secret()
    assert EmbeddingRun.objects.exclude(reason="").exists()


# A password


def cannot_connect() -> list[dict[str, Any]]:
    """Settings with which no connection is made."""
    if connection.vendor == "sqlite":
        return [{"NAME": "/nowhere/db.sqlite3"}]
    return [
        {"HOST": "/nowhere"},
        {"PORT": "nonsense"},
        {"USER": "nobody"},
        {"NAME": "nothing"},
        {"OPTIONS": {"sslmode": "nonsense"}},
        {"OPTIONS": {"nonsense": 1}},
    ]


@pytest.mark.django_db(transaction=True)
def test_a_password_is_nowhere_whatever_the_database_does(heard: Heard) -> None:
    Book.objects.create(title="text")
    with changed_settings(PASSWORD=PASSWORD):
        for command in COMMANDS:
            heard.run(*command)
    for changes in cannot_connect():
        with changed_settings(PASSWORD=PASSWORD, **changes):
            for command in COMMANDS:
                # Among the variables of Django and the driver there is the password, of course.
                heard.run(*command, variables=False)
    heard.expect_no_secret()
    assert any("error of generate_embeddings" in where for where, _ in heard.said)


COMMANDS = [
    ("vector_doctor",),
    ("generate_embeddings", LABEL),
    ("verify_embeddings", LABEL),
    ("semantic_search", LABEL, "text"),
    ("adopt_embeddings", LABEL, "--space=hashing@384"),
]
