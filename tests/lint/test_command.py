"""`manage.py vector_lint`: tutorials that people copy, as they are and as they should be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hybrid_store.management.lint.rules import RULES
from hybrid_store.test.models import Book
from tests.commands.conftest import Run, run
from tests.docs.conftest import IS_POSTGRESQL

__all__ = ["run"]

Write = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path, settings: Any) -> Write:
    """Write the files of a project; gives its folder, which is `BASE_DIR`."""
    settings.BASE_DIR = tmp_path

    def write(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


def lint(*args: Any) -> str:
    """What the command writes, which has to find something."""
    out = StringIO()
    with pytest.raises(CommandError, match="found"):
        call_command("vector_lint", *args, stdout=out, no_color=True)
    return out.getvalue()


def places(*args: Any) -> list[str]:
    found = json.loads(lint("--no-database", "--fail-on", "warning", "--json", *args))
    return sorted(f"{each['rule']} {each['place']}" for each in found["findings"])


# Each a project as tutorials have it, the lines that are found, and the files that mend it.
BLOBS = (
    {
        "models.py": """import numpy as np
from django.db import models

def random_vector():
    return np.random.rand(384).tobytes()

class Movie(models.Model):
    title = models.CharField(max_length=200)
    embedding = models.BinaryField(default=random_vector)
""",
        "embed.py": """import numpy as np
from sentence_transformers import SentenceTransformer
from .models import Movie

model = SentenceTransformer("all-MiniLM-L6-v2")

def run():
    for movie in Movie.objects.all():
        vector = model.encode(movie.title).tolist()
        movie.embedding = np.array(vector).tobytes()
        movie.save()
""",
        "views.py": """import numpy as np
from .models import Movie

def cosine_similarity(a, b):
    return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))

def search(request, query):
    best = []
    for movie in Movie.objects.all():
        vector = np.frombuffer(movie.embedding, dtype=np.float32)
        best.append((cosine_similarity(query, vector), movie))
    return sorted(best)[:5]
""",
    },
    [
        *("L001 embed.py:10", "L001 models.py:5", "L005 models.py:9", "L009 views.py:9"),
        *("L010 views.py:5", "L013 embed.py:11"),
    ],
    {
        "models.py": """from django.db import models
from hybrid_store.models import EmbeddingField, HybridManager

class Movie(models.Model):
    title = models.CharField(max_length=200)
    embedding = EmbeddingField(source=["title"], dimensions=384)
    objects = HybridManager()
""",
        "embed.py": "",
        "views.py": """from .models import Movie

def search(request, query):
    return Movie.objects.nearest(query)[:5]
""",
    },
)
PGVECTOR = (
    {
        "models.py": """from django.db import models
from openai import OpenAI
from pgvector.django import HnswIndex, VectorField

client = OpenAI(api_key="sk-proj-QmVzdF9vZl9hbGxfd29ybGRz")

class Document(models.Model):
    text = models.TextField()
    embedding = VectorField(dimensions=1536, default=[0] * 1536)

    class Meta:
        indexes = [
            HnswIndex(
                name="doc_vec", fields=["embedding"], m=16, ef_construction=64,
                opclasses=["vector_l2_ops"],
            )
        ]

    def save(self, *args, **kwargs):
        if not self.pk:
            answer = client.embeddings.create(input=self.text, model="text-embedding-3-small")
            self.embedding = answer.data[0].embedding
        super().save(*args, **kwargs)
""",
        "views.py": """from django.db.models import F
from pgvector.django import CosineDistance
from .models import Document

def search(request, vector):
    return (
        Document.objects.filter(text__icontains="a")
        .annotate(distance=CosineDistance("embedding", vector))
        .annotate(similarity=1 - F("distance"))
        .order_by("-distance")[:10]
    )
""",
        "feed.py": """from pgvector.django import CosineDistance
from .models import Document

def feed(vector):
    documents = Document.objects.annotate(similarity=1 - CosineDistance("embedding", vector))
    return documents.filter(similarity__gt=0.5).order_by("-similarity")
""",
    },
    [
        *("L003 views.py:10", "L004 feed.py:6", "L006 models.py:9", "L012 models.py:22"),
        *("L014 models.py:13", "L015 models.py:5"),
    ],
    {
        "models.py": """from django.db import models
from pgvector.django import HnswIndex, VectorField

class Document(models.Model):
    text = models.TextField()
    embedding = VectorField(dimensions=1536, null=True)

    class Meta:
        indexes = [
            HnswIndex(
                name="doc_vec", fields=["embedding"], m=16, ef_construction=64,
                opclasses=["vector_cosine_ops"],
            )
        ]
""",
        "views.py": """from django.db.models import F
from pgvector.django import CosineDistance
from .models import Document

def search(request, vector):
    return (
        Document.objects.filter(text__icontains="a")
        .annotate(distance=CosineDistance("embedding", vector))
        .annotate(similarity=1 - F("distance"))
        .order_by("distance")[:10]
    )
""",
        "feed.py": """from pgvector.django import CosineDistance
from .models import Document

def feed(vector):
    distance = CosineDistance("embedding", vector)
    documents = Document.objects.annotate(similarity=1 - distance)
    return documents.filter(similarity__gt=0.5).order_by(distance)
""",
    },
)
JSON = (
    {
        "models.py": """from django.db import models

class Note(models.Model):
    text = models.TextField()
    embedding = models.TextField()
""",
        "views.py": """import json
from scipy.spatial.distance import cosine
from .models import Note

def search(request, vector):
    return sorted(
        Note.objects.all(), key=lambda note: cosine(vector, json.loads(note.embedding))
    )[:5]
