"""What is quoted of a server's words."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from hybrid_store.embedders.redaction import QUOTED, keep_out_of_log, redacted

SECRET = "sk-0123456789"
TEXT = 'Ann wrote: "meet me at the old bridge at nine",\nand he came.'


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Rate limit reached.", "Rate limit reached."),
        (f"Wrong key {SECRET}, not {SECRET}!", "Wrong key ..., not ...!"),
        (f"Bad input: {TEXT} (sic)", "Bad input: ... (sic)"),
        (f"Bad input: {TEXT[:40]}[cut]", "Bad input: ...[cut]"),
        ("too long: " + "x" * 500, "too long: " + "x" * (QUOTED - 10) + "..."),
        ("", ""),
    ],
)
def test_secrets_and_texts_are_left_out(words: str, shown: str) -> None:
    assert redacted(words, [SECRET], ["another", TEXT]) == shown


def test_a_text_is_found_however_it_was_quoted() -> None:
    shown = redacted(f"Bad input: {TEXT!r}", [], [TEXT])
    assert shown.startswith("Bad input: ")
    assert "bridge" not in shown


def test_a_secret_does_not_survive_as_a_part_that_is_cut_off() -> None:
    assert SECRET[:8] not in redacted("y" * (QUOTED - 8) + SECRET, [SECRET], [])


def test_short_texts_are_taken_for_words() -> None:
    assert redacted("No such model.", [], ["No", "mod"]) == "No such model."


def test_what_a_client_logs_by_itself_holds_no_secret(caplog: Any) -> None:
    for secret in (SECRET, "another secret"):
        keep_out_of_log("a client", [secret])
    logging.getLogger("a client").error("Wrong key %s, not %s!", SECRET, "another secret")
    logging.getLogger("a client").error("%d texts", 3)
    assert [record.getMessage() for record in caplog.records] == [
        "Wrong key ..., not ...!",
        "3 texts",
    ]
    assert len(logging.getLogger("a client").filters) == 1
