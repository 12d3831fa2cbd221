"""A map as one HTML file, which needs no server and loads nothing."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from django.template.loader import render_to_string
from django.utils.html import json_script

from hybrid_store.maps.packing import packed
from hybrid_store.maps.points import Points

__all__ = ["html"]

ASSETS = Path(__file__).parent.parent / "static" / "hybrid_store" / "map"
IMPORT = re.compile(r'^import (\{.*\}) from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (class|function) (\w+)", re.MULTILINE)
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def html(points: Points, labels: Sequence[str], title: str) -> str:
    """A page with the map in it; `labels` are what the points are called, in their order.

    Its policy allows the script and the style that are in it, by their hashes, and nothing else.
    """
    script = "".join(_bundled("map"))
    style = (ASSETS / "map.css").read_text(encoding="utf-8")
    data = {"points": b64encode(packed(points)).decode(), "labels": list(labels)}
    context = {
        "title": title,
        "policy": POLICY.format(script=_hashed(script), style=_hashed(style)),
        "script": script,
        "style": style,
        "data": json_script(data, "map-data"),
    }
    return render_to_string("hybrid_store/map_file.html", context)


def _bundled(name: str, done: set[str] | None = None) -> Iterator[str]:
    """A module behind those that it imports, as one script: a page on a disk may load none."""
    done = set() if done is None else done
    if name in done:
        return
    done.add(name)
    text = (ASSETS / f"{name}.js").read_text(encoding="utf-8")
    for _, other in IMPORT.findall(text):
        yield from _bundled(other, done)
    exported = ", ".join(found for _, found in EXPORT.findall(text))
    body = EXPORT.sub(r"\1 \2", IMPORT.sub(r"const \1 = module_\2;", text))
    yield f"const module_{name} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"


def _hashed(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
