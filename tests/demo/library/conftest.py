"""People with documents."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from library.models import Document
from library.reading import Reading
from library.storing import samples, store


@pytest.fixture
def ann(db: None) -> Any:
    return get_user_model().objects.create_user("ann", password="hers")


@pytest.fixture
def bob(db: None) -> Any:
    return get_user_model().objects.create_user("bob", password="his")


@pytest.fixture
def library(ann: Any) -> list[Document]:
    """Ann has the sample documents, filled."""
    documents = store(ann, samples())
    generate()
    return documents


@pytest.fixture
def secret(bob: Any) -> Document:
    """Bob has a document in which everything is that is in Ann's."""
    text = "\n\n".join(["A secret of Bob.", *(sample.text for sample in samples())])
    (document,) = store(bob, [Reading("Bob's secret", text, (0, 10))])
    generate()
    return document


@pytest.fixture
def as_ann(ann: Any) -> Client:
    client = Client()
    client.force_login(ann)
    return client


@pytest.fixture
def as_bob(bob: Any) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def generate() -> None:
    call_command("generate_embeddings", "library.Passage", verbosity=0, stdout=StringIO())
