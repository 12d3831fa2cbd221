"""The driver of the run: Django takes psycopg 3 wherever that is installed, else psycopg2."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

__all__ = ["HAS_PSYCOPG3", "needs_psycopg3"]

HAS_PSYCOPG3 = find_spec("psycopg") is not None
needs_psycopg3 = pytest.mark.skipif(
    not HAS_PSYCOPG3,
    reason="psycopg2 sends nothing in binary form, has no pool, and binds parameters itself",
)
