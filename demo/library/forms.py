"""What people fill in: files, texts, and questions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from library.faults import UnreadableError
from library.reading import SUFFIXES, Reading, check_size, checked, read, title_of

__all__ = ["PasteForm", "SearchForm", "UploadForm"]

MOST_FILES = 20
# What a browser sends of it stays below DATA_UPLOAD_MAX_MEMORY_SIZE.
MOST_PASTED = 200_000

# What the visitor chooses -> what `search_by_passage` is told.
MODES = {"": "hybrid", "words": "text", "meaning": "vector"}


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, which may be of any kind and size as yet."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        files = data if isinstance(data, (list, tuple)) else [data]
        if not any(files):
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if len(files) > MOST_FILES:
            raise forms.ValidationError(
                f"These are {len(files)} files, at most {MOST_FILES} are taken at once."
            )
        return [file for file in files if file is not None]


class UploadForm(forms.Form):
    """Files to be made documents."""

    uploads = FilesField(label="Files", error_messages={"required": "Choose one file, or several."})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["uploads"]
        field.widget.attrs["accept"] = ",".join(SUFFIXES)
        field.help_text = (
            "Markdown, plain text or PDF, several at once; each has "
            f"at most {settings.LIBRARY_UPLOAD_MB} MB."
        )

    def readings(self) -> list[Reading]:
        """What could be read; what could not is an error of the field. For a valid form."""
        readings = []
        for file in self.cleaned_data["uploads"]:
            name = title_of(file.name)
            try:
                check_size(file.size)
                readings.append(read(file.name, file.read()))
            except UnreadableError as fault:
                self.add_error("uploads", f"{name} {fault}")
        return readings


class PasteForm(forms.Form):
    """A text with a title."""

    title = forms.CharField(max_length=200, label="Title")
    text = forms.CharField(
        max_length=MOST_PASTED,
        strip=False,
        label="Text",
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
        help_text="Longer ones go by file.",
    )

    def clean_title(self) -> str:
        return title_of(self.cleaned_data["title"])

    def clean_text(self) -> str:
        try:
            return checked(self.cleaned_data["text"])
        except UnreadableError as fault:
            raise forms.ValidationError(f"The text {fault}") from fault

    def reading(self) -> Reading:
        return Reading(self.cleaned_data["title"], self.cleaned_data["text"])


class SearchForm(forms.Form):
    """What to look for in one's documents."""

    q = forms.CharField(
        required=False,
        max_length=300,
        label="What do you look for?",
        widget=forms.SearchInput(attrs={"placeholder": "what to do when the fog comes in"}),
    )
    by = forms.ChoiceField(
        required=False,
        choices=[("", "Both"), ("words", "Words"), ("meaning", "Meaning")],
        label="Search by",
        widget=forms.RadioSelect,
    )

    @property
    def mode(self) -> str:
        return MODES[self.cleaned_data["by"]]
