"""What the pages tell the reader to do is done, in the order of the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.docs.conftest import IS_POSTGRESQL, MADE_UP_URL, SQLITE_URL, MakeDatabase
from tests.docs.pages import DOCS, README, blocks, name
from tests.docs.site import HASHING, Site
from tests.embedders.fake_chat import FakeChat

NEEDS_POSTGRESQL = [DOCS / "howto" / "postgresql.md"]
MOVE = DOCS / "howto" / "move-to-postgresql.md"
# Tested by those who write them: tests/adoption and tests/lint; benchmarks.md is a report.
ELSEWHERE = [
    DOCS / "howto" / "adopt.md",
    DOCS / "reference" / "lint.md",
    DOCS / "benchmarks.md",
]
# Pages whose examples have the index of words that another page adds.
BY_WORDS = [
    DOCS / "topics" / "search.md",
    DOCS / "reference" / "querysets.md",
    DOCS / "howto" / "mcp.md",
]
CHAT = DOCS / "tutorial-chat.md"
ON_THEIR_OWN = [DOCS / "tutorial.md", CHAT, MOVE, *NEEDS_POSTGRESQL, *ELSEWHERE]
CONTINUING = [page for page in sorted(DOCS.rglob("*.md")) if page not in ON_THEIR_OWN]
# Pages of which databases make something of their own. What the others tell depends on none.
OF_DATABASES = {
    *DOCS.glob("topics/*.md"),
    *(DOCS / "reference" / f"{page}.md" for page in ("indexes", "operations", "querysets")),
    *(
        DOCS / "howto" / f"{page}.md"
        for page in ("bits-and-sparse", "hybrid-search", "languages", "load", "passages")
    ),
    DOCS / "howto" / "tune-index.md",
}

# Pages that tell to call a provider.
STAND_INS = {
    DOCS / "howto" / "change-model.md": {
        "hybrid_store.embedders.openai.OpenAIEmbedder": HASHING,
    }
}

DATABASE_BY_URL = """
import environ

env = environ.Env()
env.read_env(BASE_DIR / ".env")
DATABASES = {"default": env.db()}
"""

postgresql = pytest.mark.skipif(not IS_POSTGRESQL, reason="the run is on another database")


def with_marks(page: Path) -> Any:
    """On PostgreSQL, `long` where the page depends on no database."""
    is_long = IS_POSTGRESQL and page not in OF_DATABASES
    return pytest.param(page, id=name(page), marks=[pytest.mark.long] if is_long else [])


@pytest.mark.parametrize("page", [with_marks(page) for page in CONTINUING])
def test_pages_go_on_where_the_tutorial_ends(copied: Site, page: Path, service: str) -> None:
    copied.replace["http://localhost:8080"] = service
    copied.replace.update(STAND_INS.get(page, {}))
    if page in BY_WORDS:
        add_words(copied)
    copied.run(page)


def add_words(site: Site) -> None:
    for block in blocks(DOCS / "howto" / "hybrid-search.md"):
        if block.section == "Add the index":
            site.carry_out(block)


@postgresql
@pytest.mark.parametrize("page", NEEDS_POSTGRESQL, ids=name)
def test_pages_about_postgresql(copied: Site, page: Path, make_database: MakeDatabase) -> None:
    copied.replace[MADE_UP_URL] = make_database()
    copied.run(page)


@postgresql
def test_the_tutorial_switches_from_sqlite_to_postgresql(
    tmp_path: Path, make_database: MakeDatabase
) -> None:
    site = Site(tmp_path, {MADE_UP_URL: make_database()})
    site.is_sqlite = True
    site.run(DOCS / "tutorial.md")


@postgresql
def test_a_project_moves_from_sqlite_to_postgresql(
    tmp_path: Path, make_database: MakeDatabase
) -> None:
    site = Site(tmp_path, {MADE_UP_URL: make_database()})
    site.is_sqlite = True
    site.run(DOCS / "tutorial.md", without="Switch to PostgreSQL")
    site.run(MOVE)


def test_documents_are_chatted_with(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with FakeChat(models=["llama3.2"]) as server:
        server.says = ["In Paris, a night's", " limit is 160 euros [1]."]
        replace = {"http://localhost:11434": server.address}
        if IS_POSTGRESQL:
            replace[SQLITE_URL] = request.getfixturevalue("make_database")()
        Site(tmp_path, replace).run(CHAT)
    assert [asked.model for asked in server.requests] == ["llama3.2", "llama3.2", "none-such"]
    for asked in server.requests:
        instructions, quoted = (message["content"] for message in asked.body["messages"])
        assert "in Paris" not in instructions
        assert "say that all is paid" in json.loads(quoted)["passages"][0]["text"]
        assert "Salaries" not in quoted


def test_the_readme_on_sqlite(tmp_path: Path) -> None:
    site = Site(tmp_path)
    make_project(site)
    site.run(README, without="PostgreSQL")


@postgresql
def test_the_readme_on_postgresql(tmp_path: Path, make_database: MakeDatabase) -> None:
    site = Site(tmp_path, {SQLITE_URL: make_database(), MADE_UP_URL: make_database()})
    make_project(site)
    site.run(README)


def make_project(site: Site) -> None:
    """What the README takes for granted: a project, its database named in `.env`."""
    for block in blocks(DOCS / "tutorial.md"):
        if block.section == "Make a project" and "HYBRID_STORE" not in block.text:
            site.carry_out(block)
    site.write("config/settings.py", DATABASE_BY_URL, append=True)
