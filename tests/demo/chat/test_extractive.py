"""Answers without a language model: the documents' own words."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from chat.models import Turn
from chat.texts import marked, sentences, shortened, tells_something, words
from tests.demo.chat.conftest import Upload

MINILM = {
    "EMBEDDERS": {
        "default": {"BACKEND": "hybrid_store.embedders.minilm.MiniLMEmbedder"},
    },
    "SEARCH": {"EXACT": True},
}

HOUSE = """# The guest house

The guest house stands on a ridge of Mount Orsel. It was built in 1911 by Livia Tarn, who had won
the money in a lottery. Twelve people can sleep in it.

# Food

Breakfast is served from six until nine. The bread is baked on Mondays."""

LIGHTHOUSE = """El faro de Punta Gris se encendió por primera vez en 1874. Su torre mide treinta y
dos metros. En las noches de niebla se tocaba una campana de bronce."""

LIBRARY = """달빛 도서관은 밤에만 문을 엽니다. 회원은 한 번에 책을 다섯 권까지 빌릴 수 있습니다.
고양이 세 마리가 도서관에 삽니다. 가장 나이가 많은 고양이의 이름은 보리입니다."""


def answer(reader: Client, question: str) -> tuple[str, str]:
    """The stored answer to a question, and the page."""
    page = reader.post("/chats/", {"question": question}, follow=True).content.decode()
    return Turn.objects.latest("pk").answer, page


@pytest.fixture
def library(ann: User, upload: Upload) -> None:
    upload(ann, HOUSE, title="The house")
    upload(ann, LIGHTHOUSE, title="El faro")
    upload(ann, LIBRARY, title="도서관")


@pytest.mark.django_db
@pytest.mark.urls("config.urls")
@pytest.mark.usefixtures("library")
class TestAnswers:
    @pytest.mark.parametrize(
        ("question", "told", "title"),
        [
            ("¿Cuándo se encendió el faro?", "se encendió por primera vez en 1874.", "El faro"),
            ("¿De qué era la campana?", "una campana de bronce.", "El faro"),
            ("책을 몇 권 빌릴 수 있나요?", "책을 다섯 권까지 빌릴 수 있습니다.", "도서관"),
            ("고양이 이름이 뭐예요?", "고양이의 이름은 보리입니다.", "도서관"),
            ("When is breakfast served?", "Breakfast is served from six until nine.", "The house"),
        ],
    )
    def test_words_find_the_sentence(
        self, reader: Client, question: str, told: str, title: str
    ) -> None:
        said, page = answer(reader, question)
        assert told in said.split("\n\n")[0]
        assert f"{title}</a>" in page
        first = Turn.objects.get().citations.all()[0]
        assert first.passage.parent.title == title
        assert said.split("\n\n")[0].endswith(f"” [{first.number}]")

    def test_it_says_that_no_language_model_answered(self, reader: Client) -> None:
        said, page = answer(reader, "When is breakfast served?")
        assert "No language model wrote this" in page
        assert "language model" not in said
        assert Turn.objects.get().model == ""

    def test_words_are_marked_on_the_page_and_not_in_the_store(self, reader: Client) -> None:
        said, page = answer(reader, "When is breakfast served?")
        assert "<" not in said
        assert "<mark>Breakfast</mark> is <mark>served</mark> from" in page
        _, page = answer(reader, "고양이 이름이 뭐예요?")
        assert "<mark>고양이</mark>" in page

    def test_nothing_like_it_is_said_so(self, reader: Client) -> None:
        said, page = answer(reader, "Xyzzy plugh?")
        assert said == ""
        assert "Your documents do not tell" in page

    def test_a_question_that_follows_is_answered_with_the_one_before(self, reader: Client) -> None:
        answer(reader, "Tell me about the lamp of the lighthouse, the faro de Punta Gris")
        chat = Turn.objects.get().chat.get_absolute_url()
        for question, told in [
            ("And when was that?", "se encendió por primera vez en 1874."),
            ("고양이 이름이 뭐예요?", "고양이의 이름은 보리입니다."),
        ]:
            reader.post(chat, {"question": question})
            assert told in Turn.objects.latest("pk").answer.split("\n\n")[0]

    def test_a_quote_is_no_markup(self, reader: Client, ann: User, upload: Upload) -> None:
        upload(ann, "<b>Zebras</b> & <script>x</script> [1] eat grass.", title="Zebras")
        _, page = answer(reader, "What do zebras eat?")
        assert "&lt;b&gt;<mark>Zebras</mark>&lt;/b&gt; &amp; &lt;script&gt;" in page


@override_settings(HYBRID_STORE=MINILM)
@pytest.mark.django_db
@pytest.mark.urls("config.urls")
def test_meaning_finds_the_sentence(reader: Client, ann: User, upload: Upload) -> None:
    upload(ann, HOUSE, title="The house")
    said, _ = answer(reader, "Where did the fortune for its construction come from?")
    assert "who had won the money in a lottery" in said.split("\n\n")[0]
    said, _ = answer(reader, "What is the capital of France?")
    assert said == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One thing here. Another thing!", ["One thing here.", "Another thing!"]),
        ('He said "so be it." Then he\nleft.', ['He said "so be it."', "Then he left."]),
        ("Dr. Kim was there. So was Ann.", ["Dr. Kim was there.", "So was Ann."]),
        ("It is 3.5 metres long. Yes, it is.", ["It is 3.5 metres long.", "Yes, it is."]),
        ("# A heading\n\nA sentence.", ["A sentence."]),
        (
            "Two of them:\n- one of these\n- another",
            ["Two of them:", "- one of these", "- another"],
        ),
        ("日本語の文です。もう一つの文です。", ["日本語の文です。", "もう一つの文です。"]),
        ("no end at all", ["no end at all"]),
        ("", []),
        ("...", ["..."]),
    ],
)
def test_texts_are_divided_into_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_words_that_tell_nothing_count_only_alone() -> None:
    assert words("When is the House open?") == {"house", "open"}
    assert words("¿Quién fue el primer farero?") == {"primer", "farero"}
    assert words("고양이 이름") == {"고양", "양이", "이름"}
    assert words("who is it") == {"who", "is", "it"}


def test_a_question_of_such_words_alone_tells_nothing() -> None:
    assert not tells_something("And when was that?")
    assert not tells_something("???")
    assert tells_something("And who paid for it?")
    assert tells_something("언제 열리나요?")


def test_a_long_text_is_shortened_to_the_end_of_a_word() -> None:
    assert shortened("one  two\nthree", 50) == "one two three"
    assert shortened("one two three", 9) == "one two…"
    assert shortened("x" * 50, 9) == "xxxxxxxxx…"


def test_marking_escapes() -> None:
    assert marked("A <b> house", "house b") == "A &lt;<mark>b</mark>&gt; <mark>house</mark>"
