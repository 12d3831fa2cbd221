"""Judgements read from files: which rows are relevant to which query, and how much."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from django.core.management.base import CommandError

__all__ = ["Judgement", "Line", "read_judgements"]

COLUMNS = ("query", "key", "relevance")
# What the third column is called in a first line that is a header...
HEADERS = {"relevance", "score", "gain", "grade", "rel"}
# ...and the first one, where it holds ids of queries.
ID_HEADERS = {"id", "_id", "query-id", "query_id", "qid"}
NO_TEXT = "it is not UTF-8 text. Save the file as UTF-8."


@dataclass(frozen=True)
class Line:
    """A line of a file, numbered from 1, for errors that say where the fault is."""

    path: Path
    number: int
    text: str

    def refuse(self, fault: str) -> NoReturn:
        raise CommandError(f"{self.path}, line {self.number}: {fault}")

    def cells(self, *names: str) -> list[str]:
        """The columns, which are as many as there are names."""
        cells = [cell.strip() for cell in self.text.split("\t")]
        if len(cells) != len(names):
            self.refuse(
                f"{len(cells)} columns instead of {len(names)}. Separate {', '.join(names)} by "
                "tabs."
            )
        for name, cell in zip(names, cells, strict=True):
            if not cell:
                self.refuse(f"the {name} is empty. Fill it in, or leave the line out.")
        return cells


@dataclass(frozen=True)
class Judgement:
    """How relevant the row of a key is to a query, as it stands in the file."""

    line: Line
    query: str
    text: str
    """Of the query; the query itself, unless that is an id."""
    key: str
    relevance: float


def read_judgements(path: Path, queries: Path | None = None) -> list[Judgement]:
    """The judgements of a file of lines `query<TAB>key<TAB>relevance`, in order.

    The query is its text, or an id whose text stands in the file `queries`: lines of
    `id<TAB>text`, or JSON objects with `_id` and `text` as those of BEIR. Both files are UTF-8 and
    may have a header; empty lines do not count. Raises `CommandError` with file, line, fault and
    fix.
    """
    texts = None if queries is None else _queries(queries)
    found: list[Judgement] = []
    for line in _lines(path):
        cells = line.cells(*COLUMNS)
        if line.number == 1 and cells[2].lower() in HEADERS:
            if texts is None and cells[0].lower() in ID_HEADERS:
                line.refuse("queries are named by id. Give the file of their texts by --queries.")
            continue
        found.append(_judgement(line, cells, texts))
    if not found:
        raise CommandError(f"{path}: there is no judgement in it.")
    return found


def _judgement(line: Line, cells: list[str], texts: dict[str, str] | None) -> Judgement:
    query, key, relevance = cells
    try:
        number = float(relevance)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        line.refuse(
            f"the relevance {relevance!r} is no number. Give 0 for what is not relevant, and the "
            "more, the more relevant it is."
        )
    if texts is not None and query not in texts:
        line.refuse(f"the file of queries has no id {query!r}. Add it there, or leave this out.")
    return Judgement(line, query, query if texts is None else texts[query], key, number)


def _queries(path: Path) -> dict[str, str]:
    """The texts of queries by their ids."""
    found: dict[str, str] = {}
    for line in _lines(path):
        if line.number == 1 and line.text.partition("\t")[0].strip().lower() in ID_HEADERS:
            continue
        key, text = _from_json(line) if line.text.startswith("{") else line.cells("id", "text")
        if key in found:
            line.refuse(f"the id {key!r} comes again. Give every query an id of its own.")
        found[key] = text
    if not found:
        raise CommandError(f"{path}: there is no query in it.")
    return found


def _from_json(line: Line) -> tuple[str, str]:
    try:
        read = json.loads(line.text)
        key, text = str(read["_id"]), read["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        line.refuse('not a JSON object with "_id" and "text". Put each object on one line.')
    if not isinstance(text, str) or not text.strip():
        line.refuse('"text" is empty or no text. Fill it in, or leave the line out.')
    return key, text


def _lines(path: Path) -> Iterator[Line]:
    """The lines of a file that hold anything."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    # Divided as bytes: what Unicode calls a line break may stand in a text.
    for number, raw in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        try:
            line = Line(path, number, raw.decode().strip())
        except UnicodeDecodeError:
            Line(path, number, "").refuse(NO_TEXT)
        if "\0" in line.text:
            line.refuse(NO_TEXT)
        if line.text:
            yield line
