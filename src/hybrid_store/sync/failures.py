"""What to do when an embedder did not deliver."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto

from hybrid_store.embedders.texts import encodable
from hybrid_store.exceptions import (
    EmbedderAnswerError,
    EmbedderRefusedError,
    EmbedderUnavailableError,
    TextRefusedError,
)
from hybrid_store.sync.batches import Batch
from hybrid_store.sync.throttle import Throttle

__all__ = ["Decision", "Failures", "reason_of"]

REPEATS = {EmbedderUnavailableError: 3, EmbedderAnswerError: 1, TextRefusedError: 0}
"""How often a batch is sent again before its texts are suspected."""

RETRY_WAIT = timedelta(minutes=1)
"""Before a text that got no good answer is tried by another run; doubled with every failure."""

MOST_IN_A_ROW = 10
"""Texts that fail one after the other, none succeeding, before it is no longer their fault."""

LONGEST_REASON = 1000
"""Characters of an error that are kept."""


class Decision(Enum):
    REPEAT = auto()
    SPLIT = auto()
    SET_ASIDE = auto()
    STOP = auto()


class Failures:
    """Decides about failed batches: a text must not stop a run, and nothing else may look like one.

    A failure that may pass is repeated, for as long as there is patience. A batch that fails while
    others succeed, other than because the provider is overloaded, is split until the text at fault
    is alone, which is then set aside with the reason. Everything else stops the run at once.
    """

    def __init__(self, throttle: Throttle) -> None:
        self.throttle = throttle
        self.stored_batches = 0
        self._in_a_row = 0

    def succeeded(self) -> None:
        self.throttle.succeeded()
        self.stored_batches += 1
        self._in_a_row = 0

    def decide(self, batch: Batch, error: Exception) -> Decision:
        repeats = next((n for kind, n in REPEATS.items() if isinstance(error, kind)), None)
        if repeats is None:
            return Decision.STOP
        is_away = False
        if isinstance(error, EmbedderUnavailableError):
            is_away = True
            if not self.throttle.failed(error.retry_after):
                return Decision.STOP
            if error.overloaded:
                return Decision.REPEAT
        if batch.failures == 0:
            batch.failing_since = self.stored_batches
        batch.failures += 1
        if batch.failures <= repeats:
            return Decision.REPEAT
        if len(batch.rows) > 1:
            return Decision.SPLIT
        # While no other batch fares better, it is not this text's fault that nobody answers.
        return Decision.REPEAT if is_away and self.none_better(batch) else Decision.SET_ASIDE

    def none_better(self, batch: Batch) -> bool:
        """Has the batch failed, and no other succeeded since?"""
        return batch.failures > 0 and batch.failing_since == self.stored_batches

    def set_aside(self, batch: Batch, error: Exception) -> EmbedderRefusedError | None:
        """A text was set aside; the error to stop with if too many were, and nothing succeeded."""
        self._in_a_row += self.none_better(batch)
        if self._in_a_row < MOST_IN_A_ROW:
            return None
        return EmbedderRefusedError(
            f"{self._in_a_row} texts failed one after the other and none succeeded, so the run was "
            f"stopped. The last reason: {error}"
        )

    @staticmethod
    def wait_before_next_try(error: Exception) -> timedelta | None:
        """None for a text that was refused: it will be again."""
        return None if isinstance(error, TextRefusedError) else RETRY_WAIT


def reason_of(error: BaseException) -> str:
    """What an error says, as a text that every database takes: providers repeat what they got."""
    words = encodable(str(error)).replace("\0", "?").strip()
    return words[:LONGEST_REASON] or type(error).__name__
