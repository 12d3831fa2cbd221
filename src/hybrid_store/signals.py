"""Signals of generation, for metrics, budgets and alerts of your own.

The sender is always the model. Receivers run in the thread that called for the generation, outside
of any transaction of its; what they raise is logged and stops nothing.
"""

from django.dispatch import Signal

__all__ = ["embeddings_failed", "embeddings_stored", "generation_finished"]

embeddings_stored = Signal()
"""After the vectors of a batch were stored: `field`, `using`, `keys` of the rows, `texts` and
`tokens` that were paid for, `cost` (None where the embedder has no PRICE), and the provider's
latency in `seconds`. Rows that had the text of another row cost nothing."""

embeddings_failed = Signal()
"""After rows could not be embedded: `field`, `using`, `keys`, `reason`, and `next_try`, None where
they are not tried again before their text changes."""

generation_finished = Signal()
"""After a run, however it ended: `field`, `using`, `report`."""
