"""The demo's library: documents that a command loads, and its settings."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from library.models import Document
from library.storing import samples
from tests.demo.library.pdfs import pdf
from tests.demo.test_films import manage

ROOT = Path(__file__).resolve().parents[3]


def load(*files: Path, user: str = "ann") -> str:
    out = StringIO()
    call_command("load_library", "--user", user, *map(str, files), stdout=out)
    return out.getvalue()


def test_the_samples_are_loaded_for_somebody(ann: Any, bob: Any) -> None:
    said = load()
    assert "Loaded 4 documents." in said
    assert "generate_embeddings library.Passage" in said
    mine = Document.objects.visible_to(ann)
    assert {document.title for document in mine} == {sample.title for sample in samples()}
    assert not Document.objects.visible_to(bob)


def test_loading_twice_changes_nothing(ann: Any, bob: Any) -> None:
    load()
    rows = list(Document.objects.order_by("pk").values_list())
    said = load()
    assert "Loaded 0 documents." in said
    assert "4 were there already." in said
    assert list(Document.objects.order_by("pk").values_list()) == rows
    assert "Loaded 4 documents." in load(user="bob")


def test_files_are_loaded(ann: Any, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(pdf("First page", "Second page"))
    (tmp_path / "notes.md").write_text("# On birds", encoding="utf-16")
    assert "Loaded 2 documents." in load(tmp_path / "report.pdf", tmp_path / "notes.md")
    report, notes = Document.objects.order_by("pk")
    assert (report.title, report.pages) == ("report", [0, 12])
    assert notes.title == "On birds"


@pytest.mark.parametrize(
    ("data", "fault"),
    [(None, "cannot be read: No such file"), (b"", "is empty"), (b"nul\0", "has NUL characters")],
)
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_stored(
    ann: Any, tmp_path: Path, data: bytes | None, fault: str
) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text("A text")
    if data is not None:
        bad.write_bytes(data)
    with pytest.raises(CommandError, match=f"bad.txt: {fault}"):
        load(good, bad)
    assert not Document.objects.exists()


@pytest.mark.django_db
def test_a_user_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        load(user="nobody")


def test_the_library_runs_on_the_settings_of_the_demo(tmp_path: Path) -> None:
    here = {"DATABASE_URL": f"sqlite:///{tmp_path / 'films.sqlite3'}"}
    early = manage("load_library", "--user", "ann", **here)
    assert early.returncode == 1
    assert "Did migrate run?" in early.stderr
    missing = manage("makemigrations", "--check", "--dry-run", "library", "chat", **here)
    assert missing.returncode == 0, missing.stdout


def test_what_may_be_set_is_listed() -> None:
    settings = (ROOT / "demo" / "config" / "settings.py").read_text(encoding="utf-8")
    example = (ROOT / "demo" / ".env.example").read_text(encoding="utf-8")
    for name in ("LIBRARY_GUESTS", "LIBRARY_UPLOAD_MB"):
        assert f'"{name}"' in settings
        assert f"#{name}=" in example
