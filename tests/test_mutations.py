"""What takes a safeguard out is noticed by the tests; `make mutations` tries all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tools import mutations
from tools.interpreters import ROOT
from tools.mutations import MUTATIONS, PACKAGE, Mutation

CENTRAL = ("the guard of the UPDATE", "the count of the vectors", "the lease when a vector")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name[:40])
def test_a_mutation_fits_the_sources(mutation: Mutation, tmp_path: Path) -> None:
    path = tmp_path / PACKAGE / mutation.file
    path.parent.mkdir(parents=True)
    shutil.copy(ROOT / PACKAGE / mutation.file, path)
    before = path.read_text()
    mutation.apply(tmp_path)
    compile(path.read_text(), str(path), "exec")
    assert path.read_text() != before


def test_a_mutation_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    (tmp_path / PACKAGE).mkdir(parents=True)
    (tmp_path / PACKAGE / "a.py").write_text("x = 1")
    with pytest.raises(ValueError, match="does not hold 'y' once"):
        Mutation("y", "a.py", [("y", "z")], "", "").apply(tmp_path)


@pytest.mark.skipif(
    os.environ.get("HYBRID_STORE_DATABASE", "sqlite") != "sqlite",
    reason="the tests of mutations run on SQLite in any case",
)
@pytest.mark.parametrize("name", CENTRAL)
def test_the_central_safeguards_are_held_by_tests(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mutations.main([name]) == 0, capsys.readouterr().out


@pytest.mark.long
def test_all_safeguards_are_held_by_tests(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutations.main([]) == 0, capsys.readouterr().out
