"""The pages of the documentation, as text: fenced blocks, headings, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DOCS", "PAGES", "README", "ROOT", "Block", "anchors", "blocks", "links", "name"]

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]

BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where it stands."""

    language: str
    text: str
    section: str
    place: str

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _prose(page: Path) -> str:
    """The text of a page with its blocks blanked out, every line where it was."""
    text = page.read_text(encoding="utf-8")
    prose = BLOCK.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    assert "```" not in prose, f"{name(page)}: a block is not closed, or its fence is indented."
    return prose


def blocks(page: Path) -> list[Block]:
    prose = _prose(page)
    return [
        _block(page, prose[: found.start()], found)
        for found in BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


def _block(page: Path, before: str, found: re.Match[str]) -> Block:
    place = f"{name(page)}:{before.count(chr(10)) + 1}"
    section = (["", *HEADING.findall(before)])[-1]
    return Block(language=found[1], text=found[2], section=section, place=place)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    return {_anchor(heading) for heading in HEADING.findall(_prose(page))}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(page: Path) -> list[str]:
    """The targets of all links."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "", _prose(page)))
