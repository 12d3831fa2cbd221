"""The form for a question."""

from __future__ import annotations

from django import forms

from chat.models import Turn

__all__ = ["QuestionForm"]

LONGEST = Turn._meta.get_field("question").max_length


class QuestionForm(forms.Form):
    """What to ask of one's documents."""

    question = forms.CharField(
        max_length=LONGEST,
        label="Your question",
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        error_messages={"required": "Write a question."},
    )
