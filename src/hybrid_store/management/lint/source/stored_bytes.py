"""Vectors as bytes in Python: the float types that they are written with and read with."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.sources import Source, constant, keyword

__all__ = ["UNSAID", "Access", "reads_of", "writes"]

# The float type is that of whatever is given.
UNSAID = "unsaid"
# As NumPy, `struct` and `array` name them.
FLOAT_TYPES = {
    **dict.fromkeys(("float16", "half", "f2", "e"), "float16"),
    **dict.fromkeys(("float32", "single", "f4", "f"), "float32"),
    **dict.fromkeys(("float64", "double", "float_", "float", "f8", "d"), "float64"),
}
MAKERS = {"array", "asarray", "ascontiguousarray", "asanyarray"}
FILLERS = {"zeros", "ones", "full", "empty", "linspace", "arange"}
# Calls behind others are followed so far.
DEPTH = 6


class Access(NamedTuple):
    """Bytes of a float type that are written or read; `field` is None where any is meant."""

    source: Source
    node: ast.AST
    float_type: str
    field: str | None


@lru_cache(maxsize=1)
def writes(project: Project) -> list[Access]:
    """Vectors that become the value of a `BinaryField`."""
    names = project.of_kind("BinaryField")
    given = chain(_defaults(project), *(_given(source) for source in project.sources))
    found = (
        Access(place.source, place.node, place.float_type, name)
        for source, name, value in given
        if name in names and (place := _bytes(project, source, value))
    )
    # A function that several fields use is one place.
    return list({(access.node, access.field): access for access in found}.values())


def _defaults(project: Project) -> Iterator[tuple[Source, str, ast.expr]]:
    for field in project.fields:
        if default := keyword(field.call, "default"):
            made = default.body if isinstance(default, ast.Lambda) else default
            yield field.source, field.name, made


def _given(source: Source) -> Iterator[tuple[Source, str, ast.expr]]:
    """(file, name, value) wherever something is given to a name that may be a field's."""
    for node in source.each(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                yield source, target.attr, node.value
    for call in source.each(ast.Call):
        yield from ((source, given.arg, given.value) for given in call.keywords if given.arg)
    for given in source.each(ast.Dict):
        for key, value in zip(given.keys, given.values, strict=True):
            yield source, str(constant(key)), value


def _bytes(project: Project, source: Source, node: ast.AST, depth: int = DEPTH) -> Access | None:
    """Where an expression makes bytes, or the function that it names; None where it makes none."""
    node = source.value_of(node)
    if isinstance(node, ast.Name):
        return _returned(project, source.dotted(node), depth)
    if not isinstance(node, ast.Call) or not depth:
        return None
    name = source.called(node)
    if name == "tobytes" and isinstance(node.func, ast.Attribute):
        return _access(source, node, array_type(source, node.func.value))
    if source.dotted(node.func) == "struct.pack" and node.args:
        return _access(source, node, _packed(node.args[0]))
    if name in {"bytes", "memoryview"} and node.args:
        return _bytes(project, source, node.args[0], depth - 1)
    return _returned(project, name, depth - 1)


def _access(source: Source, node: ast.AST, float_type: str) -> Access | None:
    return Access(source, node, float_type, None) if float_type else None


def _returned(project: Project, name: str, depth: int) -> Access | None:
    """The same of what a function of the project returns."""
    if depth and (found := project.function(name)):
        source, function = found
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value:
                return _bytes(project, source, node.value, depth - 1)
    return None


def _packed(template: ast.AST) -> str:
    """The float type in `"384d"`, `f"{n}f"` or `"%sf" % n`."""
    texts = [str(constant(part)) for part in ast.walk(template) if isinstance(constant(part), str)]
    letter = "".join(texts)[-1:]
    return FLOAT_TYPES.get(letter, "")


def array_type(source: Source, node: ast.AST, depth: int = DEPTH) -> str:
    """The float type of an array; "" where the expression is none that is known to be one."""
    node = source.value_of(node)
    if isinstance(node, ast.BinOp) and depth:
        sides = (array_type(source, side, depth - 1) for side in (node.left, node.right))
        return next(filter(None, sides), "")
    if not isinstance(node, ast.Call):
        return ""
    name, path = source.called(node), source.dotted(node.func)
    dtype = keyword(node, "dtype")
    if name == "astype" and node.args:
        return named_type(source, node.args[0])
    if path.startswith("numpy.random.") or (path.startswith("numpy.") and name in FILLERS):
        return named_type(source, dtype) if dtype else "float64"
    if path == "array.array" and node.args:
        return FLOAT_TYPES.get(str(constant(node.args[0])), "")
    if path.startswith("numpy.") and name in MAKERS and node.args:
        dtype = dtype or next(iter(node.args[1:2]), None)
        return named_type(source, dtype) if dtype else _of_numbers(source, node.args[0], depth)
    return named_type(source, node.func) if path.startswith("numpy.float") else ""


def named_type(source: Source, node: ast.AST) -> str:
    """`np.float32`, `"<f4"` and others, as NumPy calls them; "" for no float type."""
    node = source.value_of(node)
    name = constant(node)
    text = name.lstrip("<>=") if isinstance(name, str) else source.dotted(node)
    return FLOAT_TYPES.get(text.rpartition(".")[2], "")


def _of_numbers(source: Source, node: ast.AST, depth: int) -> str:
    """Python's own floats become float64; of a name that says nothing, nothing is known."""
    node = source.value_of(node)
    is_list = isinstance(node, ast.List | ast.ListComp | ast.Tuple)
    # `response.data[0].embedding` and `response["embedding"]` of the providers' clients are lists.
    of_answer = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Subscript)
    of_json = isinstance(node, ast.Subscript) and constant(node.slice) == "embedding"
    if is_list or of_answer or of_json or source.called(node) in {"tolist", "embed_query"}:
        return "float64"
    return array_type(source, node, depth - 1) or UNSAID if depth else UNSAID


def reads_of(project: Project, field: str) -> list[Access]:
    """Those of a field; where none names it, those that may be of any."""
    named = [read for read in _reads(project) if read.field == field]
    return named or [read for read in _reads(project) if read.field is None]


@lru_cache(maxsize=1)
def _reads(project: Project) -> list[Access]:
    """Calls that take bytes for numbers."""
    names = project.of_kind("BinaryField")
    return [
        Access(source, call, float_type, _field(source, data, names))
        for source in project.sources
        for call in source.each(ast.Call)
        for data, float_type in _read(source, call)
        if float_type
    ]


def _read(source: Source, call: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    """The expression of the bytes, and what they are read as."""
    path, args = source.dotted(call.func), call.args
    if path == "numpy.frombuffer" and args:
        dtype = keyword(call, "dtype") or next(iter(args[1:2]), None)
        yield args[0], named_type(source, dtype) if dtype else "float64"
    elif path == "struct.unpack" and len(args) == 2:
        yield args[1], _packed(args[0])


def _field(source: Source, node: ast.expr, names: set[str]) -> str | None:
    """The field whose value is read, where the expression says so."""
    attributes = (part for part in source.reached(node) if isinstance(part, ast.Attribute))
    return next((part.attr for part in attributes if part.attr in names), None)
