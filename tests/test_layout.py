"""Who may import whom, and what else the sources must keep to.

Every check gives a list of sentences with file and line, so that a failure says what to do. The
checks are themselves tried on made-up sources below.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "hybrid_store"
SOURCES = sorted((ROOT / "src" / PACKAGE).rglob("*.py"))

# A part may import what stands before it. Parts of one line may import each other, but for those
# in SIDE_BY_SIDE.
LAYERS = [
    {"exceptions", "ranking", "signals", "texts", "vectors"},
    {"embedders", "backends"},
    {"rerankers", "splitters"},
    {"forms"},
    {"models"},
    {"operations"},
    {"migrations"},
    {"sync", "maps"},
    {"checks", "admin", "management"},
    {"apps"},
    {"contrib"},
    {"test"},
]
SIDE_BY_SIDE = {"embedders", "backends"}
# For users of the package; nothing in it may need them.
LEAVES = {"contrib", "test"}
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

REQUIRED = {"asgiref", "django", "numpy"}
# The conformance suite is run by a test runner only; each framework has a part of its own.
MAY_IMPORT = {
    ("test",): {"hypothesis", "pytest"},
    ("contrib", "haystack"): {"haystack"},
    ("contrib", "langchain"): {"langchain_core"},
    ("contrib", "llamaindex"): {"llama_index"},
    ("contrib", "mcp"): {"mcp", "mcp_types", "pydantic"},
    # Speaks to OpenAI's client, and needs none.
    ("contrib", "openai_api"): set(),
}
# Django's own modules that import a driver.
NEED_A_DRIVER = ("django.contrib.postgres", "django.db.backends.postgresql", "django.contrib.gis")
OPTIONAL = [
    *("boto3", "cohere", "django_tasks", "google.genai", "haystack", "langchain_core"),
    *("llama_index", "matplotlib", "mcp", "openai", "orjson", "pgvector"),
    *("psycopg", "psycopg2", "pydantic_ai", "safetensors", "scipy", "semantic_text_splitter"),
    *("sentence_transformers", "tokenizers", "torch", "tqdm", "umap", "voyageai"),
]


@dataclass(frozen=True)
class Source:
    """A module: its dotted name, its text and where it is."""

    path: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Source:
        return cls(path.relative_to(ROOT / "src").as_posix(), path.read_text())

    @property
    def name(self) -> list[str]:
        parts = self.path.removesuffix(".py").split("/")
        return parts[:-1] if parts[-1] == "__init__" else parts

    @property
    def part(self) -> str:
        """The part of the package it is in; the package's own `__init__` is in none."""
        return (*self.name, "")[1]

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def at(self, node: ast.AST, sentence: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {sentence}"


def imports(source: Source, nodes: Iterator[ast.AST]) -> Iterator[tuple[ast.AST, str]]:
    """Every module that is imported, by its absolute name; `from a import b` gives `a.b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(source, node)
            yield from ((node, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in {"import_module", "import_string"}:
            yield from (
                (node, str(arg.value)) for arg in node.args if isinstance(arg, ast.Constant)
            )


def absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = source.name if source.path.endswith("__init__.py") else source.name[:-1]
    kept = package[: len(package) - node.level + 1]
    return ".".join([*kept, node.module] if node.module else kept)


def called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def at_import_time(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: not the bodies of functions, not TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_import_time(child)


def wrong_directions(source: Source) -> Iterator[str]:
    """Imports against the layers; those in functions and for type checkers count as well."""
    own = source.part
    if own and own not in RANK:
        yield source.at(source.tree, f"{own} is in no layer: give it a place in LAYERS.")
        return
    for node, name in imports(source, ast.walk(source.tree)):
        package, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if package == PACKAGE and other in RANK and other != own and not may_import(own, other):
            yield source.at(node, f"{own or PACKAGE} may not import {other}.")


def may_import(own: str, other: str) -> bool:
    if other in LEAVES or (own in SIDE_BY_SIDE and other in SIDE_BY_SIDE):
        return False
    return RANK.get(own, -1) >= RANK[other]


def vendor_questions(source: Source) -> Iterator[str]:
    """Only `backends` may ask which database it is."""
    if source.part == "backends":
        return
    for node in ast.walk(source.tree):
        asked = isinstance(node, ast.Attribute) and node.attr in {"vendor", "mysql_is_mariadb"}
        named = isinstance(node, ast.Constant) and node.value in {"vendor", "mysql_is_mariadb"}
        if asked or named:
            yield source.at(node, "the database is asked for outside backends: add a hook there.")


def missing_docstrings(source: Source) -> Iterator[str]:
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield source.at(source.tree, "the module has no docstring.")


def eager_imports(source: Source) -> Iterator[str]:
    """What an extra brings is imported where it is used, so that the package works without it."""
    parts = [tuple(source.name[1:end]) for end in (2, 3)]
    named = {name for part in parts for name in MAY_IMPORT.get(part, ())}
    allowed = {PACKAGE, *REQUIRED, *sys.stdlib_module_names, *named}
    for node, name in imports(source, at_import_time(source.tree)):
        if name.partition(".")[0] not in allowed or name.startswith(NEED_A_DRIVER):
            yield source.at(node, f"{name} is optional: import it in the function that uses it.")


Check = Callable[[Source], Iterator[str]]
CHECKS: list[Check] = [wrong_directions, vendor_questions, missing_docstrings, eager_imports]


@pytest.mark.parametrize("check", CHECKS)
def test_sources(check: Check) -> None:
    assert len(SOURCES) > 20
    problems = [problem for path in SOURCES for problem in check(Source.read(path))]
    assert not problems, "\n" + "\n".join(problems)


def problems(check: Check, path: str, text: str) -> list[str]:
    return list(check(Source(f"{PACKAGE}/{path}", text)))


ALLOWED_DIRECTIONS = [
    ("models/fields.py", "from hybrid_store.backends import vector_ops"),
    ("models/fields.py", "from .late import LateValue"),
    ("vectors.py", "from .exceptions import VectorValueError"),
    ("management/base.py", "from hybrid_store.checks import X"),
    ("contrib/a.py", "import hybrid_store.sync.generation"),
    ("test/models.py", "from hybrid_store import models"),
    ("apps.py", "def ready():\n    from hybrid_store import checks"),
    ("sync/a.py", "from hybrid_store import __version__"),
    ("models/a.py", "from hybrid_store.ranking import mmr"),
    ("rerankers/a.py", "from hybrid_store.embedders.shared import Shared"),
    ("sync/a.py", "from django.db import models\nimport hybrid_store_else.contrib"),
]
WRONG_DIRECTIONS = [
    ("backends/base.py", "from hybrid_store.models import VectorField", "models"),
    ("backends/base.py", "from hybrid_store.embedders import embedders", "embedders"),
    ("embedders/openai.py", "import hybrid_store.backends.base", "backends"),
    ("ranking/mmr.py", "from hybrid_store.embedders import embedders", "embedders"),
    ("embedders/base.py", "from hybrid_store.rerankers import BaseReranker", "rerankers"),
    ("models/fields.py", "def f():\n    from hybrid_store.sync import labels", "sync"),
    ("models/fields.py", "from ..sync import labels", "sync"),
    ("models/__init__.py", "from ..sync.labels import x", "sync"),
    ("models/fields.py", "from hybrid_store import exceptions, operations", "operations"),
    ("models/fields.py", "if TYPE_CHECKING:\n    from hybrid_store import admin", "admin"),
    ("management/commands/a.py", "import hybrid_store.contrib.chat", "contrib"),
    ("contrib/a.py", "from hybrid_store.test import models", "test"),
    ("checks.py", "import_string('hybrid_store.contrib.a.B')", "contrib"),
    ("__init__.py", "from .models import EmbeddingField", "models"),
]


@pytest.mark.parametrize(("path", "text"), ALLOWED_DIRECTIONS)
def test_allowed_direction(path: str, text: str) -> None:
    assert problems(wrong_directions, path, text) == []


@pytest.mark.parametrize(("path", "text", "other"), WRONG_DIRECTIONS)
def test_wrong_direction(path: str, text: str, other: str) -> None:
    (problem,) = problems(wrong_directions, path, text)
    assert problem.startswith(f"{PACKAGE}/{path}:{len(text.splitlines())}: ")
    assert problem.endswith(f"may not import {other}.")


def test_part_without_layer() -> None:
    (problem,) = problems(wrong_directions, "novelty/a.py", "")
    assert "novelty is in no layer" in problem


@pytest.mark.parametrize(
    ("path", "text", "count"),
    [
        ("models/a.py", "if connection.vendor == 'sqlite': pass", 1),
        ("models/a.py", "getattr(connection, 'vendor')", 1),
        ("backends/a.py", "connection.vendor", 0),
        ("models/a.py", "vendor = 1", 0),
    ],
)
def test_vendor_question(path: str, text: str, count: int) -> None:
    assert len(problems(vendor_questions, path, text)) == count


def test_missing_docstring() -> None:
    assert problems(missing_docstrings, "a.py", "x = 1")
    assert not problems(missing_docstrings, "a.py", "'''Says it.'''\nx = 1")
    assert not problems(missing_docstrings, "__init__.py", "")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("import openai", 1),
        ("try:\n    from tqdm import tqdm\nexcept ImportError:\n    tqdm = None", 1),
        ("class A:\n    import orjson", 1),
        ("from django.contrib.postgres.search import SearchVector", 1),
        ("from django.contrib import postgres", 1),
        ("def f():\n    import openai", 0),
        ("if TYPE_CHECKING:\n    import openai", 0),
        ("import json\nimport numpy as np\nfrom django.db import models\nfrom .x import y", 0),
    ],
)
def test_eager_import(text: str, count: int) -> None:
    assert len(problems(eager_imports, "embedders/a.py", text)) == count


def test_conformance_suite_may_import_its_runner() -> None:
    assert not problems(eager_imports, "test/a.py", "import pytest")
    assert problems(eager_imports, "models/a.py", "import pytest")


def test_each_framework_has_a_part_of_its_own() -> None:
    assert not problems(eager_imports, "contrib/langchain/a.py", "import langchain_core.x")
    assert problems(eager_imports, "contrib/haystack/a.py", "import langchain_core.x")
    assert problems(eager_imports, "contrib/retrieval/a.py", "import haystack")


def test_package_works_without_extras() -> None:
    """Every module but those of `contrib` is imported where no extra is installed."""
    names = [".".join(Source.read(path).name) for path in SOURCES]
    modules = [name for name in names if not name.startswith(f"{PACKAGE}.contrib")]
    code = (
        "import importlib, sys, django\n"
        f"sys.modules.update(dict.fromkeys({OPTIONAL!r}))\n"
        "django.setup()\n"
        f"for name in {modules!r}: importlib.import_module(name)"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HYBRID_STORE_")}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


# What says where a file was made, and what ties an installation to one mirror.
PRIVATE = re.compile(
    r"(?<![\w.~-])/(?:root|work)/|/(?:home|Users)/\w+/"
    r"|\b(?:p[y]pi\.(?:org|python)|files\.python[h]osted|registry\.npm[j]s)|\bdeb\.debian\.\w"
    r"|^[\w.\[\]-]+ @ \w+:|--(?:(?:extra-)?index-url|find-links)",
    re.MULTILINE,
)


def private_text(text: str) -> list[str]:
    return [match.group() for match in PRIVATE.finditer(text)]


def test_tracked_files_name_no_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = []
    for path in map(ROOT.joinpath, filter(None, listed.stdout.split("\0"))):
        if path.is_file():
            matches = private_text(path.read_text(errors="ignore"))
            found += [f"{path.relative_to(ROOT)}: {match}" for match in matches]
    assert not found, "\n" + "\n".join(found)


# The tildes are taken out: this file is looked through as well.
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x = '/~root/.cache'", 1),
        ("open('/~home/me/file')", 1),
        ("https://py~pi.org/simple", 1),
        ("numpy==2.0\nthing @ file:///tmp/thing.whl", 1),
        ("pip install -~-index-url x", 1),
        ("src/network/~work/a.py, demo/~root/b, me@example.com", 0),
        ("Django==5.2.19 ; python_version >= '3.12'", 0),
    ],
)
def test_private_text(text: str, count: int) -> None:
    assert len(private_text(text.replace("~", ""))) == count
