"""The reference names what there is, and nothing that there is not."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator

import pytest
from django.core.management import BaseCommand, load_command_class

from hybrid_store import admin, exceptions, maps, models, operations
from hybrid_store import embedders as embedders_package
from hybrid_store import test as test_package
from hybrid_store.backends import BaseVectorOperations
from hybrid_store.backends.texts import BaseTextOperations
from hybrid_store.checks.settings import KEYS
from hybrid_store.embedders import BaseEmbedder
from hybrid_store.embedders.params import SETTINGS
from hybrid_store.management import commands as commands_package
from tests.docs.pages import DOCS, README, ROOT

REFERENCE = DOCS / "reference"
SOURCES = ROOT / "src" / "hybrid_store"
CHECK_ID = re.compile(r"\b[EW][01]\d\d\b")
COMMANDS = [module.name for module in pkgutil.iter_modules(commands_package.__path__)]
OPTION = re.compile(r"--[a-z][a-z-]+")


def text(page: str) -> str:
    return (REFERENCE / page).read_text(encoding="utf-8")


def code(words: str) -> set[str]:
    """Everything that stands between backticks, on one line."""
    return set(re.findall(r"`([^`\n]+)`", words))


def section(page: str, title: str) -> str:
    """The text below a heading of the second level."""
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text(page), re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {title}"
    return found[1]


def test_every_system_check_is_catalogued_and_no_other() -> None:
    used = {
        number for file in SOURCES.rglob("*.py") for number in CHECK_ID.findall(file.read_text())
    }
    catalogued = re.findall(r"^\| `hybrid_store\.([EW]\d{3})` \|", text("checks.md"), re.MULTILINE)
    assert sorted(catalogued) == sorted(set(catalogued))
    assert set(catalogued) == used


@pytest.mark.parametrize("module", [admin, maps, models, exceptions, operations, test_package])
def test_every_public_name_is_in_the_reference(module: object) -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md"))
    headings = set(re.findall(r"^## (\w+)$", pages, re.MULTILINE))
    known = {name.rpartition(".")[2] for name in code(pages)} | headings
    assert set(module.__all__) - known == set()  # type: ignore[attr-defined]


def test_the_attributes_of_the_admin_are_in_the_reference() -> None:
    known = {
        name
        for name, value in vars(admin.HybridAdminMixin).items()
        if isinstance(value, int | float | str | None) and not name.startswith("_")
    }
    assert keys(section("admin.md", "HybridAdminMixin")) >= known


def test_the_reference_names_no_exception_that_is_not() -> None:
    assert keys(text("exceptions.md")) <= set(exceptions.__all__)


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_have_the_options_that_the_reference_says(name: str) -> None:
    parser = load_command_class("hybrid_store", name).create_parser("manage.py", name)
    own = {option for action in parser._actions for option in action.option_strings}
    common = {*options_of_django(), "--database"}
    assert set(OPTION.findall(section("commands.md", name))) - common == own - common


def options_of_django() -> set[str]:
    actions = BaseCommand().create_parser("manage.py", "any")._actions
    return {option for action in actions for option in action.option_strings}


def test_every_command_is_in_the_reference() -> None:
    headings = re.findall(r"^## (\w+)$", text("commands.md"), re.MULTILINE)
    assert sorted(headings) == sorted(COMMANDS)


def shipped_embedders() -> Iterator[type[BaseEmbedder]]:
    for module in pkgutil.iter_modules(embedders_package.__path__):
        members = vars(importlib.import_module(f"hybrid_store.embedders.{module.name}")).values()
        yield from (
            member
            for member in members
            if inspect.isclass(member)
            and issubclass(member, BaseEmbedder)
            and member.__module__.endswith(f".{module.name}")
            and not inspect.isabstract(member)
        )


def test_settings_are_those_that_are_accepted() -> None:
    assert keys(text("settings.md").partition("## ")[0]) == set(KEYS)
    assert keys(section("settings.md", "Embedders")) == set(SETTINGS)


@pytest.mark.parametrize(
    "embedder", list(shipped_embedders()), ids=lambda embedder: embedder.__name__
)
def test_options_are_those_that_are_accepted(embedder: type[BaseEmbedder]) -> None:
    described = section("settings.md", embedder.__name__)
    assert keys(described) == set(embedder.option_types)
    assert f"`{embedder.__module__}.{embedder.__name__}`" in described
    assert not embedder.extra or f"`{embedder.extra}`" in described


def keys(words: str) -> set[str]:
    """The first column of the tables in a text."""
    return set(re.findall(r"^\| `(\w+)`", words, re.MULTILINE))


DESCRIBED = [
    models.nearest,
    models.nearest_by_passage,
    models.search,
    models.search_by_passage,
    models.highlight,
    models.diversify,
    models.rerank,
    models.recommend,
    models.bulk_ingest,
]


@pytest.mark.parametrize("function", DESCRIBED)
def test_searches_have_the_arguments_that_the_reference_says(function: object) -> None:
    described = section("querysets.md", function.__name__)  # type: ignore[attr-defined]
    for name, parameter in inspect.signature(function).parameters.items():  # type: ignore[arg-type]
        shown = f"{name}={parameter.default!r}".replace("'", '"')
        assert (name if parameter.default is parameter.empty else shown) in described


@pytest.mark.parametrize(
    ("page", "bases"),
    [
        ("custom-database.md", [BaseVectorOperations, BaseTextOperations]),
        ("custom-embedder.md", [BaseEmbedder]),
    ],
)
def test_what_may_be_overridden_exists(page: str, bases: list[type]) -> None:
    rows = re.findall(r"^\| (`.+?) \|", (DOCS / "howto" / page).read_text(), re.MULTILINE)
    named = {name.partition("(")[0] for row in rows for name in code(row)}
    assert len(named) > 4
    assert {name for name in named if not any(hasattr(base, name) for base in bases)} == set()


def test_the_readme_names_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = set(re.findall(r"[\w-]+", README.read_text(encoding="utf-8")))
    assert set(project["optional-dependencies"]) <= named
