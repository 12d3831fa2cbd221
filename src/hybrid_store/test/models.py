"""Models of the conformance suite: small, one for each thing that behaves differently."""

from __future__ import annotations

import re
import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from hybrid_store.models import (
    BitField,
    Chunk,
    Chunking,
    EmbeddingField,
    HalfVectorField,
    HybridManager,
    HybridQuerySetMixin,
    SparseVectorField,
    StaleIndex,
    TextIndex,
    VectorField,
    VectorIndex,
)

__all__ = [
    "Album",
    "Article",
    "Author",
    "Book",
    "Clause",
    "Code",
    "Comment",
    "Essay",
    "Fable",
    "Lecture",
    "Letter",
    "LoudParagraph",
    "Manual",
    "ManualPassage",
    "Memo",
    "Note",
    "Novel",
    "Offer",
    "OfferText",
    "Page",
    "Part",
    "Passage",
    "Point",
    "Post",
    "Recording",
    "Remix",
    "Report",
    "Review",
    "Saga",
    "ShortBook",
    "Specimen",
    "Speech",
    "SpeechParagraph",
    "Tale",
    "TaleTeller",
    "Term",
    "Verse",
    "Weighting",
]

DIMENSIONS = 384


class Point(models.Model):
    """Vectors of the user's own, in both precisions."""

    name = models.CharField(max_length=50)
    group = models.IntegerField(default=0)
    vector = VectorField(dimensions=3, null=True, blank=True)
    half = HalfVectorField(dimensions=3, null=True, blank=True)
    other = VectorField(dimensions=3, null=True, blank=True)

    objects = HybridManager()

    class Meta:
        indexes = [
            VectorIndex("vector", metric="cosine", name="test_point_vec", m=8, ef_construction=32),
            VectorIndex(fields=["half"], metric="l2", name="test_point_half"),
        ]


class Code(models.Model):
    """Bits, of a length that ends within a byte, and of one that does not."""

    name = models.CharField(max_length=50)
    bits = BitField(length=12, null=True, blank=True)
    other = BitField(length=12, null=True, blank=True)
    whole = BitField(length=16, null=True, blank=True)

    objects = HybridManager()

    class Meta:
        indexes = [
            VectorIndex("bits", metric="hamming", name="test_code_bits"),
            VectorIndex("whole", metric="jaccard", name="test_code_whole"),
        ]


class Weighting(models.Model):
    """Sparse vectors."""

    name = models.CharField(max_length=50)
    terms = SparseVectorField(dimensions=50, null=True, blank=True)
    other = SparseVectorField(dimensions=50, null=True, blank=True)
    huge = SparseVectorField(dimensions=1_000_000_000, null=True, blank=True)

    objects = HybridManager()

    class Meta:
        indexes = [VectorIndex("terms", metric="cosine", name="test_weighting_terms")]


class Author(models.Model):
    name = models.CharField(max_length=100)
    born = models.IntegerField(null=True)


