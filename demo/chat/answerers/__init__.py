"""Those who answer: each a class in a module of its own, chosen by the setting `CHAT`."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from chat.answerers.base import AnswerError, BaseAnswerer, Exchange, Question

__all__ = ["AnswerError", "BaseAnswerer", "Exchange", "Question", "configured"]

DEFAULT = "chat.answerers.extractive.Extractive"


def configured() -> BaseAnswerer:
    """The one that `CHAT["ANSWERER"]` names, made with `CHAT["OPTIONS"]`."""
    given = getattr(settings, "CHAT", {})
    answerer: BaseAnswerer = import_string(given.get("ANSWERER", DEFAULT))(
        **given.get("OPTIONS", {})
    )
    return answerer
