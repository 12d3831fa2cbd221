"""`embedders[...]`: from settings to objects."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from hybrid_store.embedders import BaseEmbedder, embedders
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import InvalidEmbedderError

HASHING = "hybrid_store.embedders.hashing.HashingEmbedder"


def configured(configuration: Any) -> Any:
    return override_settings(HYBRID_STORE={"EMBEDDERS": configuration})


def test_an_alias_gives_its_embedder() -> None:
    with configured({"default": {"BACKEND": HASHING}, "b": {"BACKEND": HASHING, "MODEL": "B"}}):
        assert isinstance(embedders["default"], HashingEmbedder)
        assert embedders["b"].model == "B"
        assert embedders["b"] is embedders["b"]


def test_aliases_can_be_listed_and_asked_for() -> None:
    with configured({"default": {"BACKEND": HASHING}, "b": {"BACKEND": HASHING}}):
        assert list(embedders) == ["default", "b"]
        assert "b" in embedders
        assert "c" not in embedders
        assert [embedder.alias for embedder in embedders.all()] == ["default", "b"]


def test_an_unknown_alias_is_named_with_those_configured() -> None:
    fault = 'no embedder "c"; configured: "default", "b"'
    with (
        configured({"default": {"BACKEND": HASHING}, "b": {"BACKEND": HASHING}}),
        pytest.raises(InvalidEmbedderError, match=fault),
    ):
        _ = embedders["c"]


@pytest.mark.parametrize("settings", [{}, {"EMBEDDERS": {}}])
def test_without_configuration_there_is_no_embedder(settings: dict[str, Any]) -> None:
    with override_settings(HYBRID_STORE=settings):
        assert list(embedders) == []
        with pytest.raises(InvalidEmbedderError, match="configured: none"):
            _ = embedders["default"]


def test_changed_settings_take_effect_at_once() -> None:
    with configured({"default": {"BACKEND": HASHING, "MODEL": "one"}}):
        assert embedders["default"].model == "one"
        with configured({"default": {"BACKEND": HASHING, "MODEL": "two"}}):
            assert embedders["default"].model == "two"
        assert embedders["default"].model == "one"


def test_each_thread_has_embedders_of_its_own() -> None:
    found: list[BaseEmbedder] = []
    with configured({"default": {"BACKEND": HASHING}}):
        thread = threading.Thread(target=lambda: found.append(embedders["default"]))
        thread.start()
        thread.join()
        assert found[0] is not embedders["default"]


@pytest.mark.parametrize(
    ("configuration", "fault"),
    [
        ([], "must be a dictionary"),
        ({"default": None}, "must be a dictionary whose BACKEND"),
        ({"default": {}}, "must be a dictionary whose BACKEND"),
        ({"default": {"BACKEND": 7}}, "must be a dictionary whose BACKEND"),
        ({"default": {"BACKEND": "nowhere.Embedder"}}, '"nowhere.Embedder".*cannot be imported'),
        ({"default": {"BACKEND": "Embedder"}}, "cannot be imported"),
        ({"default": {"BACKEND": "decimal.Decimal"}}, "no subclass of BaseEmbedder"),
        ({"default": {"BACKEND": "os.path.join"}}, "no subclass of BaseEmbedder"),
    ],
)
def test_settings_that_describe_no_embedder(configuration: Any, fault: str) -> None:
    with configured(configuration), pytest.raises(InvalidEmbedderError, match=fault):
        _ = embedders["default"]


def test_settings_of_the_wrong_kind() -> None:
    with override_settings(HYBRID_STORE=["default"]), pytest.raises(ImproperlyConfigured):
        _ = embedders["default"]
