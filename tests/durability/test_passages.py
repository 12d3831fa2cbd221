"""Splitting that is killed, or whose database goes away, at any statement."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from hybrid_store.sync.splitting import Splitting
from hybrid_store.test.conformance.passages import check
from hybrid_store.test.models import Manual, ManualPassage
from tests.durability.disturbing import Killed, disturb, impatient, killed_at_statement
from tests.durability.watching import before_statement, statements

pytestmark = pytest.mark.django_db(transaction=True)

OLD = "\n\n".join(f"Paragraph {number} says a thing or two." for number in range(6))
NEW = "A new beginning.\n\n" + OLD.replace("Paragraph 2", "The second one").replace(
    "\n\nParagraph 4 says a thing or two.", ""
)


def edited_manuals() -> list[Manual]:
    """Split, and then edited: some passages are new, some move, some go."""
    Manual.objects.all().delete()
    Manual.objects.bulk_create([Manual(title="", body=OLD) for _ in range(3)])
    Splitting(ManualPassage.chunking).run()
    Manual.objects.update(body=NEW)
    return list(Manual.objects.order_by("pk"))


def passages_of(manual: Manual) -> list[tuple[int, str]]:
    passages: Any = ManualPassage.objects.filter(parent=manual).order_by("number")
    return list(passages.values_list("number", "text"))


def pieces(text: str) -> list[tuple[int, str]]:
    return list(enumerate(piece.text for piece in ManualPassage.chunking.split("\n" + text)))


def statements_of_a_run() -> int:
    edited_manuals()
    with statements() as sent:
        report = Splitting(ManualPassage.chunking).run()
    assert report.added
    assert report.kept
    assert report.removed
    return len(sent)


def test_killed_at_any_statement_every_text_has_its_old_or_its_new_passages() -> None:
    for number in range(statements_of_a_run()):
        manuals = edited_manuals()
        with killed_at_statement(number), suppress(Killed):
            Splitting(ManualPassage.chunking).run()
        for manual in manuals:
            assert passages_of(manual) in (pieces(OLD), pieces(NEW))
        Splitting(ManualPassage.chunking).run()
        check(ManualPassage)


def test_a_database_that_is_away_for_a_moment_is_waited_for() -> None:
    with impatient():
        for number in range(statements_of_a_run()):
            edited_manuals()

            def at(reached: int, sql: str, number: int = number) -> None:
                if reached == number:
                    disturb()

            with before_statement(at):
                Splitting(ManualPassage.chunking, database_patience=10).run()
            check(ManualPassage)
