"""Settings of the processes that the tests start: the database under test, and nothing else.

HYBRID_STORE is set for each process, by `tests.reliability.forking`.
"""

from __future__ import annotations

import os

from tests.servers import database_from_url

DATABASES = {"default": database_from_url(os.environ["HYBRID_STORE_TEST_DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "only for tests"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "hybrid_store", "hybrid_store.test"]
