"""Texts that the provider refuses: the others succeed, and these are set aside with the reason."""

from __future__ import annotations

from io import StringIO
from math import ceil, log2
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hybrid_store.models.work import EmbeddingRun, EmbeddingWork
from hybrid_store.sync.failures import MOST_IN_A_ROW
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Book, Essay
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.invariants import check_invariants, check_paid, text_of

pytestmark = pytest.mark.django_db

ROWS = 1000
BATCH_SIZE = 50
SEARCH = 2 * ceil(log2(BATCH_SIZE))
"""Requests that find one text in a batch by halving it, at most."""


@pytest.fixture(autouse=True)
def _poison(asked: FakeOpenAI) -> None:
    asked.poison = {"oison"}


@pytest.fixture(params=[Book, Essay])
def model(request: pytest.FixtureRequest) -> Any:
    """The database tells the text, or Python does."""
    return request.param


def make(model: Any, rows: int, poisonous: Any = ()) -> list[Any]:
    """Rows of which those at the places `poisonous` cannot be embedded; returns the latter."""
    name = source_of(model)
    words = ["poison" if place in poisonous else "good" for place in range(rows)]
    made = model.objects.bulk_create(
        [model(**{name: f"{word} {place}"}) for place, word in enumerate(words)]
    )
    return [made[place] for place in poisonous]


def source_of(model: Any) -> str:
    return {Book: "title", Essay: "words"}[model]


def edit(row: Any, text: str) -> None:
    type(row).objects.filter(pk=row.pk).update(**{source_of(type(row)): text})


def run(model: Any, *options: str) -> str:
    """What the command says."""
    out = StringIO()
    call_command(
        *("generate_embeddings", model._meta.label, f"--batch-size={BATCH_SIZE}", *options),
        stdout=out,
        no_color=True,
    )
    return out.getvalue()


def texts_of(rows: Any) -> list[str]:
    found = list(rows)
    return [text_of(row._meta.get_field("embedding"), row) for row in found]


@pytest.mark.parametrize("workers", [1, 4])
def test_one_of_a_thousand_is_set_aside_with_its_reason(
    asked: FakeOpenAI, model: Any, workers: int
) -> None:
    [row] = make(model, ROWS, [617])
    out = run(model, f"--workers={workers}")
    rows = check_invariants(model)
    assert rows.failed == {row.pk}
    assert len(rows.current) == ROWS - 1
    assert len(asked.requests) <= ROWS / BATCH_SIZE + SEARCH
    check_paid(asked.answered, texts_of(model.objects.exclude(pk=row.pk)))
    assert f"{ROWS - 1} rows embedded, 1 failed" in out
    assert f"{model._meta.label}.embedding {row.pk}: The embedder" in out
    assert "Invalid input" in out
    [failed] = model.objects.failed()
    assert failed == row
    assert "Invalid input" in failed.reason


def test_it_is_not_sent_again(asked: FakeOpenAI, model: Any) -> None:
    make(model, 20, [7])
    run(model)
    asked.requests.clear()
    assert "nothing to do." in run(model)
    assert asked.requests == []
    assert len(check_invariants(model).failed) == 1


def test_it_is_sent_again_when_its_text_has_changed(asked: FakeOpenAI, model: Any) -> None:
    [row] = make(model, 20, [7])
    run(model)
    edit(row, "an antidote")
    assert not model.objects.failed().exists()
    asked.requests.clear()
    assert "1 row embedded" in run(model)
    assert len(asked.requests) == 1
    assert len(check_invariants(model).current) == 20


def test_another_poisonous_text_is_another_failure(asked: FakeOpenAI, model: Any) -> None:
    [row] = make(model, 20, [7])
    run(model)
    edit(row, "more poison")
    asked.requests.clear()
    with pytest.raises(CommandError, match="No row was embedded"):
        run(model)
    assert len(asked.requests) == 1
    assert EmbeddingWork.objects.get().attempts == 1
    assert check_invariants(model).failed == {row.pk}


def test_it_is_sent_again_when_asked_for(asked: FakeOpenAI, model: Any) -> None:
    [row] = make(model, 20, [7])
    run(model)
    asked.requests.clear()
    with pytest.raises(CommandError, match="No row was embedded"):
        run(model, "--retry-failed")
    assert len(asked.requests) == 1
    assert EmbeddingWork.objects.get().attempts == 2
    assert check_invariants(model).failed == {row.pk}
    asked.poison.clear()
    assert "1 row embedded" in run(model, "--retry-failed")
    assert len(check_invariants(model).current) == 20


def test_a_row_that_is_gone_leaves_no_record(model: Any) -> None:
    [row] = make(model, 20, [7])
    run(model)
    row.delete()
    run(model)
    assert not EmbeddingWork.objects.exists()
    assert len(check_invariants(model).current) == 19


@pytest.mark.parametrize(
    "places",
    [range(0, ROWS, ROWS // 10), range(ROWS - 10, ROWS), range(10), range(445, 455)],
    ids=["spread", "last", "first", "in a row"],
)
@pytest.mark.parametrize("workers", [1, 4])
def test_ten_of_a_thousand_are_set_aside(asked: FakeOpenAI, places: range, workers: int) -> None:
    poisonous = make(Book, ROWS, places)
    out = run(Book, f"--workers={workers}")
    assert "990 rows embedded, 10 failed" in out
    rows = check_invariants(Book)
    assert rows.failed == {row.pk for row in poisonous}
    assert len(asked.requests) <= ROWS / BATCH_SIZE + 10 * SEARCH
    check_paid(asked.answered, texts_of(Book.objects.filter(pk__in=rows.current)))


@pytest.mark.parametrize("workers", [1, 4])
def test_a_run_stops_where_nothing_but_failures_come(
    asked: FakeOpenAI, model: Any, workers: int
) -> None:
    make(model, 200, range(200))
    with pytest.raises(CommandError, match=r"stopped\. .*one after the other.*Invalid input"):
        run(model, f"--workers={workers}")
    rows = check_invariants(model)
    # Those under way when the run stops are set aside as well.
    assert MOST_IN_A_ROW <= len(rows.failed) < MOST_IN_A_ROW + workers
    assert len(rows.stale) == 200 - len(rows.failed)
    assert asked.answered == []
    assert len(asked.requests) <= SEARCH + 3 * MOST_IN_A_ROW + workers
    assert EmbeddingRun.objects.get().outcome == EmbeddingRun.Outcome.STOPPED
    with pytest.raises(CommandError, match="stopped"):
        run(model, "--workers=1")
    assert len(check_invariants(model).failed) == len(rows.failed) + MOST_IN_A_ROW


def test_a_text_that_makes_the_server_fail_is_found_too(
    asked: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid_store.sync.throttle.FIRST_WAIT", 0.001)
    [row] = make(Book, 100, [43])
    asked.poison.clear()
    respond = asked.respond

    def fail(request: Any) -> Any:
        if any("poison" in text for text in request.texts):
            asked.script("server_error")
        return respond(request)

    monkeypatch.setattr(asked, "respond", fail)
    report = generate(Book, batch_size=10, workers=1)
    assert (report.embedded, report.failed) == (99, 1)
    assert check_invariants(Book).failed == {row.pk}
