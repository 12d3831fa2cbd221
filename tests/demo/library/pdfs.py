"""Small PDFs, written by hand, and spoilt ones."""

from __future__ import annotations

from io import BytesIO

from pypdf import PdfWriter

__all__ = ["encrypted", "pdf", "pdf_of"]

FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def pdf(*pages: str, title: str = "") -> bytes:
    """A PDF with these texts, in Latin letters, on a page each."""
    drawn = [f"BT /F1 12 Tf 20 700 Td ({text}) Tj ET".encode("latin-1") for text in pages]
    return pdf_of(*(stream(content) for content in drawn), title=title)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)


def pdf_of(*contents: bytes, title: str = "", font: bytes = FONT, more: bytes = b"null") -> bytes:
    """A PDF whose pages have these content streams; `more` is object 5."""
    first = 6
    kids = b" ".join(b"%d 0 R" % (first + 2 * n) for n in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        font,
        b"<< /Title <%s> >>"
        % ("\ufeff" + title).encode("utf-16-be", "surrogatepass").hex().encode(),
        more,
    ]
    for number, content in enumerate(contents):
        resources = b"/Resources << /Font << /F1 3 0 R >> >>"
        at = b"/Contents %d 0 R" % (first + 1 + 2 * number)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] %s %s >>" % (resources, at)
        )
        objects.append(content)
    return _written(objects)


def _written(objects: list[bytes]) -> bytes:
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info 4 0 R >>\n" % (len(objects) + 1)
    return data + head + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(data)


def encrypted(data: bytes, password: str) -> bytes:
    writer, out = PdfWriter(clone_from=BytesIO(data)), BytesIO()
    writer.encrypt(password, "the owner's", algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()
