"""`manage.py evaluate_search`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection

from hybrid_store.backends import vector_ops
from hybrid_store.test.models import Album, Note, Tale
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db

TALE = "hybrid_store_test.Tale"
TITLES = ["red apple", "green apple", "stone bridge", "wooden bridge", "tall tower"]

Write = Callable[..., str]

needs_text_index = pytest.mark.skipif(
    not vector_ops(connection).texts.supports_text_index,
    reason="the database has no index of words yet",
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of lines of columns; returns its path."""

    def write(*lines: Any, name: str = "judgements.tsv") -> str:
        texts = [line if isinstance(line, str) else "\t".join(map(str, line)) for line in lines]
        (tmp_path / name).write_text("\n".join(texts), encoding="utf-8")
        return str(tmp_path / name)

    return write


@pytest.fixture
def keys(run: Run) -> dict[str, int]:
    """The primary keys of tales with these titles."""
    Tale.objects.bulk_create(Tale(title=title) for title in TITLES)
    run("generate_embeddings", TALE)
    return dict(Tale.objects.values_list("title", "pk"))


def figures(run: Run, *arguments: str) -> Any:
    return json.loads(run("evaluate_search", TALE, *arguments, "--json"))


def test_searches_are_judged(run: Run, write: Write, keys: dict[str, int]) -> None:
    path = write(
        ("the red apple", keys["red apple"], 2),
        ("the red apple", keys["green apple"], 1),
        ("the red apple", keys["tall tower"], 0),
        ("a stone bridge", keys["stone bridge"], 1),
        ("a stone bridge", keys["tall tower"], 3),
    )
    found = figures(run, path, "--modes=vector", "--limit=2")
    assert {name: found[name] for name in ("model", "judgements", "queries", "missing")} == {
        "model": TALE,
        "judgements": 5,
        "queries": 2,
        "missing": [],
    }
    # The best there is for one; for the other the first, but not the one that matters more.
    dcg = 1 / (3 + 1 / 1.584962500721156)
    means = {name: each["mean"] for name, each in found["means"]["vector"].items()}
    assert means == pytest.approx(
        {"nDCG@2": (1 + dcg) / 2, "recall@2": (1 + 1 / 2) / 2, "MRR@2": 1.0}
    )
    recall = found["means"]["vector"]["recall@2"]
    assert (recall["low"], recall["high"]) == (0.5, 1.0)
    assert found["differences"] == {}


@needs_text_index
def test_modes_are_compared(run: Run, write: Write, keys: dict[str, int]) -> None:
    # The hashed vectors see what is spelt alike, the words see nothing else than words.
    path = write(("towerr", keys["tall tower"], 1), ("red apple", keys["red apple"], 1))
    out = run("evaluate_search", TALE, path)
    title, head, *rows, _ = out.splitlines()
    assert title == f"{TALE}: 2 queries, 2 judgements"
    assert head.split() == ["nDCG@10", "recall@10", "MRR@10"]
    assert [row[:17].strip() for row in rows] == [
        "hybrid",
        "vector",
        "text",
        "hybrid - vector",
        "hybrid - text",
    ]
    assert rows[1].split()[1:4] == ["1.000", "[1.000,", "1.000]"]
    assert rows[2].split()[1:4] == ["0.500", "[0.000,", "1.000]"]
    assert rows[3].split()[3:6] == ["+0.000", "[+0.000,", "+0.000]"]
    assert rows[4].split()[3:6] == ["+0.500", "[+0.000,", "+1.000]"]
    found = figures(run, path, "--modes=text,vector")
    assert list(found["differences"]) == ["text - vector"]
    assert found["differences"]["text - vector"]["recall@10"]["mean"] == -0.5


@needs_text_index
def test_fusion_and_alpha_are_those_of_the_search(
    run: Run, write: Write, keys: dict[str, int]
) -> None:
    # To words, both bridges are alike, and the other one is older; to vectors they are not.
    path = write(("woodenn bridge", keys["wooden bridge"], 1))

    def found(*options: str) -> float:
        means = figures(run, path, "--modes=hybrid", *options)["means"]["hybrid"]
        return float(means["MRR@10"]["mean"])

    assert [found("--alpha=1"), found("--alpha=0")] == [1, 0.5]
    # Ranks do not tell that words find both alike, scores do.
    assert [found("--alpha=0.4", f"--fusion={name}") for name in ("rrf", "weighted")] == [0.5, 1]
    with pytest.raises(CommandError, match=r"alpha is 1\.5: give a number from 0"):
        run("evaluate_search", TALE, path, "--alpha=1.5")


