"""Passages by several processes at once, killed at any moment, beside edits."""

from __future__ import annotations

import random
import re
from signal import SIGKILL

import pytest
from django.db import IntegrityError, OperationalError

from hybrid_store.sync.splitting import Splitting
from hybrid_store.test.conformance.passages import check
from hybrid_store.test.models import Manual, ManualPassage
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.invariants import check_invariants, check_paid
from tests.reliability.processes import Launcher, asking

LABEL = "hybrid_store_test.ManualPassage"
PARAGRAPHS = 6
EDITS = 40


def body(number: int, edition: int = 0) -> str:
    """Paragraphs that no other text has; all but one are those of every edition."""
    lines = [
        f"Paragraph {place} of text {number} says a thing or two." for place in range(PARAGRAPHS)
    ]
    lines[edition % PARAGRAPHS] += f" Edition {edition}."
    return "\n\n".join(lines)


def make_manuals(count: int) -> None:
    Manual.objects.bulk_create([Manual(title="", body=body(number)) for number in range(count)])


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_make_every_passage_once(
    launcher: Launcher, server: FakeOpenAI, processes: int
) -> None:
    make_manuals(100)
    started = [launcher.generate(LABEL, settings=asking(server)) for _ in range(processes)]
    for process in started:
        assert process.wait() == 0, process.output
    check(ManualPassage)
    rows = check_invariants(ManualPassage)
    assert len(rows.current) == ManualPassage.objects.count() > 100 * PARAGRAPHS
    check_paid(server.answered, ManualPassage.objects.values_list("text", flat=True))


def test_edits_beside_runs_leave_the_passages_of_the_last_text(
    launcher: Launcher, server: FakeOpenAI, seed: int
) -> None:
    chosen = random.Random(seed)  # noqa: S311
    make_manuals(20)
    keys = list(Manual.objects.values_list("pk", flat=True))
    started = [launcher.generate(LABEL, settings=asking(server)) for _ in range(2)]
    for edition in range(1, EDITS):
        key = chosen.choice(keys)
        try:
            if edition % 10:
                Manual.objects.filter(pk=key).update(body=body(key, edition))
            else:
                Manual.objects.filter(pk=key).delete()
        except (OperationalError, IntegrityError) as error:
            # On SQLite another process writes; or the row has passages since a moment ago.
            assert re.search("locked|foreign key", str(error))  # noqa: PT017
    for process in started:
        assert process.wait() == 0, process.output
    assert launcher.generate(LABEL, settings=asking(server)).wait() == 0
    check(ManualPassage)
    assert len(check_invariants(ManualPassage).current) == ManualPassage.objects.count()


def test_killed_at_any_statement_it_leaves_no_half_of_a_text(
    launcher: Launcher, server: FakeOpenAI, seed: int
) -> None:
    chosen = random.Random(seed)  # noqa: S311
    make_manuals(60)
    for edition in range(1, 6):
        for number, manual in enumerate(Manual.objects.order_by("pk")):
            if number % 3 == edition % 3:
                Manual.objects.filter(pk=manual.pk).update(body=body(number, edition))
        settings = asking(server, lease_seconds=0.3)
        process = launcher.generate(LABEL, settings=settings, die_after=chosen.randrange(1, 60))
        assert process.wait() in (-SIGKILL, 0), process.output
        unsplit = Splitting(ManualPassage.chunking).left()
        whole = Manual.objects.count() - unsplit
        totals = dict(ManualPassage.objects.values_list("parent_id", "total"))
        assert whole <= len(totals)
        for key, total in totals.items():
            assert ManualPassage.objects.filter(parent=key).count() == total
    assert launcher.generate(LABEL, settings=asking(server)).wait() == 0
    check(ManualPassage)
    check_invariants(ManualPassage)
