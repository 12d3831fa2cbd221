"""How the doctor tells what it has found: sections, how much, JSON, exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hybrid_store.management import doctor
from hybrid_store.management.doctor import EXAMINATIONS, Examination
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding

WELL = Finding(True, "well", "is so")
MINOR = Finding(True, "minor", "is so", minor=True)
BETTER = Finding(True, "better", "could be", "Do this.")
WRONG = Finding(False, "wrong", "is not", "Do that.")
FINAL = Finding(False, "final", "is not", "Do that.", final=True)


def examinations(monkeypatch: Any, *found: Any) -> None:
    """Sections "A", "B" and so on; only the first is about no table."""
    made = [
        Examination(section, lambda case, each=each: each, needs_tables=section != "A")  # type: ignore[misc]
        for section, each in zip("ABC", found, strict=False)
    ]
    monkeypatch.setattr(doctor, "EXAMINATIONS", made)


def told(*arguments: str) -> tuple[str, str]:
    """What is written to stdout, and the error that the command ends with."""
    out = StringIO()
    try:
        call_command("vector_doctor", *arguments, stdout=out, no_color=True)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def test_findings_stand_in_sections_with_marks_and_fixes(monkeypatch: Any) -> None:
    examinations(monkeypatch, [WELL, BETTER], [MINOR], [WRONG])
    lines = [
        *("A", "✓ well: is so", "! better: could be", "  → Do this.", ""),
        *("C", "✗ wrong: is not", "  → Do that."),
    ]
    assert told() == ("\n".join([*lines, ""]), "1 found wrong.")


@pytest.mark.parametrize(
    ("verbosity", "subjects"),
    [
        (0, ["better", "wrong"]),
        (1, ["well", "better", "wrong"]),
        (2, ["well", "minor", "better", "wrong"]),
    ],
)
def test_more_is_told_with_more_verbosity(
    verbosity: int, subjects: list[str], monkeypatch: Any
) -> None:
    examinations(monkeypatch, [WELL, MINOR, BETTER, WRONG])
    out, _ = told(f"--verbosity={verbosity}")
    marked = [line for line in out.splitlines() if line[0] in "✓!✗"]
    assert [line[2:].partition(":")[0] for line in marked] == subjects


@pytest.mark.parametrize(
    ("found", "arguments", "error"),
    [
        ([WELL, MINOR], ["--fail-on=warning"], ""),
        ([WELL, BETTER], [], ""),
        ([WELL, BETTER], ["--fail-on=error"], ""),
        ([WELL, BETTER], ["--fail-on=warning"], "1 could be better."),
        ([BETTER, WRONG, WRONG], [], "2 found wrong."),
        ([BETTER, WRONG, WRONG], ["--fail-on=warning"], "2 found wrong, 1 could be better."),
    ],
)
def test_the_exit_status_is_1_where_something_is_wrong_or_as_is_asked(
    found: list[Finding], arguments: list[str], error: str, monkeypatch: Any
) -> None:
    examinations(monkeypatch, found)
    out, ended = told(*arguments)
    assert ended == error
    assert out.endswith("All is well.\n") is not bool(error)
    written, ended = told("--json", *arguments)
    assert json.loads(written)["ok"] is not bool(error)
    assert ended == error


def test_json_is_one_object_with_stable_keys(monkeypatch: Any) -> None:
    examinations(monkeypatch, [MINOR, BETTER], [WRONG])
    out, _ = told("--json")
    assert json.loads(out) == {
        "ok": False,
        "findings": [
            {"section": "A", "ok": True, "subject": "minor", "detail": "is so", "fix": ""},
            {
                "section": "A",
                "ok": True,
                "subject": "better",
                "detail": "could be",
                "fix": "Do this.",
            },
            {
                "section": "B",
                "ok": False,
                "subject": "wrong",
                "detail": "is not",
                "fix": "Do that.",
            },
        ],
    }


def test_what_is_final_leaves_out_the_tables(monkeypatch: Any) -> None:
    examinations(monkeypatch, [FINAL], [WELL], [WELL])
    assert told()[0] == "A\n✗ final: is not\n  → Do that.\n"


def failing(case: Case) -> Iterator[Finding]:
    yield WELL
    raise LookupError("not foreseen")


def test_an_examination_that_fails_is_a_finding_and_the_others_go_on(monkeypatch: Any) -> None:
    made = [Examination("Faulty", failing), Examination("Next", lambda case: [WELL])]
    monkeypatch.setattr(doctor, "EXAMINATIONS", made)
    out, error = told()
    assert "✓ well: is so\n✗ faulty: LookupError: not foreseen\n  → " in out
    assert out.endswith("Next\n✓ well: is so\n")
    assert error == "1 found wrong."


@pytest.mark.django_db
def test_the_real_examinations_fit_into_json() -> None:
    out, error = told("--json", "--skip-embedders")
    report = json.loads(out)
    assert (report["ok"], error) == (True, "")
    sections = dict.fromkeys(finding["section"] for finding in report["findings"])
    assert {*sections} <= {each.section for each in EXAMINATIONS}
    assert len(sections) > 4