class Book(models.Model):
    """The usual case: own columns, one embedding."""

    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    year = models.IntegerField(null=True)
    author = models.ForeignKey(Author, models.CASCADE, null=True, related_name="books")
    embedding = EmbeddingField(source=["title", "description"], dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        indexes = [
            VectorIndex("embedding", metric="cosine", name="test_book_vec"),
            StaleIndex("embedding", name="test_book_stale"),
        ]

    def __str__(self) -> str:
        return self.title


class ShortBookQuerySet(HybridQuerySetMixin, models.QuerySet["ShortBook"]):
    """A queryset of a project's own."""

    def short(self) -> ShortBookQuerySet:
        return self.filter(description="")


class ShortBook(Book):
    """A proxy with a manager of its own."""

    objects = ShortBookQuerySet.as_manager()  # type: ignore[assignment,misc]

    class Meta:
        proxy = True


class Novel(Book):
    """A child in multi-table inheritance: the embedding is the parent's."""

    series = models.CharField(max_length=100, blank=True)


class Clause(models.Model):
    """A composite primary key, as tenants have."""

    pk = models.CompositePrimaryKey("tenant", "number")
    tenant = models.IntegerField()
    number = models.IntegerField()
    text = models.TextField()
    embedding = EmbeddingField(source="text", dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        indexes = [StaleIndex("embedding", name="test_clause_stale")]


class Term(models.Model):
    """A text as primary key."""

    word = models.CharField(primary_key=True, max_length=100)
    meaning = models.TextField(blank=True)
    embedding = EmbeddingField(source=["word", "meaning"], dimensions=DIMENSIONS)


class Passage(models.Model):
    """A composite key of every type of part, a link among them; a task embeds it."""

    pk = models.CompositePrimaryKey("term", "code", "number", "place")
    term = models.ForeignKey(Term, models.CASCADE)
    code = models.UUIDField()
    number = models.BigIntegerField()
    place = models.CharField(max_length=100)
    text = models.TextField()
    embedding = EmbeddingField(source=["place", "text"], dimensions=DIMENSIONS, on_save="task")


class Review(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, related_name="reviews")
    stars = models.IntegerField()


class Embedded(models.Model):
    """An abstract parent of embedded models."""

    text = models.TextField()
    embedding = EmbeddingField(source="text", dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        abstract = True


class Note(Embedded):
    """Is embedded at once when it was saved."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    embedding = EmbeddingField(source="text", dimensions=DIMENSIONS, on_save="now")


class Memo(Embedded):
    """Is embedded by a task when it was saved."""

    embedding = EmbeddingField(source="text", dimensions=DIMENSIONS, on_save="task")


class Post(Embedded):
    """Inherits the embedding of the abstract parent; no manager of ours is the default."""

    code = models.UUIDField(default=uuid.uuid4)

    objects: ClassVar[Any] = models.Manager()


class Report(Embedded):
    """Gives up the embedding of its abstract parent."""

    embedding = None


class Lecture(Author, Note):  # type: ignore[misc]
    """A child of two parents, whose own key is that of the one without an embedding."""


class Article(models.Model):
    """Every supported type of source, and one of a related row."""

    slug = models.SlugField()
    url = models.URLField(blank=True)
    number = models.BigIntegerField(null=True)
    code = models.UUIDField(null=True)
    author = models.ForeignKey(Author, models.CASCADE, null=True)
    embedding = EmbeddingField(
        source=["slug", "url", "number", "code", "author__name"], dimensions=DIMENSIONS
    )

    objects = HybridManager()


class Recording(Note):
    """A child with an embedding of its own, whose primary key is the link to its parent."""

    words = models.TextField()
    words_embedding = EmbeddingField(source="words", dimensions=DIMENSIONS)

    class Meta:
        indexes = [StaleIndex(fields=["words_embedding"])]


class Remix(Recording):
    """A grandchild with odd names in the database, and an embedding of its parent's column."""

    title = models.TextField(db_column="The Title")
    title_embedding = EmbeddingField(source="title", dimensions=DIMENSIONS, db_column="The Vector")
    parent_embedding = EmbeddingField(source=["title", "words"], dimensions=DIMENSIONS)

    class Meta:
        db_table = "Odd Table"
        indexes = [StaleIndex("title_embedding", name="test_remix_stale")]


def essay_text(essay: Any) -> str:
    """The source of an `Essay`: what no single column says."""
    return " ".join(word.capitalize() for word in essay.words.split(","))


class Essay(models.Model):
    """A callable source."""

    words = models.CharField(max_length=200)
    embedding = EmbeddingField(source=essay_text, dimensions=DIMENSIONS)

    objects = HybridManager()


class Page(models.Model):
    """Embedded while a condition over columns of its own holds."""

    title = models.CharField(max_length=100)
    published = models.BooleanField(null=True)
    state = models.CharField(max_length=20, blank=True)
    views = models.IntegerField(default=0)
    embedding = EmbeddingField(
        source="title",
        embed_if=Q(published=True, views__gte=0) & ~Q(state="100% 'off'\\"),
        on_save="now",
        dimensions=DIMENSIONS,
    )

    objects = HybridManager()

    class Meta:
        indexes = [StaleIndex("embedding", name="test_page_stale")]


class Comment(models.Model):
    """Embedded while a condition over a related row holds."""

    text = models.TextField()
    page = models.ForeignKey(Page, models.CASCADE, null=True)
    embedding = EmbeddingField(
        source="text", embed_if=Q(page__published=True), dimensions=DIMENSIONS
    )

    objects = HybridManager()


def letter_text(letter: Any) -> str:
    if not letter.sent:
        raise ValueError("A letter that is not sent is no one's business.")
    return str(letter.words.upper())


class Letter(models.Model):
    """A callable source that is only called while a condition holds."""

    words = models.TextField()
    sent = models.BooleanField(default=False)
    embedding = EmbeddingField(source=letter_text, embed_if=Q(sent=True), dimensions=DIMENSIONS)

    objects = HybridManager()


class Album(models.Model):
    """Two embeddings, one in a column of another name; names that collide with annotations."""

    title = models.CharField(max_length=100)
    lyrics = models.TextField(blank=True)
    distance = models.FloatField(default=0.0)
    title_embedding = EmbeddingField(source=["title"], dimensions=DIMENSIONS)
    lyrics_embedding = EmbeddingField(
        source=["lyrics"], dimensions=DIMENSIONS, db_column="lyrics_vector"
    )

    objects = HybridManager()

    class Meta:
        indexes = [
            StaleIndex("title_embedding", name="test_album_title"),
            StaleIndex("lyrics_embedding", name="test_album_lyrics"),
        ]


class Specimen(models.Model):
    """Every type of column, with defaults of every kind."""

    text = models.TextField(blank=True)
    chars = models.CharField(max_length=20, null=True)  # noqa: DJ001
    email = models.EmailField(blank=True)
    flag = models.BooleanField(null=True)
    small = models.SmallIntegerField(default=7)
    number = models.IntegerField(null=True, db_column="The Number")
    large = models.BigIntegerField(null=True)
    real = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    code = models.UUIDField(default=uuid.uuid4)
    day = models.DateField(null=True)
    hour = models.TimeField(null=True)
    moment = models.DateTimeField(default=timezone.now)
    span = models.DurationField(null=True)
    data = models.JSONField(default=dict, null=True)
    raw = models.BinaryField(null=True)
    address = models.GenericIPAddressField(null=True)
    file = models.FileField(blank=True)
    author = models.ForeignKey(Author, models.CASCADE, null=True)
    kept = models.IntegerField(db_default=3)
    made = models.DateTimeField(db_default=Now())
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateField(auto_now=True)
    double = models.GeneratedField(
        expression=F("small") * 2, output_field=models.IntegerField(), db_persist=True
    )
    vector = VectorField(dimensions=3, null=True)
    half = HalfVectorField(dimensions=3, null=True)
    embedding = EmbeddingField(source=["chars", "text"], dimensions=DIMENSIONS)

    objects = HybridManager()


class TaleTeller(models.Model):
    """Many tales each: conditions on tales join them."""

    name = models.CharField(max_length=50)


class Tale(models.Model):
    """Found by words and by meaning."""

    title = models.CharField(max_length=200)
    body = models.TextField(null=True, blank=True)  # noqa: DJ001
    year = models.IntegerField(null=True)
    tellers = models.ManyToManyField(TaleTeller, related_name="tales")
    embedding = EmbeddingField(source=["title", "body"], dimensions=DIMENSIONS)

    objects = HybridManager()

    class Meta:
        indexes = [
            VectorIndex("embedding", name="tale_vec"),
            TextIndex("title", "body", weights={"title": 2}, name="tale_text"),
        ]


class Saga(Tale):
    """A child, with a table of its own."""

    volumes = models.IntegerField()


class Fable(models.Model):
    """A key that is no number."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=200)

    objects = HybridManager()

    class Meta:
        indexes = [TextIndex("title", name="fable_text")]


class Verse(models.Model):
    """A key of two columns."""

    pk = models.CompositePrimaryKey("poem", "number")
    poem = models.IntegerField()
    number = models.IntegerField()
    text = models.TextField()

    objects = HybridManager()

    class Meta:
        indexes = [TextIndex("text", language=None, name="verse_text")]


class Part(models.Model):
    """Found by parts of words."""

    number = models.CharField(max_length=50)

    objects = HybridManager()

    class Meta:
        indexes = [TextIndex("number", tokenizer="trigrams", name="part_text")]


class Manual(models.Model):
    """A long text in columns of its own."""

    title = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    year = models.IntegerField(null=True)

    objects = HybridManager()


class ManualPassage(Chunk):
    """Split by tokens, with an overlap."""

    parent = models.ForeignKey(Manual, models.CASCADE, related_name="passages")
    approved = models.BooleanField(default=True)
    embedding = EmbeddingField(source="text", dimensions=DIMENSIONS)

    chunking = Chunking(source=["title", "body"], tokens=12, overlap=3)
    objects = HybridManager()

    class Meta:
        indexes = [
            VectorIndex("embedding", name="test_manual_passage_vec"),
            TextIndex("text", name="test_manual_passage_txt"),
        ]


class Offer(models.Model):
    """A table that is written often, with vectors of its short texts in another."""

    name = models.CharField(max_length=100, blank=True)
    stock = models.IntegerField(default=0)

    objects = HybridManager()


class OfferText(Chunk):
    """One passage a row, made when the row is saved; two embeddings."""

    parent = models.OneToOneField(Offer, models.CASCADE, primary_key=True)
    embedding = EmbeddingField(source="text", dimensions=DIMENSIONS)
    second = EmbeddingField(source=["text"], dimensions=DIMENSIONS)

    chunking = Chunking("name", on_save="now")
    objects = HybridManager()


def paragraphs(text: str) -> list[tuple[int, int]]:
    """The lines of a text that say something, without the word "pause"."""
    lines = re.finditer(r"[^\n]+", text)
    return [line.span() for line in lines if line[0] != "pause"]


def speech_text(speech: Any) -> str:
    """What somebody says, in capitals."""
    return str(speech.words.upper())


class Speech(models.Model):
    """A long text by somebody, and a key that is no number."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    speaker = models.ForeignKey(Author, models.CASCADE, null=True)
    words = models.TextField(blank=True)

    objects = HybridManager()


class SpeechParagraph(Chunk):
    """Split by a function, of columns also of a related row; made by a task."""

    parent = models.ForeignKey(Speech, models.CASCADE, related_name="paragraphs")
    embedding = EmbeddingField(source="text", dimensions=DIMENSIONS)

    chunking = Chunking(["speaker__name", "words"], splitter=paragraphs, on_save="task")
    objects = HybridManager()


class LoudParagraph(Chunk):
    """Of a callable source."""

    parent = models.ForeignKey(Speech, models.CASCADE, related_name="loud_paragraphs")
    embedding = EmbeddingField(source=["parent__speaker__name", "text"], dimensions=DIMENSIONS)

    chunking = Chunking(speech_text, splitter=paragraphs)
    objects = HybridManager()
