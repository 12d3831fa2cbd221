"""Test profiles: `HYPOTHESIS_PROFILE=long` and `--long` run the full sizes."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

settings.register_profile("short", max_examples=25, deadline=None, print_blob=True, suppress_health_check=QUIET)
settings.register_profile("long", max_examples=1000, deadline=None, print_blob=True, suppress_health_check=QUIET)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the full-size tests as well")


def pytest_configure(config: pytest.Config) -> None:
    long = config.getoption("--long")
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "long" if long else "short"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="full size: run with --long")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)
