"""The project's own Python files, and what they declare together."""

from __future__ import annotations

import ast
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hybrid_store.management.lint.sources import Function, Source, UnreadableError, constant

__all__ = ["DeclaredField", "Project", "python_files"]

# Folders without code of the project's own, or with code that is as it is for a reason.
SKIPPED = {
    *("node_modules", "site-packages", "dist-packages", "__pycache__"),
    *("migrations", "tests", "test"),
}
# What stands in the folder of a virtual environment, be it of venv or of conda.
ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
TESTS = re.compile(r"test_.*|.*_test\.py|tests\.py|conftest\.py")
# Conditions of a queryset, whose keyword arguments name columns.
FILTERS = {"filter", "exclude", "get", "Q", "get_or_create", "update_or_create"}


def python_files(root: Path) -> Iterator[Path]:
    """The files below a folder that the project has written, or the file itself."""
    if root.is_file():
        yield root
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not _is_skipped(here / name))
        yield from (here / name for name in sorted(names) if _is_read(name))


def _is_read(name: str) -> bool:
    # Editors put links to nothing beside a file, as `.#views.py`.
    return name.endswith(".py") and not (TESTS.fullmatch(name) or name.startswith("."))


def _is_skipped(folder: Path) -> bool:
    is_environment = any((folder / name).exists() for name in ENVIRONMENT)
    return folder.name in SKIPPED or folder.name.startswith(".") or is_environment


@dataclass(frozen=True)
class DeclaredField:
    """`name = kind(...)` in the body of a class; `path` is the full name of the kind."""

    source: Source
    model: str
    name: str
    path: str
    call: ast.Call

    @property
    def kind(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def is_pgvectors(self) -> bool:
        return self.path.startswith("pgvector.")


class Project:
    """`unreadable` are (place, why) of the files that are no Python."""

    def __init__(self, sources: Iterable[Source], unreadable: Iterable[tuple[str, str]] = ()):
        self.sources = list(sources)
        self.unreadable = list(unreadable)

    @classmethod
    def read(cls, roots: Iterable[Path], base: Path) -> Project:
        """The files below `roots`, which findings name by their path from `base`."""
        sources, unreadable = [], []
        files = dict.fromkeys(file.resolve() for root in roots for file in python_files(root))
        for file in files:
            path = file.relative_to(base) if file.is_relative_to(base) else file
            # Names of files may be any bytes, which no terminal shows.
            name = path.as_posix().encode(errors="backslashreplace").decode()
            try:
                sources.append(Source.read(file, name))
            except UnreadableError as error:
                unreadable.append((name, str(error)))
        return cls(sources, unreadable)

    @cached_property
    def functions(self) -> dict[str, list[tuple[Source, Function]]]:
        found = defaultdict(list)
        for source in self.sources:
            for node in source.each(ast.FunctionDef, ast.AsyncFunctionDef):
                found[node.name].append((source, node))
        return found

    def function(self, name: str) -> tuple[Source, Function] | None:
        """The one function of the project that is called so; None for none and for several."""
        found = self.functions.get(name.rpartition(".")[2], [])
        return found[0] if len(found) == 1 else None

    @cached_property
    def fields(self) -> list[DeclaredField]:
        return [field for source in self.sources for field in _declared(source)]

    def of_kind(self, *kinds: str) -> set[str]:
        """Names of the fields that are of these kinds wherever they are declared."""
        named = {field.name for field in self.fields if field.kind in kinds}
        return named - {field.name for field in self.fields if field.kind not in kinds}

    def declared(self, model: type, name: str) -> DeclaredField | None:
        """A field in the body of a class, or of one that it inherits from; of classes with one
        name, that in the file of its module."""
        for kind in model.__mro__:
            known = [f for f in self.fields if (f.model, f.name) == (kind.__name__, name)]
            if known:
                return max(known, key=lambda field: field.source.is_module(kind.__module__))
        return None

    @cached_property
    def filtered(self) -> set[str]:
        """What the code filters by: names of columns, without lookups and relations."""
        calls = ((s, call) for s in self.sources for call in s.each(ast.Call))
        return {
            name
            for source, call in calls
            if source.called(call) in FILTERS
            for name in _names(call)
        }


def _declared(source: Source) -> Iterator[DeclaredField]:
    for model in source.each(ast.ClassDef):
        for node in model.body:
            if not isinstance(node, ast.Assign | ast.AnnAssign) or not node.value:
                continue
            call, target = (
                node.value,
                node.targets[0] if isinstance(node, ast.Assign) else node.target,
            )
            if isinstance(call, ast.Call) and isinstance(target, ast.Name):
                path = source.dotted(call.func)
                if path.endswith(("Field", "ForeignKey")):
                    yield DeclaredField(source, model.name, target.id, path, call)


def _names(call: ast.Call) -> Iterator[str]:
    for given in call.keywords:
        yield from (given.arg or "").split("__")
    for arg in call.args:
        # Q(("status", 1)), and the keys of dictionaries that are unpacked.
        if isinstance(arg, ast.Tuple) and arg.elts and isinstance(constant(arg.elts[0]), str):
            yield from str(constant(arg.elts[0])).split("__")
