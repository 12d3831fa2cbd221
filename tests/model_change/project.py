"""A project whose model is changed, in a folder, and the releases of it that run side by side."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.scripts import Scripts

__all__ = ["NEW_ONLY", "OLD", "ONE", "SECONDS", "SWITCHED", "TWO", "Project", "models_py"]

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120

MANAGE = """
import os
import sys

from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
execute_from_command_line(sys.argv)
"""
SETTINGS = """
import json

SECRET_KEY = "only for tests"
DATABASES = {{"default": json.loads({database!r})}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["hybrid_store", "movies"]
USE_TZ = True
HASHING = "hybrid_store.embedders.hashing.HashingEmbedder"
HYBRID_STORE = {{
    "EMBEDDERS": {{
        "default": {{"BACKEND": HASHING, "MODEL": "old", "DIMENSIONS": 32}},
        "new": {{"BACKEND": HASHING, "MODEL": "new", "DIMENSIONS": 48}},
    }}
}}
"""
MODELS = """
from django.db import models

from hybrid_store.models import EmbeddingField, HybridManager, StaleIndex, VectorIndex


class Movie(models.Model):
    title = models.CharField(max_length=200)
    description = models.TextField()
    year = models.IntegerField(default=0)
    {fields}

    objects = HybridManager()

    class Meta:
        indexes = [{indexes}]

    def __str__(self):
        return self.title
"""
MIGRATION = """
from django.db import migrations

from hybrid_store.operations import SwitchEmbedding


class Migration(migrations.Migration):
    dependencies = [("movies", "{after}")]
    operations = [SwitchEmbedding("movie", "embedding", "embedding_next")]
"""

# Fields and indexes of class Movie, release by release.
OLD = 'EmbeddingField(source=["title", "description"], dimensions=32{column})'
NEW = 'EmbeddingField(source=["title", "description"], dimensions=48, embedder="new"{column})'
Release = tuple[dict[str, str], dict[str, str]]
INDEXES = {"vec": "VectorIndex", "stale": "StaleIndex"}
ONE: Release = (
    {"embedding": OLD.format(column="")},
    {"movie_vec": "embedding", "movie_stale": "embedding"},
)
TWO: Release = (
    {"embedding": OLD.format(column=""), "embedding_next": NEW.format(column="")},
    {
        "movie_vec": "embedding",
        "movie_stale": "embedding",
        "movie_next_vec": "embedding_next",
        "movie_next_stale": "embedding_next",
    },
)
SWITCHED: Release = (
    {
        "embedding": NEW.format(column=', db_column="embedding_next"'),
        "embedding_next": OLD.format(column=', db_column="embedding"'),
    },
    {
        "movie_vec": "embedding_next",
        "movie_stale": "embedding_next",
        "movie_next_vec": "embedding",
        "movie_next_stale": "embedding",
    },
)
NEW_ONLY: Release = (
    {"embedding": NEW.format(column=', db_column="embedding_next"')},
    {"movie_next_vec": "embedding", "movie_next_stale": "embedding"},
)


def models_py(release: Release) -> str:
    fields, indexes = release
    return MODELS.format(
        fields="\n    ".join(f"{name} = {field}" for name, field in fields.items()),
        indexes=", ".join(
            f'{INDEXES[name.rpartition("_")[2]]}("{field}", name="{name}")'
            for name, field in indexes.items()
        ),
    )


def switch_py(after: str) -> str:
    """A migration that switches."""
    return MIGRATION.format(after=after)


def environment(*folders: Path) -> dict[str, str]:
    """That of scripts, which import from these folders too."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(map(str, [*folders, ROOT / "src"])),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        # Releases follow each other within a second, which is all that compiled files tell.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "error",
    }


@cache
def scripts() -> Scripts:
    return Scripts(environment())


class Project:
    def __init__(self, folder: Path, database: dict[str, Any]) -> None:
        self.folder = folder
        self.write("manage.py", MANAGE)
        self.write("config/__init__.py", "")
        self.write("config/settings.py", SETTINGS.format(database=json.dumps(database)))
        self.write("movies/__init__.py", "")
        self.write("movies/migrations/__init__.py", "")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def release(self, release: Release) -> None:
        """Write what models.py says from now on."""
        self.write("movies/models.py", models_py(release))

    def switch(self, name: str, after: str) -> None:
        self.write(f"movies/migrations/{name}.py", switch_py(after))

    def deployed(self, folder: Path) -> Project:
        """The same code elsewhere, which stays as it is now."""
        shutil.copytree(self.folder, folder)
        copy = object.__new__(Project)
        copy.folder = folder
        return copy

    def on(self, folder: Path, database: dict[str, Any]) -> Project:
        """The same code elsewhere, on another database."""
        copy = self.deployed(folder)
        copy.write("config/settings.py", SETTINGS.format(database=json.dumps(database)))
        return copy

    def manage(self, *arguments: str, fails: bool = False) -> str:
        """Run manage.py; what it printed."""
        status, printed = scripts().run(["manage.py", *arguments], self.folder, SECONDS)
        assert bool(status) is fails, f"{arguments}\n{printed}"
        return printed

    def script(self, source: str) -> Any:
        """Run Python in the project; the value that it prints as JSON."""
        prelude = "import json\nfrom movies.models import Movie\n"
        return json.loads(self.manage("shell", "--verbosity", "0", "-c", prelude + source))

    def start(self, script: Path | str, arguments: Sequence[str]) -> subprocess.Popen[str]:
        """Start a process of this release."""
        return subprocess.Popen(
            [sys.executable, str(script), *arguments],
            cwd=self.folder,
            env=environment(self.folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
