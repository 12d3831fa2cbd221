"""Running a command and keeping what it says."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

Run = Callable[..., str]


@pytest.fixture
def run() -> Run:
    """Run a command; returns what it wrote, in both streams."""

    def run(name: str, *args: Any, **options: Any) -> str:
        out = StringIO()
        call_command(name, *args, stdout=out, stderr=out, no_color=True, **options)
        return out.getvalue()

    return run
