"""`override_embedder`, as the tests of a project use it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import unittest
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import SimpleTestCase, TestCase, override_settings

from hybrid_store.embedders import BaseEmbedder, embedders
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import EmbedderUnavailableError, InvalidEmbedderError
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.test import StandInEmbedder, override_embedder
from hybrid_store.test.models import Book

OPENAI = {
    "BACKEND": "hybrid_store.embedders.openai.OpenAIEmbedder",
    "MODEL": "text-embedding-3-small",
}
E5 = {
    "BACKEND": "hybrid_store.embedders.sentence_transformers.SentenceTransformerEmbedder",
    "MODEL": "intfloat/multilingual-e5-small",
    "DIMENSIONS": 384,
    "DOCUMENT_PREFIX": "passage: ",
    "QUERY_PREFIX": "query: ",
}
NOWHERE = {"BACKEND": "nowhere.Embedder", "MODEL": "m", "DIMENSIONS": 8, "DOCUMENT_PREFIX": "d: "}


class DownEmbedder(BaseEmbedder):
    def embed_batch(self, texts: Any) -> Any:
        raise EmbedderUnavailableError("down")


def configured(**embedders: Any) -> Any:
    return override_settings(HYBRID_STORE={"EMBEDDERS": embedders, "CREATE_EXTENSION": False})


def is_stand_in(alias: str) -> bool:
    return isinstance(embedders[alias], StandInEmbedder)


# What is replaced


def test_all_embedders_are_replaced_unless_some_are_named() -> None:
    for given, replaced in [
        ([], [True, True]),
        (["default"], [True, False]),
        (["second"], [False, True]),
        (["default", "second"], [True, True]),
    ]:
        with override_embedder(*given):
            assert [is_stand_in("default"), is_stand_in("second")] == replaced
        assert not is_stand_in("default")


def test_dimensions_and_space_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the packages, the keys and the classes of the real embedders."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for module in ("openai", "sentence_transformers"):
        monkeypatch.setitem(sys.modules, module, None)
    with configured(openai=OPENAI, e5=E5, nowhere=NOWHERE), override_embedder():
        known = {
            alias: (embedders[alias].space, embedders[alias].dimensions) for alias in embedders
        }
        assert known == {
            "openai": ("text-embedding-3-small@1536", 1536),
            "e5": ("intfloat/multilingual-e5-small@384|passage: ", 384),
            "nowhere": ("m@8|d: ", 8),
        }
        assert all(is_stand_in(alias) for alias in embedders)
        assert [message for one in embedders.all() for message in one.check()] == []
        assert embedders["openai"].embed(["a crew"]).shape == (1, 1536)
        query, document = embedders["e5"].embed_query("crew"), embedders["e5"].embed(["crew"])[0]
        np.testing.assert_array_equal(query, document)


@pytest.mark.django_db(databases=["default", "other"])  # Django asks them of their features.
def test_other_settings_stay_and_the_query_cache_is_off() -> None:
    with configured(default={**OPENAI, "DIMENSIONS": 384}, second=E5), override_embedder():
        overridden: Any = settings.HYBRID_STORE
        assert overridden["CREATE_EXTENSION"] is False
        assert overridden["QUERY_CACHE"] is None
        call_command("check", fail_level="WARNING")


def test_everything_is_as_before_afterwards() -> None:
    before, embedder = settings.HYBRID_STORE, embedders["default"]
    with pytest.raises(RuntimeError), override_embedder():
        raise RuntimeError
    assert settings.HYBRID_STORE is before
    assert type(embedders["default"]) is type(embedder)


def test_it_can_be_nested() -> None:
    with override_embedder(vectors={"a": [1]}):
        space = embedders["default"].space
        with override_embedder("default", vectors={"b": [1]}):
            assert embedders["default"].embed(["b"])[0, 0] == 1
            assert embedders["default"].embed(["a"])[0, 0] != 1
            assert embedders["second"].embed(["a"])[0, 0] == 1
            assert embedders["default"].space == space
        assert embedders["default"].embed(["a"])[0, 0] == 1


def test_an_embedder_of_ones_own_inherits_what_it_does_not_say() -> None:
    backend = f"{__name__}.DownEmbedder"
    with override_embedder(second={"BACKEND": backend, "BATCH_SIZE": 3}):
        embedder = embedders["second"]
        assert type(embedder) is DownEmbedder
        assert (embedder.space, embedder.batch_size) == ("hashing-two@384", 3)
        assert not is_stand_in("default")
        with pytest.raises(EmbedderUnavailableError):
            embedder.embed(["a"])


# Vectors


def test_vectors_are_those_given_and_else_hashed() -> None:
    with override_embedder(vectors={"a crew": [0, 2.5], "exact": np.arange(384)}):
        crew, exact, other = embedders["default"].embed(["a crew", "exact", "other"])
    assert crew.tolist() == [0, 2.5, *[0] * 382]
    assert exact.tolist() == list(range(384))
    hashing = HashingEmbedder("default", {"MODEL": "hashing", "DIMENSIONS": 384})
    np.testing.assert_array_equal(other, hashing.embed(["other"])[0])


@pytest.mark.parametrize(
    ("vectors", "fault"),
    [
        ({"a crew": [1.0] * 385}, "the vector of 'a crew' must have 1 to 384 numbers"),
        ({"a crew": [0, 0]}, "not zeros alone"),
        ({"a crew": []}, "the vector of 'a crew' is none: a vector needs at least one number"),
        ({"a crew": [float("nan")]}, "not finite"),
        ({"a crew": None}, "the vector of 'a crew' is none"),
    ],
)
def test_bad_vectors_are_refused_at_once(vectors: Any, fault: str) -> None:
    with pytest.raises(InvalidEmbedderError, match=fault), override_embedder(vectors=vectors):
        pass


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        (lambda: override_embedder("third"), 'no embedder "third"; configured: "default"'),
        (lambda: override_embedder(third={}), 'no embedder "third"'),
        (lambda: override_embedder("unknown"), '"nowhere.Embedder".*cannot be imported'),
    ],
)
def test_what_cannot_be_replaced_is_refused(override: Any, fault: str) -> None:
    unknown = {"BACKEND": "nowhere.Embedder", "MODEL": "m"}
    with (
        configured(default=OPENAI, unknown=unknown),
        pytest.raises(InvalidEmbedderError, match=fault),
        override(),
    ):
        pass


# Where it can stand


@override_embedder()
def test_a_function_can_be_decorated() -> None:
    assert is_stand_in("default")


def test_a_coroutine_function_can_be_decorated() -> None:
    @override_embedder(vectors={"a": [1]})
    async def embedded() -> float:
        return float((await embedders["default"].aembed_query("a"))[0])

    assert asyncio.run(embedded()) == 1
    assert not is_stand_in("default")


def test_other_threads_see_it() -> None:
    found: list[bool] = []
    with override_embedder():
        thread = threading.Thread(target=lambda: found.append(is_stand_in("default")))
        thread.start()
        thread.join()
    assert found == [True]


@override_embedder("default", vectors={"stranded": [1, 0], "Gravity\n": [4, 3], "Alien\n": [1, 1]})
class TestADecoratedClass(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        assert is_stand_in("default")
        for title in ("Alien", "Gravity", "Casablanca"):
            Book.objects.create(title=title)
        Generation(embedding_field(Book)).run()

    def test_searches_rank_by_the_given_vectors(self) -> None:
        ranked = Book.objects.nearest("stranded")[:2]
        assert [(book.title, round(book.similarity, 4)) for book in ranked] == [
            ("Gravity", 0.8),
            ("Alien", 0.7071),
        ]

    @override_embedder(vectors={"stranded": [0, 1]})
    def test_a_method_can_have_others(self) -> None:
        assert Book.objects.nearest("stranded").first().title == "Alien"

    async def test_a_method_may_be_asynchronous(self) -> None:
        first = await Book.objects.nearest("stranded").afirst()
        assert first.title == "Gravity"

    def test_fields_pass_their_checks(self) -> None:
        assert Book.check(databases=None) == []


@pytest.mark.django_db
def test_stored_vectors_stay_current() -> None:
    Book.objects.create(title="Alien")
    Generation(embedding_field(Book)).run()
    with override_embedder():
        assert not Book.objects.stale().exists()
        assert Book.objects.nearest("Alien").count() == 1


def test_a_class_keeps_the_settings_that_it_has_already() -> None:
    @override_embedder()
    @override_settings(HYBRID_STORE={"EMBEDDERS": {"own": {**OPENAI, "DIMENSIONS": 3}}})
    class Decorated(SimpleTestCase):
        def test_it(self) -> None:
            assert list(embedders) == ["own"]
            assert is_stand_in("own")
            assert embedders["own"].dimensions == 3

    result = unittest.TestSuite([Decorated("test_it")]).run(unittest.TestResult())
    assert result.wasSuccessful(), result.errors + result.failures
    assert result.testsRun == 1
    assert not is_stand_in("default")


def test_a_class_that_is_no_test_case_is_refused() -> None:
    with pytest.raises(ValueError, match="Only subclasses of Django SimpleTestCase"):

        @override_embedder()
        class Plain:
            pass


def test_neither_pytest_nor_hypothesis_is_needed() -> None:
    code = (
        "import sys; sys.modules.update(pytest=None, hypothesis=None)\n"
        "from django.conf import settings\n"
        f"settings.configure(HYBRID_STORE={{'EMBEDDERS': {{'default': {OPENAI!r}}}}})\n"
        "from hybrid_store.test import override_embedder\n"
        "from hybrid_store.embedders import embedders\n"
        "with override_embedder(): print(embedders['default'].embed(['a']).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(1, 1536)\n", "")
