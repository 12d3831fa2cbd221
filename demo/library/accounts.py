"""Logging in, and looking around as a guest."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.crypto import get_random_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from library.storing import add, samples

__all__ = ["LogInView", "guest"]

# Letters that are not taken for each other.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class LogInView(LoginView):
    template_name = "library/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(guests=settings.LIBRARY_GUESTS, **kwargs)


@never_cache
@require_POST
def guest(request: HttpRequest) -> HttpResponse:
    """Make an account that nobody can log in to again, with the sample documents."""
    if not settings.LIBRARY_GUESTS:
        raise Http404
    if not request.user.is_authenticated:
        users: Any = get_user_model()._default_manager
        user = users.create_user(f"guest-{get_random_string(10, LETTERS)}")
        login(request, user, "django.contrib.auth.backends.ModelBackend")
        add(user, samples())
    return HttpResponseRedirect(_destination(request))


def _destination(request: HttpRequest) -> str:
    """The page that was asked for, if it is one of this site."""
    wanted = request.POST.get("next", "")
    hosts, secure = {request.get_host()}, request.is_secure()
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=hosts, require_https=secure):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL)
