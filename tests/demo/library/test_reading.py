"""The demo's library: what can be read of a file, and what is told where nothing can."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library import pdf as library_pdf
from library import reading
from library.faults import UnreadableError
from library.models import Document, Passage
from library.places import place, sheets
from library.reading import Reading, checked, read, title_of
from tests.demo.library.pdfs import encrypted, pdf, pdf_of, stream

# Text that a document may have, its lines ended as they are stored.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")).filter(
    lambda text: text.strip() and not text.startswith("\ufeff")
)


@given(TEXTS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]))
def test_text_survives(text: str, encoding: str) -> None:
    bom = "\ufeff" if encoding.endswith(("le", "be")) else ""
    assert read("notes.txt", (bom + text).encode(encoding)).text == text


@given(TEXTS)
def test_titles_are_one_short_line(text: str) -> None:
    title = title_of(text, "notes")
    assert 0 < len(title) <= 200
    assert title == " ".join(title.split())
    assert not re.search("[\0-\x1f\u202e]", title)


def test_lines_end_in_one_way() -> None:
    assert read("a.txt", b"one\r\ntwo\rthree\nfour").text == "one\ntwo\nthree\nfour"


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("notes.txt", "Some notes", "notes"),
        ("notes.md", "\n# On  birds \n\nThey fly.", "On birds"),
        ("notes.md", "On birds\n# They fly", "notes"),
        ("a/b\\notes.MD", "# \n", "b\\notes"),
        ("notes.txt", "# \x07\u202e\n", "notes"),
        ("  .txt", "A text", "Untitled"),
        (f"{'x' * 300}.txt", "A text", "x" * 200),
        ("\udcff \ud800.txt", "A text", "Untitled"),
    ],
)
def test_a_text_is_called_after_its_heading_or_its_file(name: str, text: str, title: str) -> None:
    assert read(name, text.encode()).title == title


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("a.docx", b"A text", "none of the kinds"),
        ("a", b"A text", "none of the kinds"),
        ("a.txt", b"PK\x03\x04 and so on", "is an office document or a ZIP file"),
        ("a.md", b"\x89PNG\r\n", "is a picture"),
        ("a.pdf", b"A text", "is no PDF, whatever its name says"),
        ("a.txt", b"", "is empty"),
        ("a.pdf", b"", "is empty"),
        ("a.txt", b" \n\t\xc2\xa0", "has no text"),
        ("a.txt", b"x" * 1_200_000, "has 1.2 MB, at most 1 are read"),
        ("a.txt", b"nul\0", "has NUL characters"),
        ("a.txt", "UTF-16".encode("utf-16-le"), "has NUL characters"),
        ("a.txt", "año".encode("latin-1"), "is not text in UTF-8"),
        ("a.txt", b"\xff\xfea\x00\x00\xd8b\x00", "is not text in UTF-8"),
        ("a.txt", b"\xed\xa0\x80", "is not text in UTF-8"),
    ],
)
def test_what_is_no_text_is_told(name: str, data: bytes, fault: str) -> None:
    with pytest.raises(UnreadableError, match=re.escape(fault)):
        read(name, data)


def test_halves_of_characters_are_told() -> None:
    with pytest.raises(UnreadableError, match="lone surrogates"):
        checked("a \ud800 b")


def test_a_text_that_is_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_CHARACTERS", 10)
    assert read("a.txt", b"x" * 10).text == "x" * 10
    for data in (b"x" * 11, pdf("12345", "6789")):
        with pytest.raises(UnreadableError, match="has more than 10 characters"):
            read("a.txt", data)


# PDFs


def test_a_pdf_is_read_page_by_page() -> None:
    found = read("report.pdf", pdf("First page", "", "Third page"))
    assert found == Reading("report", "First page\n\n\n\nThird page", (0, 12, 14))
    assert found.text[14:] == "Third page"


@pytest.mark.parametrize(
    ("given_title", "title"),
    [("On birds", "On birds"), (" ", "report"), ("a\0b\n\u202ec", "a b c"), ("", "report")],
)
def test_a_pdf_has_the_title_in_its_metadata_or_its_name(given_title: str, title: str) -> None:
    assert read("report.pdf", pdf("A text", title=given_title)).title == title


def test_a_pdf_is_known_by_what_is_in_it() -> None:
    assert read("report.txt", pdf("A text")).pages == (0,)
    assert read("report.pdf", b"some junk\n" + pdf("A text")).text == "A text"


CMAP = b"""/CIDInit /ProcSet findresource begin begincmap
1 begincodespacerange <00> <ff> endcodespacerange
5 beginbfchar <41> <0000> <42> <d800> <43> <d83d> <44> <de00> <45> <0065> endbfchar
endcmap end"""


def test_what_fonts_of_a_pdf_say_wrongly_is_dropped() -> None:
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 5 0 R >>"
    data = pdf_of(stream(b"BT /F1 12 Tf 20 700 Td (EAEBECDE) Tj ET"), font=font, more=stream(CMAP))
    assert read("a.pdf", data).text == "eee\N{GRINNING FACE}e"


def bomb(size: int) -> bytes:
    packed = zlib.compress(zlib.compress(b"0 " * (size // 2), 9), 9)
    return pdf_of(stream(packed, b"/Filter [/FlateDecode /FlateDecode]"))


SPOILT = {
    "scanned": (pdf("", ""), "has no text: its pages are probably scanned"),
    "encrypted": (encrypted(pdf("A text"), "secret"), "is encrypted"),
    "a beginning": (b"%PDF-1.7", "is broken"),
    "junk": (b"%PDF-1.7\n" + bytes(range(256)) * 20, "is broken"),
    "cut off": (pdf("A text")[:200], "is broken"),
    "a circle": (pdf("A text").replace(b"/Kids [6 0 R]", b"/Kids [2 0 R]"), "is broken|no text"),
    "nested": (pdf_of(stream(b"[" * 20_000)), "has no text|is broken"),
    "a bomb": (bomb(80_000_000), "asks for more memory or work"),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_pdf_that_cannot_be_read_is_told(fault: str, settings: Any) -> None:
    settings.LIBRARY_UPLOAD_MB = 20
    data, said = SPOILT[fault]
    with pytest.raises(UnreadableError, match=said):
        read("a.pdf", data)


def test_a_pdf_that_opens_without_a_password_is_read() -> None:
    assert read("a.pdf", encrypted(pdf("A text"), "")).text == "A text"


def test_a_pdf_with_too_many_pages_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_pdf, "MOST_PAGES", 2)
    assert len(read("a.pdf", pdf("1", "2")).pages) == 2
    with pytest.raises(UnreadableError, match="has 3 pages, at most 2 are read"):
        read("a.pdf", pdf("1", "2", "3"))


def test_a_pdf_that_takes_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_pdf, "MOST_SECONDS", -1.0)
    with pytest.raises(UnreadableError, match="takes too long"):
        read("a.pdf", pdf("1"))


@given(st.data())
def test_a_spoilt_pdf_is_read_or_told(data: st.DataObject) -> None:
    spoilt = bytearray(pdf("First page", "Second page", title="A title"))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(8, len(spoilt) - 1))
        length = data.draw(st.integers(0, 6))
        spoilt[at : at + length] = data.draw(st.binary(max_size=6))
    try:
        found = read("a.pdf", bytes(spoilt))
    except UnreadableError:
        return
    assert checked(found.text) == found.text
    assert list(found.pages) == sorted(found.pages)


# Places


@given(st.data())
def test_sheets_are_the_whole_text_with_one_passage_marked(data: st.DataObject) -> None:
    text = data.draw(st.text(min_size=1))
    ends = st.integers(0, len(text))
    pages = data.draw(st.one_of(st.just([]), st.lists(ends).map(lambda at: sorted({0, *at}))))
    start, end = sorted((data.draw(ends), data.draw(ends)))
    document = Document(text=text, pages=pages)
    passage = Passage(start=start, end=end)
    shown = list(sheets(document, passage))
    parts = [part for sheet in shown for part in sheet.parts]
    assert "".join(part.text for part in parts) == text
    assert "".join(part.text for part in parts if part.marked) == text[start:end]
    assert sum(part.first for part in parts) in ({1} if start < end else {0, 1})
    numbers = [sheet.number for sheet in shown]
    assert numbers == (list(range(1, len(pages) + 1)) if pages else [None])


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (0, 10, "Page 1"),
        (9, 11, "Pages 1 to 2"),
        (10, 20, "Page 2"),
        (0, 99, "Pages 1 to 3"),
        (20, 20, "Page 3"),
    ],
)
def test_a_place_is_told_by_pages(start: int, end: int, said: str) -> None:
    assert place([0, 10, 20], start, end) == said
    assert place([], start, end) == ""


def test_the_samples_are_short() -> None:
    folder = Path(reading.__file__).parent / "samples"
    words = [len(path.read_text(encoding="utf-8").split()) for path in folder.iterdir()]
    assert len(words) == 4
    assert all(400 <= count <= 900 for count in words)
