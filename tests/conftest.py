"""What every test run has: example counts, a seed that is printed, and the `long` marker."""

from __future__ import annotations

import faulthandler
import os
import random

import pytest
from django.contrib.contenttypes.management import create_contenttypes
from django.db.models.signals import post_migrate
from hypothesis import HealthCheck, settings

QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

# "ci" tries the same few examples every time; the others try new ones.
settings.register_profile("default", deadline=None, print_blob=True, suppress_health_check=QUIET)
settings.register_profile("ci", settings.get_profile("default"), max_examples=15, derandomize=True)
settings.register_profile("long", settings.get_profile("default"), max_examples=2000)

SECONDS_TO_END = 120
STDERR = 2


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the full-size tests as well")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--hypothesis-profile", None) is None:
        settings.load_profile(profile_name(config))


def profile_name(config: pytest.Config) -> str:
    if config.getoption("--long"):
        return "long"
    return "ci" if os.environ.get("CI") else "default"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        for item in items:
            item.add_marker(pytest.mark.timeout(0))
        return
    skip = pytest.mark.skip(reason="full size: run with --long")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """A thread that a test has left would be waited for without end: show it, and fail."""
    faulthandler.dump_traceback_later(SECONDS_TO_END, exit=True, file=STDERR)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """A flush emits `post_migrate`, and to make permissions for all models takes longer than most
    tests that end in one. Those of the database as it was made are there until the first flush."""
    post_migrate.disconnect(create_contenttypes)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """For tests with random data of their own: new at every run, and shown with a failure."""
    given = os.environ.get("HYBRID_STORE_SEED") or ("1" if os.environ.get("CI") else None)
    value = int(given) if given else random.SystemRandom().randrange(2**32)
    request.node.add_report_section("setup", "seed", f"run again with HYBRID_STORE_SEED={value}")
    return value
