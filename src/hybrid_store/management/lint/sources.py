"""One Python file: its names, what they stand for, and what it says of itself."""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

__all__ = ["Function", "Source", "UnreadableError", "constant", "keyword", "parameters"]

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
NodeT = TypeVar("NodeT", bound=ast.AST)

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)
COMMENT = re.compile(r"#\s*vector-lint:\s*ignore(?:\[([^\]]*)\])?")
# What a comment without names of rules stands for.
ALL = "*"
# Names are followed through so many assignments.
STEPS = 8


class UnreadableError(Exception):
    """A file that is no Python; the message says why and where."""


@dataclass(frozen=True, eq=False)
class Source:
    """`name` is what findings call the file."""

    name: str
    text: str
    tree: ast.Module

    @classmethod
    def read(cls, path: Path, name: str) -> Source:
        """Raises `UnreadableError`."""
        try:
            with tokenize.open(path) as file:
                return cls.parse(file.read(), name)
        except (OSError, SyntaxError, UnicodeError) as error:
            raise UnreadableError(f"cannot be read: {error}") from error

    @classmethod
    def parse(cls, text: str, name: str) -> Source:
        """Raises `UnreadableError`."""
        try:
            # Warnings about the project's text are for those who run it.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return cls(name, text, ast.parse(text))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise UnreadableError(f"is no Python: {error}") from error

    def at(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 1)}"

    def is_module(self, name: str) -> bool:
        """Is it the file of a module, as far as paths tell?"""
        path = self.name.removesuffix(".py").removesuffix("/__init__")
        return f"/{path}".endswith(f"/{name.replace('.', '/')}")

    # Comments

    @cached_property
    def _ignored(self) -> dict[int, set[str]]:
        """Line -> the rules that a comment on it switches off."""
        found = {}
        # As Python counts lines: a form feed, or U+2028 in a text, ends none.
        for number, line in enumerate(self.text.split("\n"), start=1):
            if match := COMMENT.search(line):
                names = (match[1] or ALL).split(",")
                found[number] = {name.strip() for name in names}
        return found

    def ignores(self, rule: str, node: ast.AST) -> bool:
        first = getattr(node, "lineno", 0)
        last = getattr(node, "end_lineno", None) or first
        return any(
            names & {rule, ALL}
            for number, names in self._ignored.items()
            if first <= number <= last
        )

    # The tree

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def _by_kind(self) -> dict[type[ast.AST], list[ast.AST]]:
        found: dict[type[ast.AST], list[ast.AST]] = {}
        for node in self._nodes:
            found.setdefault(type(node), []).append(node)
        return found

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {child: parent for parent in self._nodes for child in ast.iter_child_nodes(parent)}

    @overload
    def each(self, kind: type[NodeT], /) -> Iterator[NodeT]: ...

    @overload
    def each(self, *kinds: type[ast.AST]) -> Iterator[Any]: ...

    def each(self, *kinds: type[ast.AST]) -> Iterator[Any]:
        """The nodes of these kinds, those outside before those inside of them."""
        for kind in kinds:
            yield from self._by_kind.get(kind, ())

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a node is part of, from the inside to the module."""
        while node in self._parents:
            node = self._parents[node]
            yield node

    def scope(self, node: ast.AST) -> ast.AST:
        """The function that a node stands in, or the module."""
        return next((one for one in self.above(node) if isinstance(one, SCOPES)), self.tree)

    # Names

    @cached_property
    def _imports(self) -> dict[str, str]:
        """Name in this file -> what it was imported as, by its full name."""
        found = {}
        for node in self.each(ast.Import, ast.ImportFrom):
            base = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                # `import a.b` makes the name a.
                name = alias.asname or (alias.name if base else alias.name.partition(".")[0])
                whole = base + alias.name if base or alias.asname else name
                found[name] = whole.lstrip(".")
        return found

    def dotted(self, node: ast.AST) -> str:
        """`numpy.random.rand` for what is written `np.random.rand`; calls end in `()`."""
        parts = []
        # Not by recursion: a chain of calls may be longer than the stack.
        while isinstance(node, ast.Attribute | ast.Call):
            if isinstance(node, ast.Call):
                part, node = "()", node.func
            else:
                part, node = f".{node.attr}", node.value
            parts.append(part)
        first = self._imports.get(node.id, node.id) if isinstance(node, ast.Name) else ""
        return first + "".join(reversed(parts))

    def called(self, node: ast.AST) -> str:
        """The last name of what is called, as in `objects.all()`: `all`; "" for no call."""
        if not isinstance(node, ast.Call):
            return ""
        if isinstance(node.func, ast.Attribute):
            return node.func.attr
        return self.dotted(node.func).rpartition(".")[2]

    @cached_property
    def _assigned(self) -> dict[tuple[ast.AST, str], list[ast.expr]]:
        """(scope, name) -> the values that it is given, in order of the lines; the name itself
        where its value is not known, as in a loop."""
        found: dict[tuple[ast.AST, str], list[ast.expr]] = {}
        for name in self.each(ast.Name):
            if isinstance(name.ctx, ast.Store) and (value := self._given(name)) is not None:
                found.setdefault((self.scope(name), name.id), []).append(value)
        for values in found.values():
            values.sort(key=lambda value: value.lineno)
        return found

    def _given(self, name: ast.Name) -> ast.expr | None:
        """What a name is given where it stands; None for nothing, and in a comprehension, whose
        names are its own."""
        statement = self._parents[name]
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            return statement.value
        outer = (node for node in self.above(name) if not isinstance(node, ast.Tuple | ast.List))
        return None if isinstance(next(outer), ast.comprehension) else name

    def value_of(self, node: ast.AST) -> ast.AST:
        """What a name was given last before this place; the node itself where that is unknown."""
        for _ in range(STEPS):
            value = self._value_of(node) if isinstance(node, ast.Name) else None
            if value is None:
                break
            node = value
        return node

    def _value_of(self, name: ast.Name) -> ast.expr | None:
        scope = self.scope(name)
        before = (
            value
            for value in reversed(self._assigned.get((scope, name.id), []))
            if (value.end_lineno or 0) < name.lineno and not self._is_passed_by(value, name)
        )
        value = next(before, None) or self._constant(scope, name.id)
        is_unknown = isinstance(value, ast.Name) and isinstance(value.ctx, ast.Store)
        return None if is_unknown else value

    def _is_passed_by(self, value: ast.expr, name: ast.Name) -> bool:
        """Is it given in a branch of which another is taken where the name stands?"""
        below: ast.AST = name
        for above in self.above(name):
            if (
                isinstance(above, ast.If)
                and below in above.orelse
                and above.body[0].lineno <= value.lineno < above.orelse[0].lineno
            ):
                return True
            below = above
        return False

    def _constant(self, scope: ast.AST, name: str) -> ast.expr | None:
        """What the module assigns once, functions may use from any line."""
        if isinstance(scope, ast.Module) or name in parameters(scope):
            return None
        values = self._assigned.get((self.tree, name), [])
        return values[0] if len(values) == 1 else None

    def reached(self, node: ast.AST) -> Iterator[ast.AST]:
        """A node with all that is in it, and what the names in it stand for."""
        for part in ast.walk(node):
            yield part
            value = self.value_of(part)
            if value is not part:
                yield from ast.walk(value)


def parameters(function: ast.AST) -> set[str]:
    """The names of a function's arguments."""
    given = function.args if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else None
    return {part.arg for part in ast.walk(given) if isinstance(part, ast.arg)} if given else set()


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((given.value for given in call.keywords if given.arg == name), None)


def constant(node: ast.AST | None) -> object:
    """The value of a constant; None for anything else."""
    return node.value if isinstance(node, ast.Constant) else None