""",
    },
    ["L009 views.py:7"],
    {
        "models.py": """from django.db import models
from hybrid_store.models import VectorField

class Note(models.Model):
    text = models.TextField()
    embedding = VectorField(dimensions=384, null=True)
""",
        "views.py": """from hybrid_store.models import CosineDistance
from .models import Note

def search(request, vector):
    return Note.objects.order_by(CosineDistance("embedding", vector))[:5]
""",
    },
)


@pytest.mark.parametrize("tutorial", [BLOBS, PGVECTOR, JSON], ids=["blobs", "pgvector", "json"])
def test_tutorials(tutorial: Any, write: Write, run: Run) -> None:
    copied, found, mended = tutorial
    write(copied)
    assert places() == found
    write(mended)
    out = run("vector_lint", "--no-database", "--fail-on", "warning")
    assert out == f"Nothing found in {len(mended)} files, 0 vector columns.\n"


FAULT = {
    "views.py": 'from pgvector.django import L2Distance\nx.order_by(L2Distance("e", v).desc())\n'
}


def test_findings_have_a_place_a_figure_a_fix_and_a_page(write: Write) -> None:
    write(FAULT)
    found, fix, count = lint("--no-database").splitlines()
    assert found.startswith(
        "✗ views.py:2: L003 order_by(L2Distance('e', v).desc()) descends by a distance: the "
    )
    assert fix == (
        "  → Order by the raw distance, ascending: "
        '.order_by(CosineDistance("embedding", vector)). See docs/reference/distances.md.'
    )
    assert count == "1 error and 0 warnings in 1 file, 0 vector columns."


def test_json_has_all_of_it_and_nothing_else_is_written(write: Write) -> None:
    write({**FAULT, "broken.py": "def ("})
    found = json.loads(lint("--no-database", "--json"))
    assert found["ok"] is False
    assert (found["files"], found["columns"]) == (1, 0)
    [finding] = found["findings"]
    assert set(finding) == {"rule", "severity", "place", "detail", "fix", "page"}
    [sentence] = found["untold"]
    assert sentence.startswith("broken.py is no Python: ")


def test_warnings_end_with_status_1_only_when_told_to(write: Write, run: Run) -> None:
    write(
        {"views.py": 'from x import L2Distance\nr.order_by(1 / (1 + L2Distance("e", v))).reverse()'}
    )
    out = run("vector_lint", "--no-database")
    assert "! views.py:2: L004 " in out
    assert lint("--no-database", "--fail-on", "warning") == out
    assert json.loads(run("vector_lint", "--no-database", "--json"))["ok"] is True
    failed = lint("--no-database", "--json", "--fail-on", "warning")
    assert json.loads(failed)["ok"] is False


def test_rules_are_listed_and_can_be_ignored(write: Write, run: Run) -> None:
    write(FAULT)
    listed = run("vector_lint", "--rules").splitlines()
    assert [line.split()[0] for line in listed] == [rule.id for rule in RULES]
    assert "Nothing found" in run("vector_lint", "--no-database", "--ignore", "L003")
    with pytest.raises(CommandError, match="'L999' is no rule"):
        run("vector_lint", "--ignore", "L999")


def test_paths_and_apps_can_be_chosen(write: Write, run: Run, tmp_path: Path) -> None:
    write({**FAULT, "fine.py": "x = 1"})
    assert "in 1 file, " in run("vector_lint", "--no-database", "--path", str(tmp_path / "fine.py"))
    assert places("--path", str(tmp_path)) == ["L003 views.py:2"]
    assert "Nothing found" in run("vector_lint", "films", "--no-database")
    with pytest.raises(CommandError, match="There is no "):
        run("vector_lint", "--path", str(tmp_path / "none"))
    with pytest.raises(CommandError, match="No installed app with label 'none'"):
        run("vector_lint", "none")


@pytest.mark.django_db
def test_nothing_is_found_in_the_demo_and_its_database(run: Run) -> None:
    apps = ["films", "library", "chat"]
    # Updates are counted by the server, those of other tests of these tables as well.
    out = run("vector_lint", *apps, "--fail-on", "warning", "--ignore", "L113")
    assert out.startswith("Nothing found in ")


class Elsewhere:
    """A router by which nothing is in the database."""

    def allow_migrate(self, *args: Any, **hints: Any) -> bool:
        return False


@pytest.mark.django_db
def test_tables_that_are_elsewhere_by_the_routers_are_left_out(
    write: Write, run: Run, settings: Any
) -> None:
    files = str(write({"fine.py": "x = 1"}))
    Book.objects.create(title="apple", embedding=[0.5] * 384)
    # Updates are counted by the server, those of other tests of these tables as well.
    given = ("hybrid_store_test", "--path", files, "--ignore", "L107", "--ignore", "L113")
    assert run("vector_lint", *given).endswith(" 1 vector column.\n")
    settings.DATABASE_ROUTERS = [Elsewhere()]
    assert run("vector_lint", *given).endswith(" 0 vector columns.\n")


@pytest.mark.skipif(IS_POSTGRESQL, reason="needs a server that refuses")
def test_a_database_that_does_not_answer_is_told_in_a_sentence(
    write: Write, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connections
    from django.db.utils import OperationalError

    def refuse(self: Any) -> None:
        raise OperationalError("connection refused")

    write({"fine.py": "x = 1"})
    monkeypatch.setattr(type(connections["other"]), "ensure_connection", refuse)
    with pytest.raises(CommandError, match="The database refused: connection refused"):
        run("vector_lint", "--database", "other")
