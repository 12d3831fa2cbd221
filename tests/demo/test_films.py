"""The demo: its data, how films get in, its pages and its posters."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.parsers import expat

import pytest
from django.core.management import CommandError, call_command
from django.http import QueryDict
from django.test import Client, override_settings

from films.management.commands.load_films import SHIPPED
from films.models import Film, Genre
from films.posters import draw
from films.posters.motifs import MOTIFS
from films.posters.palettes import GENRES, LETTERS, PALETTES
from films.taste import MOST, Taste
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import EmbedderUnavailableError
from tests.demo.films import embed_films, store_films
from tests.demo.pages import Page, get

DEMO = Path(__file__).resolve().parents[2] / "demo"
CARDS = 24

pytestmark = pytest.mark.urls("config.urls")


@pytest.fixture
def unembedded(db: None) -> None:
    """Forty films of the shipped ones, without vectors."""
    store_films()


@pytest.fixture
def films(unembedded: None) -> None:
    """Forty films with vectors."""
    embed_films()


def page_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def one_line(text: str) -> str:
    return " ".join(text.split())


def shown(client: Client, address: str) -> list[Film]:
    """The films that a search or the taste page lists."""
    response = client.get(address)
    assert response.status_code == 200
    return list(response.context["films"])


# The data


def test_shipped_films_are_well_formed() -> None:
    films = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert len(films) >= 200
    for film in films:
        assert set(film) == {"title", "year", "genres", "description"}
        assert 1920 <= film["year"] <= 2030
        assert film["genres"]
        assert set(film["genres"]) <= set(GENRES)
        assert len(re.findall(r"[.!?](?=\s|$)", film["description"])) in {2, 3}, film["title"]
    assert len({(film["title"], film["year"]) for film in films}) == len(films)
    assert len({film["description"] for film in films}) == len(films)


def test_shipped_films_cover_a_century_and_every_genre() -> None:
    films = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert {film["year"] // 10 * 10 for film in films} >= set(range(1920, 2030, 10))
    genres = Counter(genre for film in films for genre in film["genres"])
    assert all(genres[genre] >= 5 for genre in GENRES)


# Loading


def load(*files: Path) -> str:
    out = StringIO()
    call_command("load_films", *map(str, files), stdout=out)
    return out.getvalue()


def write(folder: Path, films: Any, name: str = "films.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(films), encoding="utf-8")
    return path


@pytest.mark.django_db
def test_loading_twice_changes_nothing() -> None:
    assert "Loaded 434 films." in load()
    rows = list(Film.objects.order_by("pk").values_list("pk", "title", "year", "description"))
    links = list(Film.genres.through.objects.order_by("pk").values_list())
    load()
    again = Film.objects.order_by("pk").values_list("pk", "title", "year", "description")
    assert list(again) == rows
    assert list(Film.genres.through.objects.order_by("pk").values_list()) == links


@pytest.mark.django_db
def test_loading_replaces_text_and_genres_and_makes_the_vector_stale(tmp_path: Path) -> None:
    film = {"title": "A", "year": 2000, "genres": ["Drama", "War"], "description": "Old."}
    load(write(tmp_path, [film]))
    embed_films()
    assert not Film.objects.stale()
    load(write(tmp_path, [{**film, "genres": ["War", "Music"], "description": "New."}]))
    stored = Film.objects.get()
    assert stored.description == "New."
    assert {genre.name for genre in stored.genres.all()} == {"War", "Music"}
    assert stored.embedding is not None
    assert list(Film.objects.stale()) == [stored]


@pytest.mark.django_db
def test_extracts_are_descriptions_and_entries_without_text_are_skipped(tmp_path: Path) -> None:
    films = [
        {"title": "A", "year": 2000, "genres": [], "extract": "An extract.", "cast": ["x"]},
        {"title": "B", "year": 2000, "genres": ["Drama"], "extract": None},
        {"title": "C", "year": 2000, "genres": ["Drama"], "description": "  "},
        {"title": "A", "year": 2001, "genres": ["Drama"], "description": "Another one."},
        {"title": "A", "year": 2001, "genres": ["Music"], "description": "The last one."},
    ]
    said = load(write(tmp_path, films))
    assert "Loaded 2 films." in said
    assert "Skipped 2 entries without a text." in said
    assert "Skipped 1 entry with a title and year that came again." in said
    texts = Film.objects.order_by("year").values_list("description", flat=True)
    assert list(texts) == ["An extract.", "The last one."]
    assert list(Genre.objects.values_list("name", flat=True)) == ["Music"]


GOOD = {"title": "Good", "year": 2000, "genres": ["Drama"], "description": "Good."}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ({**GOOD, "title": None}, "entry 2: 'title' is missing"),
        ({**GOOD, "title": 3}, "entry 2: 'title' must be a text, not a number"),
        ({**GOOD, "title": "x" * 501}, "entry 2: 'title' has 501 characters"),
        ({**GOOD, "title": "nul\0"}, "entry 2: 'title' holds a character"),
        ({**GOOD, "description": "\ud800"}, "entry 2: 'description' holds a character"),
        ({"title": "No year"}, "entry 2: 'year' is missing"),
        ({**GOOD, "year": "1990"}, "entry 2: 'year' must be a whole number"),
        ({**GOOD, "year": True}, "entry 2: 'year' must be a whole number"),
        ({**GOOD, "year": 40_000}, "entry 2: 'year' must be a whole number"),
        ({**GOOD, "genres": "Drama"}, "entry 2: 'genres' must be a list of texts, not a text"),
        ({**GOOD, "genres": ["Drama", None]}, "entry 2: 'genres[1]' is missing"),
        ({**GOOD, "description": ["x"]}, "entry 2: 'description' must be a text, not a list"),
        ("a text", "entry 2: must be an object, not a text"),
    ],
)
def test_a_bad_entry_is_named_and_nothing_is_written(tmp_path: Path, bad: Any, fault: str) -> None:
    first = write(tmp_path, [{**GOOD, "title": "First"}], "first.json")
    path = write(tmp_path, [GOOD, bad])
    with pytest.raises(CommandError, match=re.escape(f"{path}: {fault}")):
        load(first, path)
    assert not Film.objects.exists()
    assert not Genre.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"[", "is not JSON in UTF-8"),
        (b"\xff\xfe", "is not JSON in UTF-8"),
        (b"[" * 100_000, "is not JSON in UTF-8"),
        (b"{}", "must hold a list of films, not an object"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes | None, fault: str) -> None:
    path = tmp_path / "films.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=re.escape(f"{path}: {fault}")):
        load(path)


@pytest.mark.django_db
def test_loading_takes_few_queries(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(16):
        load()


# The showcase


@pytest.mark.usefixtures("films")
def test_showcase_prints_a_search_and_recommendations() -> None:
    film = Film.objects.all()[7]
    out = StringIO()
    query = f"a film called {film.title}"
    call_command("showcase", "--query", query, "--film", film.title, stdout=out)
    rows = re.findall(r"^  [ -]\d\.\d{3}  \d{4}  \S.*$", out.getvalue(), re.MULTILINE)
    assert len(rows) == 15
    assert [len(re.findall(r"  meaning [ \d]\d$", row)) for row in rows[5:10]] == [1] * 5
    assert len(re.findall("  words  1  ", "\n".join(rows))) == 1
    assert query in out.getvalue()
    assert f"More like {film.title} ({film.year})" in out.getvalue()


@pytest.mark.usefixtures("unembedded")
def test_showcase_says_what_is_missing() -> None:
    with pytest.raises(CommandError, match="no film 'Nothing like it'"):
        call_command("showcase", "--film", "Nothing like it")
    with pytest.raises(CommandError, match="generate_embeddings"):
        call_command("showcase", "--film", Film.objects.all()[0].title)


# Pages


@pytest.mark.usefixtures("films")
def test_browsing_is_paginated(client: Client) -> None:
    first = get(client, "/")
    assert "40 films" in first.text
    assert "Page 1 of 2" in first.text
    second = get(client, "/" + first.links["Next →"])
    assert "Page 2 of 2" in second.text
    assert "Page 2 of 2" in get(client, "/?page=99").text
    assert "Page 1 of 2" in get(client, "/?page=x").text


@pytest.mark.usefixtures("films")
def test_a_search_ranks_films_and_shows_their_similarity(client: Client) -> None:
    text = Film.objects.all()[3].description
    found = shown(client, f"/?by=meaning&q={text}")
    assert len(found) == CARDS
    assert found[0].description == text
    similarities = [film.similarity for film in found]  # type: ignore[attr-defined]
    assert similarities == sorted(similarities, reverse=True)
    page = get(client, f"/?by=meaning&q={text}")
    assert f"{similarities[0]:.2f}" in page.text
    assert f"Nearest to {text}" in page.text


@pytest.mark.usefixtures("films")
@pytest.mark.parametrize(
    ("choice", "mode"), [("", "hybrid"), ("words", "text"), ("meaning", "vector")]
)
def test_films_are_found_by_what_the_visitor_chooses(
    client: Client, choice: str, mode: str
) -> None:
    address = f"/?q=man+woman&by={choice}"
    expected = list(Film.objects.search("man woman", mode=mode)[:CARDS])
    assert len(expected) > 1
    assert shown(client, address) == expected
    markup = client.get(address).content.decode()
    assert re.findall(r'name="by" value="(\w*)" id="\w+" checked', markup) == [choice]
    assert shown(client, "/?q=man+woman") == list(Film.objects.search("man woman")[:CARDS])


@pytest.mark.usefixtures("films")
def test_films_tell_why_they_are_found(client: Client) -> None:
    best: Any = shown(client, "/?q=mother+india")[0]
    text = one_line(get(client, "/?q=mother+india").text)
    assert f"meaning {best.similarity:.2f} · words mother, india Why this film?" in text
    assert f"Words no. 1, for mother, india Meaning no. {best.vector_rank}, with a" in text
    assert "Words none of them is in it Meaning no. " in text


@pytest.mark.usefixtures("films")
def test_how_ranks_make_the_score_is_told(client: Client) -> None:
    found = shown(client, "/?q=mother+india")
    sums = re.findall(r"Together</dt> <dd>(.*?) = (\d\.\d{4})", page_of(client, "/?q=mother+india"))
    assert len(sums) == len(found) == CARDS
    for film, (ranks, score) in zip(found, sums, strict=True):
        told = sum(1 / (60 + int(rank)) for rank in re.findall(r"60 \+ (\d+)", ranks))
        assert f"{film.score:.4f}" == f"{told:.4f}" == score  # type: ignore[attr-defined]


@pytest.mark.usefixtures("films")
def test_films_found_in_one_way_tell_nothing_of_the_other(client: Client) -> None:
    by_words = one_line(get(client, "/?q=mother+india&by=words").text)
    assert "words mother, india Why this film? Words no. 1, for mother, india" in by_words
    by_meaning = one_line(get(client, "/?q=mother+india&by=meaning").text)
    assert "Why this film? Meaning no. 1, with a similarity of 0." in by_meaning
    others = {by_words: r"Meaning n|meaning \d", by_meaning: "Words no|words mother"}
    for text, other in others.items():
        assert not re.search(other, text)
        assert "Together" not in text


@pytest.mark.usefixtures("films")
def test_words_that_are_found_are_marked(client: Client) -> None:
    film = Film.objects.get(title="Mother India")
    Film.objects.filter(pk=film.pk).update(description="word " * 100 + "<i>Mothers</i> of all.")
    for choice in ("", "words"):
        markup = client.get(f"/?q=mother&by={choice}").content.decode()
        assert "<mark>Mother</mark> India</a></h3>" in markup
        assert "word &lt;i&gt;<mark>Mothers</mark>&lt;/i&gt; of all.</p>" in markup
        assert markup.count("word ") < 50
    assert "<mark>" not in client.get("/?q=mother&by=meaning").content.decode()


@pytest.mark.usefixtures("films")
def test_filters_narrow_browsing_searching_and_recommending(client: Client) -> None:
    filters = "genre=Drama&year_from=1950&year_to=1990"
    wanted = Film.objects.filter(genres__name="Drama", year__range=(1950, 1990))
    assert 0 < len(wanted) < CARDS
    browsed = client.get(f"/?{filters}").context["page"].object_list
    assert set(browsed) == set(wanted)
    assert set(shown(client, f"/?q=life&{filters}")) == set(wanted)
    liked = Film.objects.exclude(pk__in=wanted)[0]
    assert set(shown(client, f"/taste/?like={liked.pk}&{filters}")) == set(wanted)


@pytest.mark.usefixtures("films")
@pytest.mark.parametrize("page", ["/", "/taste/"])
@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("year_from=abc", "Enter a whole number."),
        ("year_from=1", "greater than or equal to 1888"),
        ("year_to=99999999999999999999", "less than or equal to 2100"),
        ("year_from=2000&year_to=1990", "2000 is after 1990"),
        ("genre=Nonsense", "Select a valid choice"),
        ("genre=%00", "Select a valid choice"),
    ],
)
def test_bad_filters_are_form_errors(client: Client, page: str, query: str, fault: str) -> None:
    pk = Film.objects.all()[0].pk
    read_page = get(client, f"{page}?q=space&like={pk}&{query}")
    assert fault in read_page.text
    assert "Nearest to" not in read_page.text
    assert "Recommended" not in read_page.text


@pytest.mark.usefixtures("films")
def test_bad_queries_are_form_errors(client: Client) -> None:
    assert "at most 300 characters" in get(client, f"/?q={'x' * 301}").text
    assert "Null characters" in get(client, "/?q=a%00b").text
    for choice in ("both", "%00", "text"):
        page = get(client, f"/?q=mother&by={choice}")
        assert "Select a valid choice" in page.text
        assert "Found for" not in page.text
    assert "could not be made" in get(client, "/?q=-mother").text
    assert "Null characters" in get(client, "/taste/?title=a%00b").text


@pytest.mark.usefixtures("unembedded")
def test_without_embeddings_pages_say_what_to_run(client: Client) -> None:
    pk = Film.objects.all()[0].pk
    assert "generate_embeddings" in get(client, f"/taste/?like={pk}").text
    response = client.get(f"/films/{pk}/", follow=True)
    assert "generate_embeddings" in response.content.decode()
    assert "40 films" in get(client, "/").text


WORDS_ALONE = "These films were found by their words alone."


@pytest.mark.usefixtures("unembedded")
@pytest.mark.parametrize("choice", ["", "meaning"])
def test_without_embeddings_films_are_found_by_words(client: Client, choice: str) -> None:
    page = get(client, f"/?q=mother&by={choice}")
    assert f"{WORDS_ALONE} No film has been embedded: run manage.py generate_emb" in page.text
    assert "More like Mother India" in page.links
    assert WORDS_ALONE not in get(client, "/?q=mother&by=words").text
    assert "has these words" in get(client, f"/?q=xyzzy&by={choice}").text


@pytest.mark.usefixtures("films")
def test_some_missing_embeddings_are_told(client: Client) -> None:
    assert "generate_embeddings" not in get(client, "/?q=space").text
    Film.objects.filter(pk=Film.objects.all()[0].pk).update(embedding=None)
    page = get(client, "/?q=space")
    assert "Not every film has been embedded yet" in page.text
    assert "Found for" in page.text
    assert "generate_embeddings" not in get(client, "/?q=space&by=words").text


@pytest.mark.usefixtures("films")
def test_vectors_of_another_space_are_told(client: Client) -> None:
    Film.objects.update(embedding_fingerprint=f"{'0' * 16}:{'0' * 32}")
    page = get(client, "/?q=mother")
    assert WORDS_ALONE in page.text
    assert "--replace-spaces" in page.text
    similar = client.get(f"/films/{Film.objects.all()[0].pk}/", follow=True).content.decode()
    assert "This search could not be made." in similar


@pytest.mark.usefixtures("films")
@pytest.mark.parametrize("choice", ["", "meaning"])
def test_films_are_found_by_words_where_the_embedder_fails(
    client: Client, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    def fail(self: Any, texts: Any) -> Any:
        raise EmbedderUnavailableError("The provider is on holiday.")

    monkeypatch.setattr(HashingEmbedder, "embed_batch", fail)
    asked = f"mother {choice} never asked before"
    page = get(client, f"/?q={asked}&by={choice}")
    assert f"{WORDS_ALONE} The provider is on holiday." in page.text
    assert "More like Mother India" in page.links
    assert "on holiday" not in get(client, f"/?q={asked}&by=words").text
    assert "40 films" in get(client, "/").text


@pytest.mark.usefixtures("films")
def test_a_film_shows_similar_films_but_not_itself(client: Client) -> None:
    film = Film.objects.all()[5]
    page = get(client, film.get_absolute_url())
    assert film.title in page.text
    assert film.description in page.text
    similar = shown(client, film.get_absolute_url())
    assert len(similar) == 12
    assert film not in similar


@pytest.mark.usefixtures("films")
def test_films_have_one_address(client: Client) -> None:
    film = Film.objects.get(title="Mother India")
    assert film.get_absolute_url() == f"/films/{film.pk}/mother-india/"
    for other in ("", "other/"):
        response = client.get(f"/films/{film.pk}/{other}?like=3")
        assert response.status_code == 301
        assert response.url == f"/films/{film.pk}/mother-india/?like=3"  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_titles_without_latin_letters_have_an_address(client: Client) -> None:
    film = Film.objects.create(title="기생충", year=2019, description="A film.")
    assert film.get_absolute_url() == f"/films/{film.pk}/"
    assert "기생충" in get(client, film.get_absolute_url()).text


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["1", "99999999999999999999"])
def test_unknown_films_are_not_found(client: Client, key: str) -> None:
    for address in (f"/films/{key}/", f"/posters/{key}.svg"):
        response = client.get(address)
        assert response.status_code == 404
    assert b"playing here" in response.content


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/", "/taste/", "/films/1/", "/posters/1.svg"])
def test_pages_are_only_read(client: Client, address: str) -> None:
    assert client.post(address).status_code == 405


# Taste


@pytest.mark.usefixtures("films")
def test_a_taste_is_collected_by_following_links(client: Client) -> None:
    first, second = get(client, "/"), None
    titles = [film.title for film in client.get("/").context["page"].object_list[:2]]
    second = get(client, first.links[f"More like {titles[0]}"])
    assert "Recommended" in second.text
    back = get(client, second.links["Search"])
    both = back.links[f"Less like {titles[1]}"]
    keys = [Film.objects.get(title=title).pk for title in titles]
    assert parse_qs(urlsplit(both).query) == {"like": [str(keys[0])], "unlike": [str(keys[1])]}
    third = get(client, both)
    assert Film.objects.get(pk=keys[1]) not in shown(client, both)
    assert third.links[f"Remove {titles[1]}"] == f"/taste/?like={keys[0]}"
    assert ("like", str(keys[0])) in third.fields


@pytest.mark.usefixtures("films")
def test_links_on_the_taste_page_keep_its_filters(client: Client) -> None:
    pk = Film.objects.all()[0].pk
    page = get(client, f"/taste/?like={pk}&genre=Drama&year_from=1950")
    added = next(href for label, href in page.links.items() if label.startswith("Less like"))
    query = parse_qs(urlsplit(added).query)
    assert query["genre"] == ["Drama"]
    assert query["year_from"] == ["1950"]
    assert query["like"] == [str(pk)]


@pytest.mark.usefixtures("films")
def test_disliking_changes_what_is_recommended(client: Client) -> None:
    like, unlike = Film.objects.all()[:2]
    alone = shown(client, f"/taste/?like={like.pk}")
    other = shown(client, f"/taste/?like={like.pk}&unlike={unlike.pk}")
    assert like not in alone
    assert alone != other
    assert unlike not in other


@pytest.mark.usefixtures("films")
def test_unknown_and_odd_keys_are_ignored_and_told(client: Client) -> None:
    pk = Film.objects.all()[0].pk
    odd = f"like={pk}&like=999999&like=x&unlike=-1&unlike=9{'9' * 30}&like=%00"
    page = get(client, f"/taste/?{odd}")
    assert "5 parts of the address were ignored" in page.text
    assert page.links[f"Remove {Film.objects.get(pk=pk)}"] == "/taste/"
    get(client, f"/?{odd}")


@pytest.mark.usefixtures("films")
def test_a_film_is_found_by_its_title(client: Client) -> None:
    page = get(client, "/taste/?title=MOTHER")
    assert "More like Mother India" in page.links
    assert "has that in its title" in get(client, "/taste/?title=100%25").text


@pytest.mark.usefixtures("films")
def test_only_dislikes_ask_for_a_like(client: Client) -> None:
    pk = Film.objects.all()[0].pk
    assert "Choose at least one film you want more of" in get(client, f"/taste/?unlike={pk}").text


def test_a_taste_is_short_and_without_contradictions() -> None:
    query = QueryDict("&".join(f"like={key}" for key in range(1, 31)) + "&unlike=3&unlike=99")
    taste = Taste.from_query(query)
    assert taste.like == tuple(range(1, MOST + 1))
    assert taste.unlike == (99,)
    assert taste.ignored == 30 - MOST
    assert taste.disliking(1).like == tuple(range(2, MOST + 1))
    assert taste.disliking(1).unlike == (99, 1)
    assert taste.without(99).without(1).keys == tuple(range(2, MOST + 1))
    assert Taste().suffix == ""


@pytest.mark.usefixtures("films")
def test_how_similar_films_were_found_is_told_when_asked(client: Client) -> None:
    address = Film.objects.all()[0].get_absolute_url()
    page = get(client, address)
    assert "exact: yes" not in page.text
    asked = get(client, address + page.links["How were they found?"])
    assert "exact: yes\nrows: 12 of 12" in asked.text


@pytest.mark.usefixtures("films")
def test_the_map_is_coloured_by_the_genre_that_tells_most_or_by_decade(client: Client) -> None:
    liked = Film.objects.get(title="Mother India")
    assert {genre.name for genre in liked.genres.all()} == {"Drama", "Family"}
    by_genre = get(client, f"/map/?map=table&like={liked.pk}")
    assert "Family" in by_genre.text
    assert by_genre.links["Search"] == f"/?like={liked.pk}"
    assert re.search(r'<th scope="row">19\d0', page_of(client, "/map/?map=table&by=decade"))
    assert not re.search(r'<th scope="row">19\d0', page_of(client, "/map/?map=table"))


# Safety and speed


HOSTILE = "<script>alert('x')</script> \"&]]> \x08 %s {{ x }}"


@pytest.fixture
def hostile(films: None) -> Film:
    film: Film = Film.objects.create(title=HOSTILE, year=2001, description=HOSTILE)
    film.genres.add(Genre.objects.create(name="<b>&"))
    embed_films()
    return film


def test_hostile_titles_are_text(client: Client, hostile: Film) -> None:
    address = hostile.get_absolute_url()
    pk = hostile.pk
    asked = ["/?q=script+alert+x", "/?q=script+alert+x&by=words", "/?q=script+alert+x&by=meaning"]
    others = (f"/taste/?like={pk}", "/taste/?title=script", "/map/?map=table")
    for page in ("/", *asked, address, *others):
        read_page = get(client, page)
        assert read_page.scripts == 0
        assert "<script>alert('x')</script>" in read_page.text
    assert "<b>&" in get(client, address).text


@pytest.mark.usefixtures("films")
def test_hostile_queries_are_text(client: Client) -> None:
    attack = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    for page in (
        f"/?q={attack}",
        f"/?q={attack}&by=words",
        f"/?q={attack}&by=meaning",
        f"/?q=space&by={attack}",
        f"/?year_from={attack}",
        f"/taste/?title={attack}",
        f"/?genre={attack}",
        f"/taste/?like={attack}",
        f"/?page={attack}",
    ):
        assert get(client, page).scripts == 0


NASTY = [
    "<mark>griffin</mark>",
    "<mark onclick=alert(1)>griffin",
    "griffin</mark><img src=x onerror=alert(1)>",
    "&lt;b&gt; griffin &amp; <b>",
    "griffin\"'><svg onload=alert(1)>",
    "{{ griffin }}{% now %}",
    "<griffin>",
]


@pytest.mark.usefixtures("films")
@pytest.mark.parametrize("text", NASTY)
def test_marking_words_adds_nothing_but_marks(client: Client, text: str) -> None:
    Film.objects.create(title=text, year=2001, description=f"{text} {text}")
    for query in ("griffin", text):
        for choice in ("", "words", "meaning"):
            markup = client.get("/", {"q": query, "by": choice}).content.decode()
            page = Page(markup)
            assert page.scripts == 0
            assert not re.search(r"<(mark [^>]|b>|img src=x|svg onload|griffin)", markup)
            if choice == "words":
                assert f"{text} {text}" in page.text


REMOTE = re.compile(r"""(?:https?:)?//[\w.]|@import|data:""")


