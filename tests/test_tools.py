"""The set-up scripts: which interpreters are taken, and what the matrix runs on them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import interpreters, matrix
from tools.interpreters import ROOT, Interpreter
from tools.matrix import Series
from tools.side_by_side import BETWEEN, ONCE, TWICE, pytest_arguments

OLD = Interpreter((3, 11), "old")
NEW = Interpreter((3, 13), "new")
LTS = Series((5, 2), (0, 0))
LATEST = Series((6, 1), (3, 12))


def test_every_pinned_series_has_a_classifier() -> None:
    text = (interpreters.ROOT / "pyproject.toml").read_text()
    names = [series.name for series in matrix.django_series()]
    assert names
    assert [name for name in names if f'"Framework :: Django :: {name}"' not in text] == []


def test_supported_versions() -> None:
    assert interpreters.supported_versions()[0] == (3, 11)


def test_this_interpreter_is_found() -> None:
    found = interpreters.find_interpreters()
    assert sys.version_info[:2] in [interpreter.version for interpreter in found]
    assert found == sorted(found, key=lambda interpreter: interpreter.version)


def test_commands_that_fail_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ["python3.11", "python3.12", "pyenv", "uv"]:
        command = tmp_path / name
        command.write_text("#!/bin/sh\necho not found\nexit 127\n")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = interpreters.find_interpreters()
    assert [interpreter.version for interpreter in found] == [sys.version_info[:2]]


def test_a_series_and_its_oldest_python(tmp_path: Path) -> None:
    (tmp_path / "django-10.0.txt").write_text('Django==10.0.1 ; python_version >= "3.14"\n')
    (tmp_path / "django-5.2.txt").write_text("Django==5.2.19\n")
    assert matrix.django_series(tmp_path) == [LTS, Series((10, 0), (3, 14))]


def test_all_pairs_that_fit() -> None:
    pairs = matrix.choose([OLD, NEW], [LTS, LATEST], newest=False)
    assert pairs == [(OLD, LTS), (NEW, LTS), (NEW, LATEST)]


def test_newest_pair() -> None:
    assert matrix.choose([OLD, NEW], [LTS, LATEST], newest=True) == [(NEW, LATEST)]


def test_what_is_skipped_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert matrix.choose([OLD], [LTS, LATEST], newest=True) == []
    expected = "Django 6.1 skipped: it needs Python 3.12, and here is 3.11.\n"
    assert capsys.readouterr().out == expected


def test_what_knows_no_database_is_tested_once() -> None:
    plan = pytest_arguments(["sqlite", "postgresql16", "postgresql18"], ["-x"])
    assert plan["sqlite"] == ["-x"]
    assert plan["postgresql16"] == ["-x", *(f"--ignore={path}" for path in (*ONCE, *TWICE))]
    assert plan["postgresql18"] == ["-x", *(f"--ignore={path}" for path in (*ONCE, *BETWEEN))]
    plan = pytest_arguments(["sqlite", "postgresql18"], [])
    everything = (*ONCE, *TWICE, *BETWEEN)
    assert plan["postgresql18"] == [f"--ignore={path}" for path in everything]
    assert pytest_arguments(["own"], []) == {"own": []}
    assert all((ROOT / path).exists() for path in everything)