def test_queries_may_be_named_by_id(run: Run, write: Write, keys: dict[str, int]) -> None:
    judged = [("query-id", "corpus-id", "score"), (7, keys["red apple"], 1)]
    path = write(*judged)
    as_lines = write(("id", "text"), (7, "the red apple"), (8, "x"), name="queries.tsv")
    objects = [{"_id": "8", "text": "x"}, {"_id": "7", "text": "the red apple", "metadata": {}}]
    as_json = write(*map(json.dumps, objects), name="queries.jsonl")
    by_text = write(("the red apple", keys["red apple"], 1), name="by_text.tsv")
    expected = figures(run, by_text, "--modes=vector", "--limit=1")
    assert expected["means"]["vector"]["MRR@1"]["mean"] == 1
    for queries in (as_lines, as_json):
        assert figures(run, path, "--queries", queries, "--modes=vector", "--limit=1") == expected


def test_rows_may_be_named_by_another_column(run: Run, write: Write, keys: dict[str, int]) -> None:
    path = write(("query", "key", "relevance"), ("a red apple", "red apple", 1))
    found = figures(run, path, "--key=title", "--modes=vector", "--limit=1")
    assert found["means"]["vector"]["recall@1"]["mean"] == 1
    Tale.objects.create(title="red apple")
    with pytest.raises(CommandError, match="2 rows whose title is 'red apple': choose a --key"):
        figures(run, path, "--key=title", "--modes=vector")


def test_other_types_of_primary_keys(run: Run, write: Write) -> None:
    notes = [Note.objects.create(text=text) for text in ("red apple", "stone bridge")]
    run("generate_embeddings", "hybrid_store_test.Note")
    path = write(("an apple", notes[0].pk, 1), ("an apple", uuid.uuid4(), 0))
    out = run("evaluate_search", "hybrid_store_test.Note", path, "--modes=vector", "--limit=1")
    assert "1.000 [1.000, 1.000]" in out
    path = write(("an apple", "17", 1))
    with pytest.raises(CommandError, match=r"line 1: '17' cannot be a hybrid_store_test\.Note\.pk"):
        run("evaluate_search", "hybrid_store_test.Note", path, "--modes=vector")


def test_names_of_the_models_own_do_not_collide(run: Run, write: Write) -> None:
    album = Album.objects.create(title="song")
    run("generate_embeddings", "hybrid_store_test.Album")
    label, path = "hybrid_store_test.Album.title_embedding", write(("song", album.pk, 1))
    assert "1.000 [1.000" in run("evaluate_search", label, path, "--modes=vector")


def test_what_is_not_judged_or_not_there_is_told(
    run: Run, write: Write, keys: dict[str, int]
) -> None:
    gone = [10**6 + number for number in range(7)]
    path = write(
        ("red apple", keys["red apple"], 1),
        *(("red apple", key, 1) for key in gone),
        ("nothing fits", keys["tall tower"], 0),
        ("nothing fits either", keys["tall tower"], -1),
    )
    out = run("evaluate_search", TALE, path, "--modes=vector").splitlines()
    assert out[0] == f"{TALE}: 3 queries, 10 judgements"
    assert out[1] == "Queries left out, as nothing is judged relevant to them: 2"
    assert out[2].startswith("Judged keys that are not in the table and count as not found: 7 of 9")
    assert out[2].endswith("(1000000, 1000001, 1000002, 1000003, 1000004, ...)")
    found = figures(run, path, "--modes=vector")
    assert found["missing"] == [str(key) for key in gone]
    assert found["unanswered"] == 2
    assert found["means"]["vector"]["recall@10"]["mean"] == 1 / 8


def test_judgements_of_another_table_are_refused(
    run: Run, write: Write, keys: dict[str, int]
) -> None:
    with pytest.raises(CommandError, match=r"No row of .*Tale\.pk has any of the judged keys"):
        run("evaluate_search", TALE, write(("red apple", 10**6, 1)))
    with pytest.raises(CommandError, match="Nothing is judged relevant: give what is"):
        run("evaluate_search", TALE, write(("red apple", keys["red apple"], 0)))


BAD_LINES = [
    ("red apple 1 1", "line 2: 1 columns instead of 3. Separate query, key, relevance by tabs"),
    ("q\t1\t1\t1", "line 2: 4 columns instead of 3"),
    ("q\t1\t", "line 2: 2 columns instead of 3"),
    ("q\t\t1", "line 2: the key is empty. Fill it in, or leave"),
    ("q\t1\tvery", "line 2: the relevance 'very' is no number. Give 0 for"),
    ("q\t1\tnan", "line 2: the relevance 'nan' is no number"),
    ("q\tone\t1", "line 2: 'one' cannot be a hybrid_store_test.Tale.pk. Correct it, or set --key"),
    (f"q\t{2**63}\t1", f"line 2: '{2**63}' cannot be a hybrid_store_test.Tale.pk"),
    ("p\t1\t3", "line 2: '1' was judged 2 before. Leave out one"),
    ("q\0\t1\t1", "line 2: it is not UTF-8 text. Save the file as UTF-8"),
]


