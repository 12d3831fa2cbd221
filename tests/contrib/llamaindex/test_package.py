"""The package as an app, and without LlamaIndex."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.core.management import call_command

from hybrid_store.contrib import llamaindex
from tests.docs.pages import ROOT


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    call_command("makemigrations", "hybrid_store_llamaindex", check=True, dry_run=True, verbosity=0)


def test_all_names_are_there() -> None:
    for name in llamaindex.__all__:
        assert getattr(llamaindex, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = llamaindex.Nothing


def test_the_extra_is_named_where_it_is_missing() -> None:
    """The app and its table need no LlamaIndex, its classes do."""
    code = """if True:
        import sys, django
        sys.modules["llama_index"] = None
        django.setup()
        from hybrid_store.contrib.llamaindex.models import Entry
        from hybrid_store.contrib.llamaindex import LlamaIndexEmbedder
        from hybrid_store.exceptions import MissingExtraError
        for name in ("DjangoVectorStore", "DjangoKVStore", "DjangoEmbedding"):
            try:
                exec(f"from hybrid_store.contrib.llamaindex import {name}")
            except MissingExtraError as error:
                assert error.extra == "llamaindex", error
            else:
                raise AssertionError(name)
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HYBRID_STORE_")}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
