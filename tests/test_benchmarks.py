"""The benchmarks still run: what they measure is judged in the run itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.texts import VOCABULARY, forms, made_texts, real_texts
from hybrid_store.backends.sqlite.text.stemming import terms
from tools.interpreters import ROOT

ON_SQLITE = os.environ.get("HYBRID_STORE_DATABASE", "sqlite") == "sqlite"
OF_SQLITE = [
    "Reading 2 MB of float32 in memory",
    "The 10 nearest of 1,000 x 384",
    "Where the time goes, of 1,000 x 384",
    "Searches in a new process over 1,000 rows",
    "Memory that searches add in a new process over 1,000 rows",
    "The 10 nearest of 10 rows",
    *(
        f"The 10 nearest under a filter: {share} of 1,000 rows, by {column}"
        for column in ("an indexed column", "a column that is not indexed")
        for share in ("50 %", "10 %", "1 %")
    ),
    "Ingest of 1,000 rows",
    "Update of 100 vectors",
    "Reading 6 MB of float32 in memory",
    "The 10 nearest of 1,000 x 1,536",
    "Where the time goes, of 1,000 x 1,536",
    "Goals",
]

pytestmark = [
    pytest.mark.skipif(not ON_SQLITE, reason="one run of the benchmarks is enough"),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux only"),
]


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments, "--quick"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


@pytest.mark.long
@pytest.mark.parametrize("others", [False, True])
def test_the_benchmarks_of_sqlite(others: bool) -> None:
    text = run("benchmarks.sqlite", *([] if others else ["--no-peers"]))
    titles = [title.split(", SQLite")[0] for title in re.findall("^### (.*)", text, re.MULTILINE)]
    assert titles == OF_SQLITE
    assert ("sqlite-vec, `vec0` table" in text) == others
    assert re.search(r"ms that the ORM adds \| at most 1 \| [\d.]+ \| (yes|no) \|", text)
    assert text.count("not measured") == len(re.findall("at (?:most|least)", text)) - 1


QUALITY = [
    "words",
    "vectors",
    "both, RRF",
    "both, weighted, alpha 0.5",
    "both, weighted, alpha 0.5, tuned",
    "vectors, MMR, lambda 0.7",
    "both, RRF, MMR, lambda 0.7",
]


def test_the_benchmarks_of_quality(tmp_path: Path) -> None:
    texts = ["red apples", "stone bridges", "a tall tower", "deep water"]
    write_lines(tmp_path / "corpus.jsonl", [{"title": "", "text": text} for text in texts])
    write_lines(tmp_path / "queries.jsonl", [{"text": text} for text in texts])
    judged = ["query-id\tcorpus-id\tscore", *(f"{n}\t{n}\t1" for n in range(len(texts)))]
    (tmp_path / "qrels.tsv").write_text("\n".join(judged))
    command = [sys.executable, "-m", "benchmarks.quality", str(tmp_path), "--databases", "sqlite"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    text = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert f"### {tmp_path.name}, 4 documents, 4 queries, SQLite" in text
    rows = re.findall(r"^\| ([^|]+) \| ([\d.]+) \[", text, re.MULTILINE)
    assert rows == [(label, "1.000") for label in QUALITY]


def write_lines(path: Path, objects: list[dict[str, str]]) -> None:
    lines = [json.dumps({"_id": str(number), **each}) for number, each in enumerate(objects)]
    path.write_text("\n".join(lines))


def test_the_benchmarks_of_one_part() -> None:
    text = run("benchmarks", "--databases", "sqlite", "--only", "loading", "search")
    assert "`bulk_create` of 1,000 rows" in text
    assert "The 10 nearest of 1,000 rows" in text


@pytest.mark.long
def test_the_benchmarks_of_maps() -> None:
    text = run("benchmarks", "--databases", "sqlite", "--only", "maps")
    assert "### A map of 1,000 x 384, SQLite" in text
    assert re.search(r"^\| made by `map_points` \| [\d.,]+ \|$", text, re.MULTILINE)


@pytest.mark.long
@pytest.mark.parametrize(
    ("database", "server", "peer"),
    [
        ("sqlite", "SQLite", "(FTS5 in SQL"),
        ("postgresql18", "PostgreSQL", "Django's `SearchRank`"),
    ],
)
def test_the_benchmarks_of_words(database: str, server: str, peer: str) -> None:
    text = run("benchmarks", "--databases", database, "--only", "words")
    assert f"### Indexes of the words of 1,000 texts, {server}" in text
    assert f"### Writing 1,000 rows into 1,000, ms a row, {server}" in text
    assert f"### The best of 1,000 texts, {server}" in text
    found = re.findall(
        r"^\| (?:rare|medium|common|mixed|sentence).* \| (1\.000) \|.*\|$", text, re.MULTILINE
    )
    assert len(found) == 5 * 3
    assert text.count(peer) == 3


STORES = {
    "LangChain **`DjangoVectorStore.{}`**": ("add_documents", "similarity_search_by_vector"),
    "LangChain **`DjangoVectorStore.{}`**, `fields`": (
        "add_documents",
        "similarity_search_by_vector",
    ),
    "LlamaIndex **`DjangoVectorStore.{}`**": ("add", "query"),
}


@pytest.mark.parametrize("others", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_benchmarks_of_stores(others: bool) -> None:
    arguments = ["--rows", "100", "--repeat", "1", *([] if others else ["--no-peers"])]
    command = [sys.executable, "-m", "benchmarks", "--only", "stores", *arguments]
    databases = ["--databases", "postgresql18"]
    done = subprocess.run(
        [*command, *databases], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    found = Counter(re.findall(r"^\| (L.*?) \|", done.stdout, re.MULTILINE))
    for label, (add, search) in STORES.items():
        assert found[label.format(add)] == 2
        assert found[label.format(search)] == 4
    assert ("`PGVectorStore.add`" in done.stdout) == others


def test_texts_that_are_given(tmp_path: Path) -> None:
    films = [{"title": "A film."}, {"title": "Another.", "extract": "One two. Three four!"}]
    (tmp_path / "films.json").write_text(json.dumps(films))
    write_lines(tmp_path / "lines.jsonl", [{"text": "Five?"}])
    texts = [text.split() for text in real_texts(tmp_path, 300)]
    assert {word for text in texts for word in text} == {"One", "two.", "Three", "four!", "Five?"}
    assert all(text[n + 1 : n + 2] in ([], ["two."]) for text in texts for n in places(text, "One"))
    lengths = [len(text) for text in texts]
    assert (min(lengths), max(lengths)) == (42, 126)
    assert 80 < sum(lengths) / len(lengths) < 88


def places(text: list[str], word: str) -> list[int]:
    return [place for place, found in enumerate(text) if found == word]


def test_made_texts_have_the_words_of_english() -> None:
    words = forms().tolist()
    stems = terms("porter unicode61", [form for word in words for form in word])
    assert len({*stems.values()}) == VOCABULARY
    assert all(len({stems[form] for form in word}) == 1 for word in words)
    texts = made_texts(1000)
    having = Counter(stem for text in texts for stem in {stems[word] for word in text.split()})
    (_, most), *others = having.most_common()
    assert most > 0.9 * len(texts)
    assert sum(count > 0.2 * len(texts) for _, count in others) > 10
    assert sum(count < 0.01 * len(texts) for _, count in others) > 0.8 * len(having)
    assert texts == made_texts(1000)