def without_names(text: str) -> str:
    """XML namespaces are names, not addresses."""
    return text.replace('xmlns="http://www.w3.org/2000/svg"', "")


@pytest.mark.usefixtures("films")
def test_nothing_is_loaded_from_elsewhere(client: Client) -> None:
    film = Film.objects.all()[0]
    pages = (
        "/",
        "/?q=space",
        film.get_absolute_url(),
        f"/taste/?like={film.pk}",
        "/taste/",
        f"/posters/{film.pk}.svg",
    )
    for page in pages:
        assert not REMOTE.search(without_names(client.get(page).content.decode())), page
    assets = [path for path in DEMO.glob("*/static/**/*") if path.is_file()]
    assert len(assets) > 2
    for asset in assets:
        assert not REMOTE.search(without_names(asset.read_text(encoding="utf-8"))), asset


@pytest.mark.usefixtures("films")
def test_browsers_are_told_to_load_nothing_from_elsewhere(client: Client) -> None:
    with override_settings(MIDDLEWARE=["config.middleware.content_security_policy"]):
        for page in ("/", "/nothing/", f"/posters/{Film.objects.all()[0].pk}.svg"):
            policy = client.get(page).headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'self';")
            assert "http" not in policy
            assert "unsafe" not in policy


@pytest.mark.usefixtures("films")
@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("/", 4),
        ("/?q=space", 9),
        ("/?q=space&by=words", 6),
        ("/taste/?like={0}&unlike={1}", 6),
        ("/films/{0}/", 7),
    ],
)
def test_pages_take_few_queries(
    client: Client, django_assert_max_num_queries: Any, address: str, most: int
) -> None:
    keys = list(Film.objects.values_list("pk", flat=True)[:2])
    with django_assert_max_num_queries(most):
        client.get(address.format(*keys), follow=True)


