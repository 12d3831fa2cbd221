"""Every link leads somewhere, and every page can be reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, README, anchors, links, name


def wrong_links(page: Path) -> list[str]:
    wrong = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    return wrong


def inner(page: Path) -> set[Path]:
    paths = (link.partition("#")[0] for link in links(page) if "://" not in link)
    return {(page.parent / path).resolve() for path in paths if path}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_anchors_resolve(page: Path) -> None:
    assert [link for link in wrong_links(page) if "://" not in link] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_outer_links_are_encrypted(page: Path) -> None:
    assert [link for link in links(page) if "://" in link and not link.startswith("https:")] == []


def test_the_index_leads_to_every_page_and_the_readme_to_the_index() -> None:
    assert set(DOCS.rglob("*.md")) - inner(DOCS / "index.md") == {DOCS / "index.md"}
    assert DOCS / "index.md" in inner(README)
