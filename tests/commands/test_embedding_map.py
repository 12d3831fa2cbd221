"""`manage.py embedding_map`."""

from __future__ import annotations

import json
import re
import sys
from base64 import b64decode, b64encode
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.utils.html import escape

from hybrid_store.management.commands.embedding_map import page
from hybrid_store.maps import PCA, map_points
from hybrid_store.maps.files import html
from hybrid_store.maps.pictures import png
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book
from tests.commands.conftest import Run
from tests.maps.unpacking import unpacked

pytestmark = pytest.mark.django_db

BOOK = "hybrid_store_test.Book"
HOSTILE = "</script><script>alert(1)</script>\u2028<!--&amp;"
# What is between dollar signs would be one, with a fault.
FORMULA = "_$x^{2$"


@pytest.fixture
def _books() -> None:
    ann = Author.objects.create(name=HOSTILE)
    for title in ("red apples", "green apples", HOSTILE):
        Book.objects.create(title=title, year=2000, author=ann)
    generate(Book)
    Book.objects.create(title="not embedded yet")


@pytest.mark.usefixtures("_books")
def test_a_page_has_all_in_it_and_loads_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "map.html"
    out = run("embedding_map", BOOK, f"--output={file}", "--color-by=author__name")
    assert out.startswith("3 rows: principal components, ")
    assert out.endswith(f"1 row without a vector left out.\nWritten: {file}\n")
    page = file.read_text()
    assert not re.search(r'(?:src|href)="(?!data:,")|@import|url\(|^import ', page, re.MULTILINE)
    data = json.loads(script(page, 'id="map-data" type="application/json"'))
    assert data["labels"] == ["red apples", "green apples", HOSTILE]
    points = unpacked(b64decode(data["points"]))
    assert points.head["groups"] == [{"name": HOSTILE, "colour": "category-0", "rows": 3}]


@pytest.mark.usefixtures("_books")
def test_a_page_runs_its_own_script_and_no_text(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "map.HTML"
    run("embedding_map", BOOK, f"--output={file}", "--label=author__name")
    page = file.read_text()
    assert page.count("<script") == page.count("</script>") == 2
    assert "\u2028" not in page
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found is not None
    policy = unescape(found[1])
    for text in (script(page, 'type="module"'), page.split("<style>")[1].split("</style>")[0]):
        assert f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in policy
    assert re.sub("'sha256-[^']*'", "HASH", policy) == (
        "default-src 'none'; script-src HASH; style-src HASH; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@pytest.mark.usefixtures("_books")
def test_a_title_stays_a_text() -> None:
    found = html(map_points(Book.objects.all()), ["", "", ""], HOSTILE)
    assert found.count("<script") == 2
    assert found.count(f"Map of {escape(HOSTILE)}") == 2
    assert f"<h1>{escape(HOSTILE)}</h1>" in found


@pytest.mark.usefixtures("_books")
def test_a_row_that_has_gone_since_has_no_name() -> None:
    points = map_points(Book.objects.all())
    written = page(points, Book.objects.exclude(title="green apples"), None).decode()
    data = json.loads(script(written, 'id="map-data" type="application/json"'))
    assert data["labels"] == ["red apples", "", HOSTILE]


def script(page: str, attributes: str) -> str:
    return page.split(f"<script {attributes}>")[1].split("</script>")[0]


@pytest.mark.usefixtures("_books")
def test_a_picture_is_a_png(run: Run, tmp_path: Path) -> None:
    Author.objects.update(name=FORMULA)
    file = tmp_path / "map.png"
    run("embedding_map", f"{BOOK}.embedding", "--output", str(file), "--color-by=author__name")
    assert file.read_bytes().startswith(b"\x89PNG\r\n")


class Formula(PCA):
    described = FORMULA


@pytest.mark.usefixtures("_books")
def test_texts_of_a_picture_are_no_formulas_and_take_no_more_than_their_room() -> None:
    found = []
    for length in (40, 41, 100):
        Author.objects.update(name=FORMULA.ljust(length, "x"))
        points = map_points(Book.objects.all(), color_by="author__name", projection=Formula())
        found.append(png(points, FORMULA))
    assert found[0] == found[1] == found[2]


@pytest.mark.usefixtures("_books")
def test_a_limit_is_told_of(run: Run, tmp_path: Path) -> None:
    out = run("embedding_map", BOOK, f"--output={tmp_path / 'map.html'}", "--limit=2")
    assert "2 rows not shown: these are a fair sample of all." in out


def test_a_map_of_no_rows_says_so(run: Run, tmp_path: Path) -> None:
    out = run("embedding_map", BOOK, f"--output={tmp_path / 'map.html'}")
    assert out.startswith("No row has a vector that can be shown.")


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.usefixtures("_books")
def test_another_database_is_read(run: Run, tmp_path: Path) -> None:
    out = run("embedding_map", BOOK, f"--output={tmp_path / 'map.html'}", "--database=other")
    assert out.startswith("No row has a vector")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--output=map.pdf"], "'map.pdf' ends with neither .html nor .png"),
        (["--output=/nowhere/at/all/map.html"], "'/nowhere/at/all' is no folder"),
        (["--output=map.html", "--color-by=author"], "is a row of its own: name a field of it"),
        (["--output=map.html", "--label=shoe"], "is no field"),
        (["--output=map.html", "--method=tsne"], "invalid choice: 'tsne'"),
        ([], "the following arguments are required: --output"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=re.escape(fault)):
        run("embedding_map", BOOK, *options)
    assert [*tmp_path.iterdir()] == []


def test_without_the_extra_a_picture_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(CommandError, match=r"django-hybrid-store\[map\]"):
        run("embedding_map", BOOK, f"--output={tmp_path / 'map.png'}")