@pytest.mark.parametrize(("line", "sentence"), BAD_LINES)
def test_bad_lines_are_named(run: Run, write: Write, line: str, sentence: str) -> None:
    path = write("p\t1\t2", line, "")
    with pytest.raises(CommandError) as caught:
        run("evaluate_search", TALE, path)
    assert str(caught.value).startswith(f"{path}, {sentence}")


BAD_QUERIES = [
    ("1\ta\n1\tb", "line 2: the id '1' comes again. Give every query an id of its own"),
    ('{"_id": "1"}', 'line 1: not a JSON object with "_id" and "text". Put each object'),
    ('{"_id": "1", "text"', "line 1: not a JSON object"),
    ('{"_id": 1, "text": " "}', 'line 1: "text" is empty or no text. Fill it in'),
    ("1\t", "line 1: 1 columns instead of 2. Separate id, text by tabs"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD_QUERIES)
def test_bad_queries_are_named(run: Run, write: Write, text: str, sentence: str) -> None:
    path = write(text, name="queries.tsv")
    with pytest.raises(CommandError) as caught:
        run("evaluate_search", TALE, write("1\t1\t1"), "--queries", path)
    assert str(caught.value).startswith(f"{path}, {sentence}")


def test_queries_that_are_missing_are_named(run: Run, write: Write) -> None:
    path = write("1\ta", "2\tb", name="queries.tsv")
    with pytest.raises(CommandError, match="line 2: the file of queries has no id '3'"):
        run("evaluate_search", TALE, write("1\t1\t1", "3\t1\t1"), "--queries", path)
    with pytest.raises(CommandError, match="line 1: queries are named by id"):
        run("evaluate_search", TALE, write("query-id\tcorpus-id\tscore", "1\t1\t1"))


def test_files_of_any_system_are_read(run: Run, tmp_path: Path, keys: dict[str, int]) -> None:
    """With a byte order mark, with carriage returns, with what Unicode calls a line break."""
    path = tmp_path / "judgements.tsv"
    text = f"query\tkey\trelevance\r\nred\u2028apple\t{keys['red apple']}\t1\r\n\r\n"
    path.write_bytes(text.encode("utf-8-sig"))
    found = figures(run, str(path), "--modes=vector", "--limit=1")
    assert found["queries"] == 1
    assert found["means"]["vector"]["MRR@1"]["mean"] == 1
    path.write_bytes(text.encode("latin-1", "ignore") + b"\xe9\t1\t1")
    with pytest.raises(CommandError, match="line 4: it is not UTF-8 text"):
        figures(run, str(path))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing", "{path}"], "names no model"),
        ([TALE, "{path}", "--modes=vector,meaning"], "'meaning' is no mode: choose among hybrid,"),
        ([TALE, "{path}", "--limit=0"], "at least 1"),
        ([TALE, "{path}", "--fusion=sum"], "invalid choice: 'sum'"),
        ([TALE, "{path}", "--key=nothing"], "has no column 'nothing' to name rows by: choose"),
        ([TALE, "{path}", "--key=tellers"], "has no column 'tellers'"),
        ([TALE, "{path}", "--key=title__startswith"], "has no column 'title__startswith'"),
        ([TALE, "{path}.tsv"], "cannot be read: No such file or directory"),
        ([TALE, "{path}", "--queries={path}.tsv"], "cannot be read: No such file"),
        ([TALE, "{empty}"], "there is no judgement in it"),
        ([TALE, "{path}", "--queries={empty}"], "there is no query in it"),
        (["hybrid_store_test.Author", "{author}"], "has no EmbeddingField"),
    ],
)
def test_bad_input_ends_with_a_sentence(
    run: Run, write: Write, arguments: list[str], sentence: str
) -> None:
    from hybrid_store.test.models import Author

    author = Author.objects.create(name="ann")
    paths = {
        "path": write(("red apple", 1, 1)),
        "empty": write("", name="empty.tsv"),
        "author": write(("red apple", author.pk, 1), name="author.tsv"),
    }
    with pytest.raises(CommandError, match=sentence):
        run("evaluate_search", *(argument.format(**paths) for argument in arguments))
