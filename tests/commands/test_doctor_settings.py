"""Where the doctor says that settings come from, and what it never shows."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from hybrid_store.checks.settings import KEYS
from hybrid_store.embedders.base import BaseEmbedder
from hybrid_store.management.doctor import configuration
from hybrid_store.management.doctor.database import effective
from hybrid_store.management.doctor.setting import path_of
from hybrid_store.management.redaction import public_url, redacted
from tests.commands.examining import about, findings
from tests.embedders.closing import close_clients
from tests.embedders.fake_openai import FakeOpenAI

pytestmark = pytest.mark.django_db

OPENAI = "hybrid_store.embedders.openai.OpenAIEmbedder"
KEY = "sk-planted-0123456789"


class Faulty(BaseEmbedder):
    """Fails with an error that holds its secret, spelled in another way."""

    option_types = {"api_key": str, "pin": str}

    def embed_batch(self, texts: Any) -> Any:
        raise RuntimeError(f"Bearer {self.options['api_key'][::-1]}")


class Unmade(Faulty):
    """Cannot be made, for a reason that nobody foresaw."""

    def __init__(self, alias: str, params: Any) -> None:
        raise KeyError(params["OPTIONS"]["api_key"])


class Unchecked(Faulty):
    def check(self, **kwargs: Any) -> Any:
        raise KeyError(self.options["api_key"])


class Secretive(Faulty):
    @property
    def secrets(self) -> Any:
        raise KeyError(self.options["api_key"])


class Watching(BaseEmbedder):
    """Notes whether a transaction is open while it is asked."""

    seen: ClassVar[list[bool]] = []

    def embed_batch(self, texts: Any) -> Any:
        self.seen.append(connections["default"].in_atomic_block)
        return [[1.0] * self.dimensions for _ in texts]


def embedder(backend: str = OPENAI, **options: Any) -> dict[str, Any]:
    params = {"BACKEND": backend, "MODEL": "fake-model", "DIMENSIONS": 384, "OPTIONS": options}
    return {"EMBEDDERS": {"default": params}}


def setting(*path: str) -> str:
    found = about(path_of(*path), findings("Settings"))
    return f"{found.detail}{' (minor)' if found.minor else ''}"


def option(name: str) -> str:
    return setting("EMBEDDERS", "default", "OPTIONS", name)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def module(monkeypatch: Any) -> None:
    """The settings have a name, as those of a project have."""
    monkeypatch.setattr("django.conf.UserSettingsHolder.SETTINGS_MODULE", "config.settings")


@pytest.mark.usefixtures("module")
def test_every_setting_is_told_with_its_origin(settings: Any) -> None:
    settings.HYBRID_STORE = {"LEASE_SECONDS": 5, "SEARCH": {"RECALL": 0.9}, "QUERY_CACHE": {}}
    assert setting("LEASE_SECONDS") == "5, from config.settings"
    assert setting("SEARCH", "RECALL") == "0.9, from config.settings"
    assert setting("SEARCH", "EXACT_ROWS") == "500000, the default (minor)"
    assert setting("INDEX_MEMORY") == "1073741824, the default (minor)"
    assert setting("CREATE_EXTENSION") == "True, the default (minor)"
    assert setting("QUERY_CACHE", "ALIAS") == "'default' (DummyCache), the default (minor)"
    settings.HYBRID_STORE = {"QUERY_CACHE": None}
    assert setting("QUERY_CACHE") == "turned off, from config.settings"


def test_no_key_of_hybrid_store_is_left_out() -> None:
    told = {*configuration.DEFAULTS[""], *configuration.DEFAULTS, "EMBEDDERS"} - {""}
    assert told == {*KEYS}


@pytest.mark.parametrize(
    ("configured", "fault"),
    [
        ("planted", "HYBRID_STORE is a str"),
        ({"NONSENSE": 1}, "unknown key 'NONSENSE'"),
        ({"LEASE_SECONDS": 0, "SEARCH": []}, '"LEASE_SECONDS"] is 0'),
        ({"QUERY_CACHE": 3, "EMBEDDERS": 4}, '"QUERY_CACHE"] is a int'),
    ],
)
def test_what_is_wrong_with_settings_is_told_with_the_fix(
    configured: Any, fault: str, settings: Any
) -> None:
    settings.HYBRID_STORE = configured
    first = findings("Settings")[0]
    assert (first.ok, first.subject) == (False, "HYBRID_STORE")
    assert fault in first.detail
    assert first.fix


@pytest.mark.usefixtures("module")
def test_the_settings_of_an_embedder_are_told(settings: Any) -> None:
    settings.HYBRID_STORE = embedder(api_key=KEY, timeout=7, base_url="https://me:pw@host:8/v1?k=1")
    settings.HYBRID_STORE["EMBEDDERS"]["default"]["PRICE"] = 0.02
    place = "EMBEDDERS", "default"
    assert setting(*place, "BACKEND") == f"{OPENAI}, from config.settings"
    assert setting(*place, "MODEL") == "'fake-model', from config.settings"
    assert setting(*place, "PRICE") == "0.02, from config.settings"
    assert setting(*place, "SPACE") == "'fake-model@384', the default (minor)"
    assert option("api_key") == "set, not shown, from config.settings"
    assert option("base_url") == "https://***@host:8/v1?***, from config.settings"
    assert option("timeout") == "7, from config.settings"
    assert option("max_retries") == "2, the default (minor)"
    assert option("organization") == "not set, the default (minor)"


@pytest.mark.usefixtures("module")
def test_what_an_embedder_takes_from_the_environment_is_told(
    settings: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    settings.HYBRID_STORE = embedder()
    assert option("api_key") == "not set, the default (minor)"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://me:planted@proxy.example/v1")
    assert option("api_key") == "set, not shown, from OPENAI_API_KEY in the environment"
    address = "https://***@proxy.example/v1, from OPENAI_BASE_URL in the environment"
    assert option("base_url") == address
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    assert option("api_key") == f"set, not shown, from OPENAI_API_KEY in {tmp_path / '.env'}"
    # As by os.environ["MY_KEY"] in the settings.
    (tmp_path / ".env").unlink()
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("MY_KEY", KEY)
    settings.HYBRID_STORE = embedder(api_key=KEY)
    assert option("api_key") == "set, not shown, from config.settings, by MY_KEY in the environment"
    # A text as short as that may be in any variable.
    monkeypatch.setenv("MY_KEY", "default")
    settings.HYBRID_STORE = embedder(api_key="default")
    assert option("api_key") == "set, not shown, from config.settings"


def test_an_embedder_without_a_key_is_wrong_and_not_called(settings: Any) -> None:
    settings.HYBRID_STORE = embedder()
    found = about("embedder 'default'", findings("Embedders"))
    assert (found.ok, found.detail) == (False, "There is no API key.")
    assert "OPENAI_API_KEY" in found.fix


def test_an_embedder_that_no_field_uses_is_looked_at_and_not_called(settings: Any) -> None:
    configured = settings.HYBRID_STORE["EMBEDDERS"]
    spare = {"spare": {"BACKEND": "nowhere.Spare"}}
    settings.HYBRID_STORE = {"EMBEDDERS": {**configured, **spare}}
    found = findings("Embedders")
    assert not about("embedder 'spare'", found).ok
    assert about("embedder 'default'", found).ok
    assert "embedder 'second'" not in [each.subject for each in found]


@pytest.mark.parametrize("kind", [Unmade, Unchecked, Secretive])
def test_an_embedder_that_fails_as_nobody_foresaw_is_wrong_and_the_others_are_told(
    kind: type[Faulty], settings: Any
) -> None:
    usual = settings.HYBRID_STORE["EMBEDDERS"]
    params = embedder(f"{kind.__module__}.{kind.__qualname__}", api_key="planted-key")
    others = {"second": usual["default"], "spare": {"BACKEND": "nowhere.Spare"}}
    settings.HYBRID_STORE = {"EMBEDDERS": {**params["EMBEDDERS"], **others}}
    found = findings("Embedders")
    assert about("embedder 'default'", found).detail.startswith("failed with ")
    assert "nowhere" in about("embedder 'spare'", found).detail
    assert setting("EMBEDDERS", "second", "MODEL").startswith("'hashing', ")
    words = said("--verbosity=2")
    assert "planted" not in words
    assert "found wrong" in words


def test_settings_that_name_no_embedders_are_wrong(settings: Any) -> None:
    settings.HYBRID_STORE = {"EMBEDDERS": 3}
    [found] = findings("Embedders")
    assert not found.ok
    assert "must be a dictionary" in found.detail


@pytest.fixture
def _no_clients_left() -> Iterator[None]:
    yield
    close_clients()


@pytest.mark.usefixtures("_no_clients_left")
def test_an_embedder_is_asked_for_three_short_texts(settings: Any) -> None:
    with FakeOpenAI() as server:
        settings.HYBRID_STORE = embedder(base_url=server.url, api_key=KEY)
        found = about("embedder 'default'", findings("Embedders"))
        assert len(server.requests) == 3
    assert found.ok
    assert found.detail.endswith("(median of 3 short calls)")


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_an_embedder_is_asked(settings: Any) -> None:
    settings.HYBRID_STORE = embedder(f"{Watching.__module__}.{Watching.__qualname__}")
    Watching.seen.clear()
    said()
    assert Watching.seen == [False] * 3


def said(*arguments: str) -> str:
    """All that is said, in both streams and by the error."""
    out = StringIO()
    try:
        call_command("vector_doctor", *arguments, stdout=out, stderr=out, no_color=True)
    except CommandError as error:
        out.write(str(error))
    return out.getvalue()


@pytest.mark.parametrize("form", [("--verbosity=2",), ("--json",)])
def test_secrets_are_nowhere(form: tuple[str, ...], settings: Any, monkeypatch: Any) -> None:
    config = {**connections["default"].settings_dict, "PASSWORD": "planted-password"}
    monkeypatch.setattr(connections["default"], "settings_dict", config)
    monkeypatch.setenv("DATABASE_URL", "postgres://ann:planted-password@db.example/films")
    backend = f"{Faulty.__module__}.{Faulty.__qualname__}"
    settings.HYBRID_STORE = embedder(backend, api_key="planted-key", pin="planted-pin")
    words = said(*form)
    assert "RuntimeError" in words
    assert "planted" not in words
    assert "planted-key"[::-1] not in words
    settings.HYBRID_STORE = embedder(
        api_key="planted-key", base_url="http://me:planted@127.0.0.1:1/?key=planted", max_retries=0
    )
    words = said(*form)
    assert "cannot be reached" in words
    assert "planted" not in words


def test_a_database_named_by_an_address_is_shown_without_its_password() -> None:
    config = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgresql://a:planted@h/db"}
    assert "postgresql postgresql://***@h/db, from" in effective("default", config).detail


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/v1", "https://host/v1"),
        ("https://me@host:8080/v1", "https://***@host:8080/v1"),
        ("https://me:p%40w@host/v1?key=x#y", "https://***@host/v1?***"),
        ("https://me:pw@[::1", "***"),
        ("https://me:pw@host:port", "***"),
        ("https://me:1/w@host/v1", "***"),
        ("https://me:1?w@host/v1", "***"),
        ("me:pw@host/v1", "***"),
        ("host/v1", "***"),
        ("HTTPS://host/v1", "https://host/v1"),
    ],
)
def test_addresses_are_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_errors_are_shown_without_secrets_however_they_are_spelled(
    settings: Any, monkeypatch: Any
) -> None:
    config = {**connections["default"].settings_dict, "PASSWORD": "p@ss/word"}
    config["OPTIONS"] = {**config["OPTIONS"], "sslpassword": "a secret", "token": "a\\b\n"}
    monkeypatch.setattr(connections["default"], "settings_dict", config)
    settings.HYBRID_STORE = embedder(api_key=KEY, base_url="https://me:planted@host/")
    message = f"p@ss/word p%40ss%2Fword a+secret a%20secret {KEY} planted none"
    assert redacted(message) == "*** *** *** *** *** *** none"
    assert redacted(str(KeyError("a\\b\n"))) == "'***'"
    settings.HYBRID_STORE = embedder(api_key="rows")
    assert redacted("two rows") == "two rows"
