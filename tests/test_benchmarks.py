"""The benchmarks still run: what they measure is judged in the run itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("others", [False, pytest.param(True, marks=pytest.mark.long)])
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