@pytest.mark.usefixtures("films")
def test_lists_load_no_vectors(client: Client) -> None:
    film = Film.objects.all()[0]
    lists = [
        client.get("/").context["page"].object_list,
        client.get("/taste/").context["candidates"],
        shown(client, "/?q=space"),
        shown(client, "/?q=space&by=meaning"),
        shown(client, f"/taste/?like={film.pk}"),
        shown(client, film.get_absolute_url()),
    ]
    for films in lists:
        assert len(films) > 5
        assert all("embedding" in film.get_deferred_fields() for film in films)


@pytest.mark.usefixtures("films")
def test_the_admin_edits_films(admin_client: Client) -> None:
    film = Film.objects.all()[0]
    assert admin_client.get("/admin/films/film/?q=the").status_code == 200
    address = f"/admin/films/film/{film.pk}/change/"
    assert admin_client.get(address).status_code == 200
    genres = [genre.pk for genre in film.genres.all()]
    changed = {"title": film.title, "year": film.year, "genres": genres, "description": "Other."}
    assert admin_client.post(address, changed).status_code == 302
    assert list(Film.objects.stale()) == [film]


# Posters


def parse(svg: str) -> None:
    expat.ParserCreate().Parse(svg.encode(), True)


@pytest.mark.usefixtures("films")
def test_posters_are_served_to_be_kept(client: Client) -> None:
    film = Film.objects.all()[0]
    response = client.get(f"/posters/{film.pk}.svg")
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert "max-age" in response.headers["Cache-Control"]
    assert response.content.decode() == client.get(f"/posters/{film.pk}.svg").content.decode()
    parse(response.content.decode())


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_has_posters(genre: str) -> None:
    assert set(MOTIFS) == set(PALETTES) == set(LETTERS) == set(GENRES)
    posters = {draw(f"Film {number}", 1990, [genre]) for number in range(30)}
    assert len(posters) == 30
    for poster in posters:
        parse(poster)


