"""The pages. None needs JavaScript: with it, questions are sent without leaving the page, and
answers are shown as they come."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat.answering import TakenError, answer
from chat.forms import QuestionForm
from chat.models import Chat, Turn
from chat.showing import shown
from chat.streaming import TYPE, streamed
from library.models import Document

__all__ = ["answering", "chat", "chats", "delete", "turn"]

PAGE = 30


def own_chat(request: HttpRequest, pk: int) -> Chat:
    """Another's is not found, like one that there is not."""
    found: Chat = get_object_or_404(Chat.objects.visible_to(request.user), pk=pk)
    return found


def own_turn(request: HttpRequest, pk: int, number: int) -> Turn:
    found: Turn = get_object_or_404(own_chat(request, pk).turns.all(), pk=number)
    return found


# No transaction is open while a question is answered, whatever ATOMIC_REQUESTS says.
@transaction.non_atomic_requests
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def chats(request: HttpRequest) -> HttpResponseBase:
    """One's chats, and the first question of a new one."""
    form = QuestionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        person: Any = request.user
        with transaction.atomic():
            begun = Chat.objects.create(owner=person)
            asked = begun.turns.create(question=form.cleaned_data["question"])
        return told(request, asked)
    first = Turn.objects.filter(chat=OuterRef("pk")).values("question")[:1]
    mine = Chat.objects.visible_to(request.user)
    listed = mine.annotate(first=Subquery(first), questions=Count("turns"))
    # The order of the model does not hold for what counts.
    listed = listed.order_by("-begun", "-pk")
    page = Paginator(listed, PAGE).get_page(request.GET.get("page"))
    has_documents = Document.objects.visible_to(request.user).exists()
    return answered(
        request, "chat/chats.html", form, {"page": page, "has_documents": has_documents}
    )


@transaction.non_atomic_requests
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def chat(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Questions and answers, and the next question."""
    current = own_chat(request, pk)
    form = QuestionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return told(request, current.turns.create(question=form.cleaned_data["question"]))
    turns = shown(list(current.turns.all()), request.user)
    return answered(request, "chat/chat.html", form, {"chat": current, "turns": turns})


@transaction.non_atomic_requests
@login_required
@require_POST
def answering(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    """Answer a question that is not answered yet: piece by piece for the script of the page."""
    asked = own_turn(request, pk, number)
    if request.headers.get("Accept") == TYPE:
        return streamed(request, asked, request.user)
    return finished(request, asked)


@login_required
@never_cache
@require_safe
def turn(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """One question with its answer, for the script of the page."""
    [found] = shown([own_turn(request, pk, number)], request.user)
    return render(request, "chat/_turn.html", {"shown": found})


@login_required
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    own_chat(request, pk).delete()
    return redirect("chat:chats")


def told(request: HttpRequest, asked: Turn) -> HttpResponseBase:
    """The response to a question. The script of the page lets it be answered itself."""
    if not by_script(request):
        return finished(request, asked)
    [found] = shown([asked], request.user)
    response = render(request, "chat/_turn.html", {"shown": found}, status=201)
    response.headers["Location"] = asked.chat.get_absolute_url()
    return response


def finished(request: HttpRequest, asked: Turn) -> HttpResponseRedirect:
    """The chat, once the question is answered."""
    with suppress(TakenError):
        for _ in answer(asked, request.user):
            pass
    return HttpResponseRedirect(asked.get_absolute_url())


def answered(
    request: HttpRequest, template: str, form: QuestionForm, context: dict[str, Any]
) -> HttpResponse:
    """A page with its form; to the script of the page, what is wrong with the question."""
    status = 400 if form.errors else 200
    if status == 400 and by_script(request):
        return HttpResponse(form.errors.as_text(), status=status, content_type="text/plain")
    return render(request, template, {**context, "form": form}, status=status)


def by_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"
