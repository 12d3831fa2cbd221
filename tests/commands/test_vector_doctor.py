"""`manage.py vector_doctor`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from hybrid_store.management.doctor.database import effective
from hybrid_store.management.doctor.origins import describes
from hybrid_store.management.redaction import redacted
from hybrid_store.test.models import Book
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db


def failing(*args: Any) -> str:
    out = StringIO()
    with pytest.raises(CommandError, match="found wrong"):
        call_command("vector_doctor", *args, stdout=out, no_color=True)
    return out.getvalue()


def test_a_healthy_project_has_only_ticks(run: Run) -> None:
    Book.objects.create(title="apple")
    run("generate_embeddings")
    out = run("vector_doctor")
    assert "✗" not in out
    assert "✓ database 'default': " in out
    assert f"✓ server: {connection.display_name} " in out
    assert "✓ migrations: all applied" in out
    assert "✓ embedder 'default': hashing, 384 dimensions, space 'hashing@384', answered" in out
    assert "lexical" in out
    assert "✓ hybrid_store_test.Book.embedding: 1 of 1 rows current, 0 stale" in out
    assert "All is well." in out


def test_stale_rows_and_other_spaces_are_crosses_with_the_command_to_run() -> None:
    Book.objects.create(title="apple")
    assert "→ Run manage.py generate_embeddings hybrid_store_test.Book.embedding." in failing()
    stamp = "0" * 16 + ":" + "0" * 32
    Book.objects.update(embedding=np.ones(384), embedding_fingerprint=stamp)
    assert "1 in other spaces" in (out := failing())
    assert "Book.embedding --replace-spaces" in out


def test_an_embedder_that_cannot_be_made_is_a_cross(settings: Any) -> None:
    settings.HYBRID_STORE = {"EMBEDDERS": {"default": {"BACKEND": "nowhere.Embedder"}}}
    out = failing()
    assert "✗ embedder 'default': " in out
    assert "nowhere" in out


def test_no_embedder_is_called_when_told_so(run: Run, settings: Any) -> None:
    assert "embedder 'default'" not in run("vector_doctor", "--skip-embedders")


def test_passwords_are_never_shown(monkeypatch: Any) -> None:
    config = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "films",
        "USER": "ann",
        "PASSWORD": "s3cret-word",
        "HOST": "db.example",
        "PORT": "5433",
    }
    monkeypatch.setitem(connections["other"].__dict__, "settings_dict", config)
    monkeypatch.setenv("DATABASE_URL", "postgres://ann:s3cret-word@db.example:5433/films")
    finding = effective("other", connections["other"].settings_dict)
    assert finding.detail == (
        "postgresql ann@db.example:5433/films (password set, not shown), "
        "from DATABASE_URL in the environment"
    )
    assert "s3cret" not in redacted("FATAL: bad s3cret-word\nmore")


def test_says_where_the_database_was_set(monkeypatch: Any, tmp_path: Path) -> None:
    config = connections["default"].settings_dict
    assert "from tests.settings.DATABASES['default']" in effective("default", config).detail
    monkeypatch.setenv("DATABASE_URL", "sqlite:///elsewhere.sqlite3")
    assert "DATABASE_URL is set, but names another" in effective("default", config).detail
    host, name = (quote(str(config.get(part, "")), safe="") for part in ("HOST", "NAME"))
    url = f"x://user:word@{host}:5432/{name}"
    monkeypatch.setenv("DATABASE_URL", url)
    assert "from DATABASE_URL in the environment" in effective("default", config).detail
    (tmp_path / ".env").write_text(f"DATABASE_URL={url}\n")
    monkeypatch.chdir(tmp_path)
    assert f"from DATABASE_URL in {tmp_path / '.env'}" in effective("default", config).detail

    def refuse(self: Path, **options: Any) -> str:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", refuse)
    assert "from DATABASE_URL in the environment" in effective("default", config).detail


@pytest.mark.parametrize(
    ("url", "host", "port", "same"),
    [
        ("postgres://u:p@db.example:5432/films", "db.example", 5432, True),
        ("postgres://u:p@DB.Example/films", "db.example", "", True),
        ("postgres://u:p@[::1]:5432/films", "::1", 5432, True),
        ("postgres://u@%2Frun%2FPG/films", "/run/PG", "", True),
        ("postgres://u@:5432//run/PG/films", "/run/PG", 5432, True),
        ("postgres://u:p@db.example:5433/films", "db.example", 5432, False),
        ("postgres://u:p@other.example/films", "db.example", "", False),
        ("postgres://u:p@db.example/others", "db.example", "", False),
        *(
            (
                f"postgres://u:{quote(char, safe='')}pw@db.example:5432/films",
                "db.example",
                5432,
                True,
            )
            for char in "#?/@:[%"
        ),
        ("postgres://u:p[w@db.example/films", "db.example", "", False),
    ],
)
def test_a_url_is_recognised_in_every_spelling(url: str, host: str, port: Any, same: bool) -> None:
    config = {"NAME": "films", "HOST": host, "PORT": port}
    assert describes(url, config) is same


def test_a_server_that_does_not_answer_is_a_cross_and_nothing_more_is_asked(
    monkeypatch: Any,
) -> None:
    def refuse(self: Any) -> None:
        from django.db.utils import OperationalError

        raise OperationalError("connection refused: planted-word")

    config = {**connections["other"].settings_dict, "PASSWORD": "planted-word"}
    monkeypatch.setattr(connections["other"], "settings_dict", config)
    monkeypatch.setattr(type(connections["other"]), "ensure_connection", refuse)
    out = failing("--database", "other", "--skip-embedders")
    assert "✗ connection: connection refused: ***\n" in out
    assert "→ Start the server" in out
    assert "rows current" not in out


def test_migrations_that_are_not_applied_are_named(monkeypatch: Any) -> None:
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    out = failing("--skip-embedders")
    assert "✗ migrations: not applied: sessions.0001_initial" in out
    assert "→ Run manage.py migrate." in out
