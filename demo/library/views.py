"""The pages. Each shows what its visitor may see and nothing else; none needs JavaScript."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models.functions import Length
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from library import filling, finding
from library.forms import PasteForm, SearchForm, UploadForm
from library.models import Document, DocumentQuerySet, Passage
from library.places import place, sheets
from library.progress import WORKING, progress_of, with_progress
from library.storing import add

__all__ = [
    "all_progress",
    "delete",
    "document",
    "documents",
    "go_on",
    "passage",
    "paste",
    "progress",
    "search",
    "upload",
]

PAGE = 30
MOST_FAILED = 10

EXAMPLES = (
    "what to do when the fog comes in",
    "may I bring a dog",
    "cuándo se riega el jardín",
    "등대의 불은 누가 켜나",
)


def own(request: HttpRequest) -> DocumentQuerySet:
    """The documents of whoever asks."""
    mine: DocumentQuerySet = Document.objects.visible_to(request.user)
    return mine


@require_safe
def documents(request: HttpRequest) -> HttpResponse:
    """One's documents, and the forms to add to them."""
    return _listed(request, UploadForm(), PasteForm())


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Make documents of files; what cannot be read is told, and the others are stored."""
    form = UploadForm(request.POST, request.FILES)
    readings = form.readings() if form.is_valid() else []
    _tell_added(request, add(request.user, readings), len(readings))
    return _listed(request, form, PasteForm()) if form.errors else redirect("library:documents")


@require_POST
def paste(request: HttpRequest) -> HttpResponse:
    """Make a document of a text."""
    form = PasteForm(request.POST)
    if not form.is_valid():
        return _listed(request, UploadForm(), form)
    _tell_added(request, add(request.user, [form.reading()]), 1)
    return redirect("library:documents")


def _tell_added(request: HttpRequest, new: list[Document], of: int) -> None:
    for added in new:
        messages.success(request, f"“{added.title}” was added.")
    if of > len(new):
        messages.info(request, "What you have already was not added again.")


def _listed(request: HttpRequest, upload_form: UploadForm, paste_form: PasteForm) -> HttpResponse:
    rows = with_progress(own(request).annotate(length=Length("text")).defer("text"))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    shown: list[Any] = list(page.object_list)
    at_work = filling.is_at_work()
    for each in shown:
        each.progress = progress_of(each, at_work)
    context = {
        "page": page,
        "documents": shown,
        "upload": upload_form,
        "paste": paste_form,
        "working": any(each.progress.state == WORKING for each in shown),
    }
    return render(request, "library/documents.html", context)


@require_safe
def document(request: HttpRequest, pk: int) -> HttpResponse:
    """A whole text; with `?passage=`, one of its passages marked and those that are like it."""
    shown = get_object_or_404(with_progress(own(request)), pk=pk)
    marked = _asked_passage(request, shown)
    passages = Passage.objects.visible_to(request.user).filter(parent=shown)
    state = progress_of(shown, filling.is_at_work())
    context: dict[str, Any] = {
        "document": shown,
        "progress": state,
        "working": state.state == WORKING,
        "trouble": "" if state.state == WORKING or not state.stale else filling.trouble(),
        "failed": passages.failed().defer("embedding")[:MOST_FAILED] if state.failed else [],
        "first": passages.filter(number=0).defer("embedding").first(),
        "sheets": sheets(shown, marked),
    }
    if marked:
        context |= _about(request, shown, marked)
    return render(request, "library/document.html", context)


def _asked_passage(request: HttpRequest, shown: Document) -> Passage | None:
    """The passage that the address names, of this document."""
    asked = request.GET.get("passage")
    if asked is None:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        raise Http404
    mine = Passage.objects.visible_to(request.user)
    found: Passage = get_object_or_404(mine, pk=int(asked), parent=shown)
    return found


def _about(request: HttpRequest, shown: Document, marked: Passage) -> dict[str, Any]:
    """Where a passage is, the ones beside it and the ones that are like it."""
    around = Passage.objects.visible_to(request.user).filter(
        parent=shown, number__in=(marked.number - 1, marked.number + 1)
    )
    beside = {one.number - marked.number: one for one in around.defer("embedding")}
    return {
        "passage": marked,
        "place": place(shown.pages, marked.start, marked.end),
        "before": beside.get(-1),
        "after": beside.get(1),
        "related": finding.related(request.user, marked),
    }


@require_safe
def passage(request: HttpRequest, pk: int) -> HttpResponse:
    """The document of a passage, at its place there."""
    mine = Passage.objects.visible_to(request.user).select_related("parent")
    found = get_object_or_404(mine.defer("embedding", "parent__text"), pk=pk)
    query = urlencode({"passage": found.pk})
    return HttpResponseRedirect(f"{found.parent.get_absolute_url()}?{query}#passage")


@require_POST
def go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Fill a document whose filling was broken off, or of which something has failed."""
    found = get_object_or_404(own(request).defer("text"), pk=pk)
    filling.start([found.pk], retry_failed=True)
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether a document is to be deleted; when that is confirmed, delete it."""
    found = get_object_or_404(own(request).defer("text"), pk=pk)
    if request.method != "POST":
        return render(request, "library/delete.html", {"document": found})
    found.delete()
    messages.success(request, f"“{found.title}” was deleted.")
    return redirect("library:documents")


@require_safe
def progress(request: HttpRequest, pk: int) -> JsonResponse:
    """How far one document is, for pages that are open."""
    found = get_object_or_404(with_progress(own(request).defer("text")), pk=pk)
    return JsonResponse({found.pk: progress_of(found, filling.is_at_work()).as_json()})


@require_safe
def all_progress(request: HttpRequest) -> JsonResponse:
    """How far each of one's documents is."""
    at_work = filling.is_at_work()
    rows = with_progress(own(request).defer("text"))
    return JsonResponse({row.pk: progress_of(row, at_work).as_json() for row in rows})


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Search one's documents by words and by meaning."""
    form = SearchForm(request.GET)
    context: dict[str, Any] = {"form": form, "examples": EXAMPLES}
    if form.is_valid() and form.cleaned_data["q"]:
        context |= finding.by_text(request.user, form.cleaned_data["q"], form.mode)
    return render(request, "library/search.html", context)