@pytest.mark.parametrize(
    "title",
    ["", "8½", "기생충", HOSTILE, "x" * 500, "A " * 250, "Weird \ud800 \uffff \x00 \ufdd0", "‮abc"],
)
def test_any_title_fits_on_a_poster(title: str) -> None:
    for year in (0, 1888, 2100):
        poster = draw(title, year, ["Unheard of"])
        parse(poster)
        assert "<script" not in poster


def test_posters_do_not_depend_on_the_order_of_genres() -> None:
    assert draw("A", 2000, ["Drama", "War"]) == draw("A", 2000, ["War", "Drama"])
    assert draw("A", 2000, ["Animated"]) == draw("A", 2000, ["Animation"])


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, as WCAG 2 defines it."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_titles_on_posters_are_readable() -> None:
    for palettes in PALETTES.values():
        for palette in palettes:
            assert contrast(palette.deep, palette.light) >= 7


def test_text_on_pages_is_readable() -> None:
    sheet = (DEMO / "look" / "static" / "look" / "look.css").read_text(encoding="utf-8")
    colours = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", sheet)
    assert len(colours) > 10
    for theme in ({name: pair[place] for name, *pair in colours} for place in (0, 1)):
        for ground in ("paper", "raised"):
            for text in ("ink", "soft", "accent", "more", "less"):
                assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
        assert contrast(theme["ink"], theme["mark"]) >= 4.5
        assert contrast(theme["on-accent"], theme["accent"]) >= 4.5


