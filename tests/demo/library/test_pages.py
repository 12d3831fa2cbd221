"""The demo's library: its pages, and who may see what on them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import EmbedderUnavailableError
from library import urls
from library.models import Document, Passage
from library.storing import samples, store
from tests.demo.library.conftest import generate
from tests.demo.library.pdfs import encrypted, pdf
from tests.demo.pages import Page, get

pytestmark = pytest.mark.urls("config.urls")

LISTED = "/library/"
LOGIN = "/library/login/"
OPEN = {"login", "logout", "guest"}


def file(name: str, data: bytes | str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data.encode() if isinstance(data, str) else data)


def upload(client: Client, *files: SimpleUploadedFile) -> str:
    response = client.post("/library/upload/", {"uploads": list(files)}, follow=True)
    assert response.status_code == 200
    return Page(response.content.decode()).text


def paste(client: Client, title: str, text: str) -> str:
    response = client.post("/library/paste/", {"title": title, "text": text}, follow=True)
    assert response.status_code == 200
    return Page(response.content.decode()).text


def found(client: Client, question: str, by: str = "") -> list[Any]:
    response = client.get("/library/search/", {"q": question, "by": by})
    assert response.status_code == 200
    return list(response.context["found"])


# Logging in


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", urls.urlpatterns, ids=lambda pattern: pattern.name)
def test_every_page_needs_a_login(client: Client, pattern: Any) -> None:
    if pattern.name in OPEN:
        return
    address = reverse(f"library:{pattern.name}", args=[1] if "<int:pk>" in str(pattern) else [])
    for response in (client.get(address), client.post(address)):
        assert response.status_code == 302
        assert response.headers["Location"] == f"{LOGIN}?next={address}"


def test_somebody_logs_in_and_out(ann: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    fields = dict(get(client, f"{LOGIN}?next=/library/search/").fields)
    assert fields["next"] == "/library/search/"
    known = {**fields, "username": "ann", "password": "hers"}
    assert "correct username" in client.post(LOGIN, known | {"password": "?"}).content.decode()
    assert client.post(LOGIN, known).headers["Location"] == "/library/search/"
    page = get(client, LISTED)
    assert "Logged in as ann" in page.text
    token = dict(page.fields)["csrfmiddlewaretoken"]
    assert client.get("/library/logout/").status_code == 405
    assert client.post("/library/logout/").status_code == 403
    left = client.post("/library/logout/", {"csrfmiddlewaretoken": token})
    assert left.headers["Location"] == LOGIN
    assert client.get(LISTED).status_code == 302


HERE, ELSEWHERE = (
    "/library/search/?q=fog",
    ["https://evil.example/", "//evil.example", "javascript:x"],
)


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_a_login_leads_nowhere_else(ann: Any, client: Client, wanted: str) -> None:
    known = {"username": "ann", "password": "hers"}
    assert client.post(LOGIN, {**known, "next": HERE}).headers["Location"] == HERE
    client.logout()
    assert client.post(LOGIN, {**known, "next": wanted}).headers["Location"] == LISTED
    client.logout()
    assert client.post("/library/guest/", {"next": wanted}).headers["Location"] == LISTED


@pytest.mark.django_db
def test_a_guest_has_the_samples_and_an_account_nobody_logs_in_to() -> None:
    client = Client(enforce_csrf_checks=True)
    page = get(client, LOGIN)
    assert "Try it as a guest" in page.text
    assert client.post("/library/guest/").status_code == 403
    token = dict(page.fields)["csrfmiddlewaretoken"]
    made = client.post("/library/guest/", {"csrfmiddlewaretoken": token, "next": HERE})
    assert made.headers["Location"] == HERE
    (guest,) = get_user_model().objects.all()
    assert not guest.has_usable_password()
    assert (guest.is_staff, guest.is_superuser) == (False, False)
    titles = {document.title for document in Document.objects.visible_to(guest)}
    assert titles == {sample.title for sample in samples()}
    assert titles <= set(get(client, LISTED).links)


def test_who_is_logged_in_becomes_no_guest(ann: Any, as_ann: Client) -> None:
    assert as_ann.post("/library/guest/").status_code == 302
    assert list(get_user_model().objects.all()) == [ann]
    assert not Document.objects.exists()


@pytest.mark.django_db
def test_there_are_guests_only_where_they_are_wanted(client: Client, settings: Any) -> None:
    assert client.get("/library/guest/").status_code == 405
    settings.LIBRARY_GUESTS = False
    assert client.post("/library/guest/").status_code == 404
    assert not get_user_model().objects.exists()
    assert "guest" not in get(client, LOGIN).text


# Adding and deleting


def test_files_become_documents(ann: Any, as_ann: Client) -> None:
    said = upload(
        as_ann,
        file("notes.md", "# On birds\n\nThey fly."),
        file("report.pdf", pdf("First page", "Second page", title="A report")),
    )
    assert "“On birds” was added." in said
    report, birds = Document.objects.order_by("title")
    assert {report.owner, birds.owner} == {ann}
    assert (report.title, report.pages) == ("A report", [0, 12])
    assert (birds.title, birds.text, birds.pages) == ("On birds", "# On birds\n\nThey fly.", [])
    assert "2 pages" in said


def test_a_file_that_cannot_be_read_keeps_no_other_out(as_ann: Client) -> None:
    said = upload(
        as_ann,
        file("good.txt", "A text"),
        file("bad.pdf", encrypted(pdf("A text"), "secret")),
        file("empty.txt", b""),
        file("large.txt", b"x" * 1_000_001),
        file("<b>.exe", b"MZ"),
    )
    assert "“good” was added." in said
    for fault in (
        "bad.pdf is encrypted: save it without a password.",
        "empty.txt is empty.",
        "large.txt is larger than 1 MB: divide it.",
        "<b>.exe is none of the kinds",
    ):
        assert fault in said
    assert [document.title for document in Document.objects.all()] == ["good"]


def test_an_upload_without_files_or_with_too_many_is_told(as_ann: Client) -> None:
    assert "Choose one file, or several." in upload(as_ann)
    many = [file(f"{n}.txt", "A text") for n in range(21)]
    assert "These are 21 files, at most 20" in upload(as_ann, *many)
    assert not Document.objects.exists()


def test_a_text_is_pasted(as_ann: Client) -> None:
    assert "“My notes” was added." in paste(as_ann, " My \t notes ", " one\r\ntwo ")
    document = Document.objects.get()
    assert (document.title, document.text) == ("My notes", " one\ntwo ")


@pytest.mark.parametrize(
    ("title", "text", "fault"),
    [
        ("", "A text", "This field is required."),
        ("A title", "", "This field is required."),
        ("A title", " \n ", "The text has no text."),
        ("A title", "nul\0", "Null characters are not allowed."),
        ("x" * 201, "A text", "at most 200 characters"),
        ("A title", "x" * 200_001, "at most 200000 characters"),
    ],
)
def test_a_text_that_cannot_be_stored_is_told(
    as_ann: Client, title: str, text: str, fault: str
) -> None:
    assert fault in paste(as_ann, title, text)
    assert not Document.objects.exists()


def test_the_same_is_not_added_twice(as_ann: Client, as_bob: Client) -> None:
    upload(as_ann, file("a.txt", "A text"))
    assert "was not added again" in upload(as_ann, file("a.txt", "A text"))
    assert "“a” was added" in upload(as_ann, file("a.txt", "Another text"))
    assert "“a” was added" in paste(as_bob, "a", "A text")
    assert Document.objects.count() == 3


def test_whose_a_document_is_does_not_come_from_the_form(
    ann: Any, bob: Any, as_ann: Client
) -> None:
    fields = {"title": "A", "text": "B", "owner": bob.pk, "owner_id": bob.pk, "user": bob.pk}
    as_ann.post("/library/paste/", fields)
    assert Document.objects.get().owner == ann


def test_forms_need_their_token(ann: Any, library: list[Document]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    key = library[0].pk
    for address in ("upload/", "paste/", f"{key}/delete/", f"{key}/go-on/"):
        assert client.post(f"/library/{address}", {"title": "A", "text": "B"}).status_code == 403
    assert Document.objects.count() == len(library)


def test_a_document_is_deleted_when_that_is_confirmed(
    as_ann: Client, library: list[Document]
) -> None:
    gone = library[0]
    address = f"/library/{gone.pk}/delete/"
    assert gone.title in get(as_ann, address).text
    assert Document.objects.filter(pk=gone.pk).exists()
    page = as_ann.post(address, follow=True).content.decode()
    assert f"“{gone.title}” was deleted." in page
    assert not Document.objects.filter(pk=gone.pk).exists()
    assert not Passage.objects.filter(parent=gone.pk).exists()
    assert as_ann.get(gone.get_absolute_url()).status_code == 404


# Documents and passages


def test_a_document_is_shown_whole(as_ann: Client, library: list[Document]) -> None:
    for document in library:
        page = get(as_ann, document.get_absolute_url())
        assert document.text in page.text
        assert "Walk through its passages" in page.links
        assert "Page 1" not in page.text


def test_pages_of_a_pdf_are_told(ann: Any, as_ann: Client) -> None:
    words = [" ".join(f"word{n}" for n in range(start, start + 90)) for start in (0, 90, 180)]
    upload(as_ann, file("report.pdf", pdf(*words)))
    generate()
    document = Document.objects.get()
    markup = as_ann.get(document.get_absolute_url()).content.decode()
    assert re.findall(r'id="page-(\d)"', markup) == ["1", "2", "3"]
    (hit,) = found(as_ann, "word200", "words")
    assert hit.place == "Page 3"
    page = as_ann.get(hit.passage.get_absolute_url(), follow=True).content.decode()
    assert "Page 3 ·" in page
    marked = "".join(re.findall(r"<mark[^>]*>([^<]*)</mark>", page))
    assert marked == hit.passage.text
    assert "word200" in marked


def test_a_passage_is_marked_in_its_document(as_ann: Client, library: list[Document]) -> None:
    passage = Passage.objects.filter(parent=library[0])[1]
    response = as_ann.get(passage.get_absolute_url())
    document = library[0].get_absolute_url()
    assert response.headers["Location"] == f"{document}?passage={passage.pk}#passage"
    markup = as_ann.get(response.headers["Location"]).content.decode()
    (marked,) = re.findall(r'<mark id="passage"[^>]*>([^<]*)</mark>', markup)
    assert Page(marked).text == passage.text
    page = Page(markup)
    assert library[0].text in page.text
    assert f"Passage 2 of {passage.total}" in page.text
    assert get_followed(as_ann, page.links["← Before"]).context["passage"].number == 0
    assert get_followed(as_ann, page.links["After →"]).context["passage"].number == 2


def get_followed(client: Client, address: str) -> Any:
    response = client.get(address, follow=True)
    assert response.status_code == 200
    return response


def test_related_passages_are_nearest_first(
    as_ann: Client, library: list[Document], secret: Document
) -> None:
    passage = Passage.objects.filter(parent=library[0])[1]
    related = get_followed(as_ann, passage.get_absolute_url()).context["related"]
    mine = Passage.objects.filter(parent__in=library).exclude(pk=passage.pk)
    assert related == list(mine.nearest(passage)[:5])
    assert [one.similarity for one in related] == sorted(
        (one.similarity for one in related), reverse=True
    )
    markup = get_followed(as_ann, passage.get_absolute_url()).content.decode()
    assert f"{related[0].similarity:.2f}" in markup


def test_a_passage_without_a_vector_is_shown_without_related_ones(
    as_ann: Client, library: list[Document]
) -> None:
    Passage.objects.update(embedding=None)
    page = get_followed(as_ann, Passage.objects.all()[0].get_absolute_url())
    assert "None can be compared with it yet." in page.content.decode()


def test_an_odd_passage_is_not_found(as_ann: Client, library: list[Document]) -> None:
    for asked in ("x", "-1", "", "9" * 30, "\u0663", "999999"):
        response = as_ann.get(library[0].get_absolute_url(), {"passage": asked})
        assert response.status_code == 404, asked


def test_a_passage_of_another_document_is_not_found(
    as_ann: Client, library: list[Document]
) -> None:
    other = Passage.objects.filter(parent=library[1])[0]
    response = as_ann.get(library[0].get_absolute_url(), {"passage": other.pk})
    assert response.status_code == 404


# Searching

QUESTIONS = [
    ("eleven centimetres Heron", "The guest house of Corran Ridge Observatory", "old refractor"),
    ("goats pay half", "Duties on the night ferry", "stand in the bow"),
    ("lengua de farero", "Guía del jardín de sal de Valmarina", "La planta más rara"),
    ("CUÁNDO SE CIERRA LA COMPUERTA", "Guía del jardín de sal de Valmarina", "piedra pintada"),
    ("고양이 이름", "달무리섬 등대 도서관 이용 안내", "밀물, 썰물"),
    ("동백기름", "달무리섬 등대 도서관 이용 안내", "기름은 동백기름만"),
]


@pytest.mark.usefixtures("library")
def test_passages_are_found_by_words_in_three_languages(as_ann: Client) -> None:
    for question, title, said in QUESTIONS:
        first = found(as_ann, question, "words")[0]
        assert first.title == title
        assert said in first.passage.text
        assert found(as_ann, question)[0].title == title


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("choice", "mode"), [("", "hybrid"), ("words", "text"), ("meaning", "vector")]
)
def test_a_search_is_made_as_the_visitor_chooses(
    ann: Any, as_ann: Client, choice: str, mode: str
) -> None:
    mine = Document.objects.visible_to(ann)
    assert found(as_ann, "rope fog", choice) == list(
        mine.search_by_passage("rope fog", mode=mode)[:20]
    )
    address = f"/library/search/?q=rope+fog&by={choice}"
    page = get(as_ann, address)
    assert ("Words no. 1, for " in page.text) == (choice != "meaning")
    assert ("with a similarity of" in page.text) == (choice != "words")
    assert ("Together" in page.text) == (choice == "")
    markup = as_ann.get(address).content.decode()
    assert ("<mark>rope</mark>" in markup) == (choice != "meaning")
    hit = found(as_ann, "rope fog", choice)[0]
    assert page.links[hit.title] == hit.passage.get_absolute_url()


FAULTS = [
    ({"q": "x" * 301}, "at most 300 characters"),
    ({"q": "a\0b"}, "Null characters"),
    ({"q": "fog", "by": "both"}, "Select a valid choice"),
    ({"q": "-fog"}, "This search could not be made."),
    ({"q": "xyzzy", "by": "words"}, "No document of yours has these words"),
]


@pytest.mark.usefixtures("library")
def test_what_cannot_be_searched_is_told(as_ann: Client) -> None:
    for query, fault in FAULTS:
        response = as_ann.get("/library/search/", query)
        assert fault in Page(response.content.decode()).text


WORDS_ALONE = "These were found by their words alone."


@pytest.mark.parametrize("choice", ["", "meaning"])
def test_without_vectors_documents_are_found_by_words(
    as_ann: Client, library: list[Document], secret: Document, choice: str
) -> None:
    Passage.objects.filter(parent__in=library).update(embedding=None)
    page = get(as_ann, f"/library/search/?q=goats&by={choice}")
    assert f"{WORDS_ALONE} None of your documents has been embedded yet." in page.text
    assert "Duties on the night ferry" in page.links


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("choice", ["", "meaning"])
def test_documents_are_found_by_words_where_the_embedder_fails(
    as_ann: Client, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    def fail(self: Any, texts: Any) -> Any:
        raise EmbedderUnavailableError("The provider is on holiday.")

    monkeypatch.setattr(HashingEmbedder, "embed_batch", fail)
    page = get(as_ann, f"/library/search/?q=goats&by={choice}")
    assert f"{WORDS_ALONE} The provider is on holiday." in page.text
    assert "Duties on the night ferry" in page.links
    assert "holiday" not in get(as_ann, "/library/search/?q=goats&by=words").text


# Two people


def test_nobody_sees_what_is_anothers(
    as_ann: Client, library: list[Document], secret: Document
) -> None:
    for document in library:
        assert "Bob" not in get(as_ann, document.get_absolute_url()).text
    pages = [LISTED, "/library/search/", "/library/search/?q=fog"]
    for address in pages:
        assert "Bob" not in get(as_ann, address).text
    for question, title, _ in QUESTIONS[1::2]:
        for by in ("", "words", "meaning"):
            hits = found(as_ann, question, by)
            assert {hit.pk for hit in hits} <= {document.pk for document in library}
            assert {hit.passage.parent_id for hit in hits} == {hit.pk for hit in hits}
            assert by == "meaning" or hits[0].title == title
    assert found(as_ann, "Bob", "words") == []
    known = as_ann.get("/library/progress/").json()
    assert set(known) == {str(document.pk) for document in library}
    for own in Passage.objects.filter(parent__in=library)[:4]:
        related = get_followed(as_ann, own.get_absolute_url()).context["related"]
        assert {one.parent_id for one in related} <= {document.pk for document in library}


def test_what_is_anothers_is_as_if_it_were_not(as_ann: Client, secret: Document) -> None:
    passage = Passage.objects.filter(parent=secret)[0]
    missing = max(secret.pk, passage.pk) + 1000
    places = ("{}/", "{}/progress/", "{}/go-on/", "{}/delete/", "passages/{}/")
    for place in places:
        key = passage.pk if place.startswith("passages") else secret.pk
        for method in (as_ann.get, as_ann.post):
            theirs = method(f"/library/{place.format(key)}")
            none = method(f"/library/{place.format(missing)}")
            assert theirs.status_code == none.status_code
            assert theirs.status_code in (404, 405)
            assert theirs.content == none.content
    assert as_ann.post(f"/library/{secret.pk}/delete/").status_code == 404
    assert as_ann.post(f"/library/{secret.pk}/go-on/").status_code == 404
    assert as_ann.get(f"/library/{secret.pk}/?passage={passage.pk}").status_code == 404
    assert Document.objects.filter(pk=secret.pk).exists()


def test_anothers_passage_is_not_shown_in_ones_own_document(
    as_ann: Client, library: list[Document], secret: Document
) -> None:
    passage = Passage.objects.filter(parent=secret)[0]
    assert as_ann.get(f"/library/{library[0].pk}/?passage={passage.pk}").status_code == 404


def test_another_login_in_the_same_browser_sees_what_is_its_own(
    ann: Any, bob: Any, client: Client, library: list[Document], secret: Document
) -> None:
    address = secret.get_absolute_url()
    client.force_login(bob)
    assert client.get(address).status_code == 200
    client.force_login(ann)
    assert client.get(address).status_code == 404
    assert set(get(client, LISTED).links) >= {document.title for document in library}
    assert "Bob's secret" not in get(client, LISTED).links
    client.logout()
    assert client.get(address).status_code == 302
    client.force_login(bob)
    assert "Bob's secret" in get(client, LISTED).links
    assert library[0].title not in get(client, LISTED).links


def test_no_cache_keeps_a_page(as_ann: Client, library: list[Document]) -> None:
    key = library[0].pk
    for address in (LISTED, f"/library/{key}/", "/library/progress/", f"/library/{key}/progress/"):
        cached = as_ann.get(address).headers["Cache-Control"]
        assert "no-store" in cached
        assert "private" in cached


# Hostile texts

HOSTILE = "<script>alert('x')</script> \"'&]]> {{ x }}{% now %} </mark></textarea>"


@pytest.fixture
def hostile(ann: Any, as_ann: Client) -> Document:
    """A document that was uploaded with a hostile name, title and text."""
    data = pdf("A page", title=HOSTILE)
    upload(as_ann, file("<script>alert('x')<script>.pdf", data))
    paste(as_ann, HOSTILE, f"{HOSTILE} griffin {HOSTILE}")
    upload(as_ann, file(f"{HOSTILE.replace('/', '')}.txt", "griffin"))
    generate()
    return Document.objects.get(text__contains="alert")


def test_hostile_titles_and_texts_are_text(as_ann: Client, hostile: Document) -> None:
    passage = Passage.objects.get(parent=hostile)
    at_passage = f"{hostile.get_absolute_url()}?passage={passage.pk}"
    deleting = f"/library/{hostile.pk}/delete/"
    searches = [f"/library/search/?q=griffin&by={by}" for by in ("", "words", "meaning")]
    for address in (LISTED, hostile.get_absolute_url(), at_passage, deleting, *searches):
        markup = as_ann.get(address).content.decode()
        page = Page(markup)
        assert page.scripts == 0, address
        assert HOSTILE in page.text, address
        assert "<script>" not in markup
    assert len(Document.objects.all()) == 3


def test_hostile_names_and_questions_are_text(as_ann: Client, library: list[Document]) -> None:
    response = as_ann.post("/library/upload/", {"uploads": [file("<script>'\"&.exe", "x")]})
    assert Page(response.content.decode()).scripts == 0
    assert "<script>'\"&.exe is none of the kinds" in Page(response.content.decode()).text
    for by in ("", "words", "meaning", HOSTILE):
        response = as_ann.get("/library/search/", {"q": f"{HOSTILE} fog", "by": by})
        assert Page(response.content.decode()).scripts == 0
    attack = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    for address in (f"{LISTED}?page={attack}", f"{LOGIN}?next={attack}"):
        followed = as_ann.get(address, follow=True)
        assert Page(followed.content.decode()).scripts == 0
    assert Page(Client().get(f"{LOGIN}?next={attack}").content.decode()).scripts == 0


# Speed


def test_the_list_takes_the_same_queries_however_long_it_is(
    ann: Any, as_ann: Client, library: list[Document], django_assert_max_num_queries: Any
) -> None:
    # Session, user, how many, all of them with their counts, and whether anybody is at work.
    with django_assert_max_num_queries(5):
        assert get(as_ann, LISTED).text.count("passages are embedded") == len(library)
    with django_assert_max_num_queries(3):
        as_ann.get("/library/search/")
    with django_assert_max_num_queries(4):
        assert len(as_ann.get("/library/progress/").json()) == len(library)


def test_lists_load_no_texts_and_no_vectors(as_ann: Client, library: list[Document]) -> None:
    for listed in (as_ann.get(LISTED).context["documents"], found(as_ann, "fog")):
        assert listed
        assert all("text" in document.get_deferred_fields() for document in listed)
    assert all("embedding" in hit.passage.get_deferred_fields() for hit in found(as_ann, "fog"))
    own = get_followed(as_ann, Passage.objects.all()[0].get_absolute_url())
    assert all("embedding" in one.get_deferred_fields() for one in own.context["related"])


def test_long_lists_have_pages(ann: Any, as_ann: Client) -> None:
    Document.objects.bulk_create(
        Document(owner=ann, title=f"No. {n}", text="A text") for n in range(31)
    )
    assert "Page 1 of 2" in get(as_ann, LISTED).text
    assert "No. 0" in get(as_ann, f"{LISTED}?page=2").links


def test_the_admin_shows_texts_and_changes_titles_alone(
    admin_client: Client, library: list[Document]
) -> None:
    assert admin_client.get("/admin/library/document/?q=guest").status_code == 200
    assert admin_client.get("/admin/library/document/add/").status_code == 403
    document, text = library[0], library[0].text
    address = f"/admin/library/document/{document.pk}/change/"
    assert admin_client.get(address).status_code == 200
    admin_client.post(address, {"title": "Another title", "text": "Another text"})
    document.refresh_from_db()
    assert (document.title, document.text) == ("Another title", text)


def test_both_sites_lead_to_each_other(as_ann: Client) -> None:
    assert get(as_ann, "/").links["library"] == LISTED
    assert get(as_ann, LISTED).links["Films"] == "/"
    assert store(get_user_model().objects.get(), samples())
