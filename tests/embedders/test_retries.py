"""How long to wait, and when to give up."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hybrid_store.embedders import retries
from hybrid_store.embedders.retries import retry_after, with_retries
from hybrid_store.exceptions import EmbedderRefusedError, EmbedderUnavailableError


class Flaky:
    """Fails as scripted, then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


def unavailable(seconds: float | None = None) -> EmbedderUnavailableError:
    return EmbedderUnavailableError("busy", seconds)


def test_waits_grow(waits: list[float]) -> None:
    call = Flaky(unavailable(), unavailable(), unavailable())
    assert with_retries(call, 3) == "done"
    for wait, longest in zip(waits, [0.5, 1, 2], strict=True):
        assert 0.75 * longest <= wait <= longest


def test_the_providers_wish_comes_first(waits: list[float]) -> None:
    assert with_retries(Flaky(unavailable(7), unavailable(0)), 2) == "done"
    assert waits == [7, 0]


def test_a_wish_for_too_long_is_left_to_the_caller(waits: list[float]) -> None:
    call = Flaky(unavailable(retries.LONGEST_WAIT + 1))
    with pytest.raises(EmbedderUnavailableError):
        with_retries(call, 2)
    assert (call.calls, waits) == (1, [])


def test_the_last_failure_is_raised(waits: list[float]) -> None:
    call = Flaky(unavailable(1), unavailable(1), unavailable(42))
    with pytest.raises(EmbedderUnavailableError) as raised:
        with_retries(call, 2)
    assert raised.value.retry_after == 42
    assert (call.calls, waits) == (3, [1, 1])


def test_without_retries_there_is_one_call() -> None:
    call = Flaky(unavailable())
    with pytest.raises(EmbedderUnavailableError):
        with_retries(call, 0)
    assert call.calls == 1


def test_a_lasting_refusal_is_not_repeated() -> None:
    call = Flaky(EmbedderRefusedError("no"))
    with pytest.raises(EmbedderRefusedError):
        with_retries(call, 5)
    assert call.calls == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "20"}, 20),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_what_a_header_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_date_in_the_future() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after({"retry-after": date}) == pytest.approx(60, abs=5)