# Settings


# Without the settings of the tests, and what else the demo would read.
READ = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS"}
OWN = {name: value for name, value in os.environ.items() if name not in READ}


def manage(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The demo's command line in a process of its own; the model's weights need not be there."""
    return subprocess.run(
        [sys.executable, str(DEMO / "manage.py"), *args, "--skip-checks"],
        env={**OWN, "PYTHONPATH": str(DEMO.parent / "src"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def settings_of(folder: Path = DEMO, **environment: str) -> dict[str, Any]:
    code = (
        "import json; from config import settings as s; print(json.dumps([s.DATABASES, s.DEBUG]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**OWN, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    databases, debug = json.loads(done.stdout)
    return {"database": databases["default"], "debug": debug}


def test_the_environment_chooses_the_database() -> None:
    chosen = settings_of(DATABASE_URL="postgresql://someone:secret@db.example:5433/films")
    assert chosen["database"]["ENGINE"] == "django.db.backends.postgresql"
    assert chosen["database"]["HOST"] == "db.example"
    assert chosen["database"]["NAME"] == "films"
    socket = settings_of(DATABASE_URL="postgresql://someone@%2Frun%2Fpostgresql/films")
    assert socket["database"]["HOST"] == "/run/postgresql"
    assert settings_of(DATABASE_URL="sqlite:////films.db")["database"]["NAME"] == "/films.db"


def test_a_file_beside_the_settings_chooses_too(tmp_path: Path) -> None:
    shutil.copytree(DEMO / "config", tmp_path / "config")
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://someone@db.example/other\n")
    assert settings_of(tmp_path)["database"]["NAME"] == "other"
    assert settings_of(tmp_path, DATABASE_URL="sqlite:////x.db")["database"]["NAME"] == "/x.db"


def test_there_is_no_default_key_without_debug() -> None:
    without = {"DEBUG": "off", "DATABASE_URL": "sqlite:///:memory:"}
    done = manage("migrate", **without)
    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr


def test_the_demo_runs_on_its_own_settings(tmp_path: Path) -> None:
    here = {"DATABASE_URL": f"sqlite:///{tmp_path / 'films.sqlite3'}"}
    for command in ("load_films", "showcase"):
        early = manage(command, **here)
        assert early.returncode == 1
        assert "Did migrate run?" in early.stderr
        assert "Traceback" not in early.stderr
    assert manage("migrate", "-v0", **here).returncode == 0
    assert "Loaded 434 films." in manage("load_films", **here).stdout
    apps = ("films", "library", "chat")
    missing = manage("makemigrations", "--check", "--dry-run", *apps, **here)
    assert missing.returncode == 0, missing.stdout
