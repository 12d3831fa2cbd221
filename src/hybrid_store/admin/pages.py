"""Additions to the pages of Django's admin, whichever templates a project has for them."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

__all__ = ["extended"]

PAGE = "hybrid_store_page"
"""What a template of ours extends: the page as it would have been."""


def extended(response: HttpResponseBase, template: str, **context: Any) -> HttpResponseBase:
    """The page by `template`, which extends the one that it was to be by.

    A response that is no page, such as a redirect, stays as it is.
    """
    if isinstance(response, TemplateResponse) and not response.is_rendered:
        page = response.resolve_template(response.template_name)
        response.context_data = {**(response.context_data or {}), PAGE: page, **context}
        response.template_name = template
    return response
