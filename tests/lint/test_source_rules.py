"""What rules about code find beyond the examples of the reference, and what they leave alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.management.lint.engine import Outcome, lint_project
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source import truth
from hybrid_store.management.lint.sources import Source, UnreadableError
from tests.docs.conftest import IS_POSTGRESQL
from tests.docs.pages import DOCS, README, ROOT, blocks, name
from tests.lint.looking import faults, findings

NUMPY = "import struct\nimport numpy as np\nfrom django.db import models\n"
MOVIE = "class Movie(models.Model):\n    embedding = models.BinaryField()\n"


def rules(text: str) -> list[str]:
    return [finding.rule for finding in findings(views=text)]


class TestOrders:
    @pytest.mark.parametrize(
        "order",
        [
            'order_by("-d")',
            'order_by("-d", "pk")',
            'order_by(F("d").desc())',
            'order_by(F("d").desc(nulls_last=True))',
            "order_by(distance.desc())",
            'order_by(CosineDistance("embedding", v).desc())',
            'order_by(-CosineDistance("embedding", v))',
            'order_by(L2Distance("embedding", v) * -1)',
            'order_by("d").reverse()',
            'order_by("s")',
            'order_by(F("s").asc())',
            'filter(a=1).order_by("-d").only("pk")',
        ],
    )
    def test_the_farthest_first(self, order: str) -> None:
        text = f"""
def similar(v):
    distance = CosineDistance("embedding", v)
    rows = Movie.objects.annotate(d=distance, s=1 - distance)
    return rows.{order}[:10]
"""
        assert faults(views=text) == ["L003 views.py:5"]

    @pytest.mark.parametrize(
        "order",
        [
            'order_by("d")',
            'order_by("pk", "-d")',
            'order_by("-title")',
            'order_by(F("d").asc())',
            "order_by(distance)",
            'order_by("-d").reverse()',
            'order_by("place")',
            'order_by("-place")',
            'order_by("?")',
            "order_by(*names)",
        ],
    )
    def test_the_nearest_first(self, order: str) -> None:
        text = f"""
def similar(v):
    distance = CosineDistance("embedding", v)
    rows = Movie.objects.annotate(d=distance, place=Distance("point", v))
    return rows.{order}[:10]
"""
        assert faults(views=text) == []

    @pytest.mark.parametrize(
        "similarity",
        [
            '1 - CosineDistance("embedding", v)',
            'ExpressionWrapper(1 - CosineDistance("e", v), output_field=FloatField())',
            'Value(1.0) - Cast(CosineDistance("e", v), FloatField())',
            '1 / (1 + L2Distance("embedding", v))',
            '-MaxInnerProduct("embedding", v)',
            'MaxInnerProduct("embedding", v) * -1',
        ],
    )
    def test_similarities_are_no_distances(self, similarity: str) -> None:
        annotated = f"rows = rows.annotate(s={similarity})\n"
        assert rules(annotated + 'rows.order_by("-s")') == ["L004"]
        assert rules(annotated + 'rows.order_by("s")') == ["L003"]

    def test_an_annotation_of_another_file_counts_where_it_means_one_thing(self) -> None:
        manager = 'def near(self, v):\n    return self.annotate(distance=L2Distance("e", v))'
        view = 'Movie.objects.near(v).order_by("-distance")'
        place = 'Shop.objects.annotate(distance=Distance("point", here))'
        field = "class Route(models.Model):\n    distance = models.FloatField()"
        assert faults(managers=manager, views=view) == ["L003 views.py:1"]
        assert faults(managers=manager, views=view, places=place) == []
        assert faults(managers=manager, views=view, routes=field) == []
        both = [f'rows.annotate(d={sign}L2Distance("e", v))' for sign in ("", "-")]
        views = "".join(f'rows.order_by("{sign}d")\n' for sign in ("", "-"))
        assert faults(a=both[0], b=both[1], views=views) == []

    def test_what_nearest_annotates(self) -> None:
        assert rules('Movie.objects.nearest(v).order_by("-distance")') == ["L003"]
        assert rules('Movie.objects.nearest(v, distance_as="d").order_by("-d")') == ["L003"]

    def test_reversed_in_a_later_line(self) -> None:
        text = 'rows = rows.order_by(L1Distance("e", v))\nrows = rows.reverse()\n'
        assert faults(views=text) == ["L003 views.py:2"]
        assert faults(views="names = list(names)\nnames.reverse()") == []

    @pytest.mark.parametrize(
        "given",
        ["for d in rows: pass", "d, e = rows", "with open(p) as d: pass", "d *= -1", "(d := rows)"],
    )
    def test_a_name_that_is_given_something_unknown_means_nothing(self, given: str) -> None:
        text = 'd = L2Distance("e", v)\n{}\nrows.order_by(-d)\n'
        assert rules(text.format(given)) == []
        assert rules(text.format("[d for d in rows]")) == ["L003"]

    def test_expressions_that_double_with_every_line_are_not_followed_for_ever(self) -> None:
        doubled = "".join("    a = a + b\n    b = b + a\n" for _ in range(50))
        text = f"def store(movie, a, b):\n{doubled}    rows.order_by(a)\n"
        assert rules(f"{NUMPY}{MOVIE}{text}    movie.embedding = a.tobytes()\n") == []

    @pytest.mark.parametrize("long", ["x = rows{}", "x.embedding = rows{}", "x.order_by(rows{})"])
    @pytest.mark.parametrize("part", [".filter(a=1)", " + b"])
    def test_long_chains_end_nothing(self, long: str, part: str) -> None:
        text = f"{NUMPY}{MOVIE}{long.format(600 * part)}\n{TestComments.FAULT}"
        assert rules(text) == ["L003"]


class TestBytes:
    @pytest.mark.parametrize(
        ("written", "found"),
        [
            ("np.array([0.5, 1.5]).tobytes()", "L001"),
            ("np.array(vector.tolist()).tobytes()", "L001"),
            ("np.array(answer.data[0].embedding).tobytes()", "L001"),
            ("np.asarray(vector, dtype=np.float64).tobytes()", "L001"),
            ("vector.astype('<f8').tobytes()", "L001"),
            ("vector.astype(float).tobytes()", "L001"),
            ("np.random.rand(384).tobytes()", "L001"),
            ("struct.pack(f'{len(vector)}d', *vector)", "L001"),
            ("struct.pack('%sd' % len(vector), *vector)", "L001"),
            ("packed(vector)", "L001"),
            ("np.array(vector).tobytes()", "L002"),
            ("np.array(vector, dtype=np.float32).tobytes()", ""),
            ("np.array(vector, np.float32).tobytes()", ""),
            ("np.array(vector.tolist()).astype('float32').tobytes()", ""),
            ("struct.pack(f'{len(vector)}f', *vector)", ""),
            ("vector.tobytes()", ""),
            ("image.read()", ""),
            ("hash(vector)", ""),
            ("struct.pack(*parts)", ""),
            ("struct.pack(**parts)", ""),
        ],
    )
    @pytest.mark.parametrize(
        "giving",
        [
            "movie.embedding = {}",
            "Movie(embedding={})",
            "rows.update(defaults={{'embedding': {}}})",
        ],
    )
    def test_written(self, written: str, found: str, giving: str) -> None:
        text = f"""{NUMPY}{MOVIE}
def packed(values):
    return np.array([x for x in values]).tobytes()
def store(movie, vector):
    {giving.format(written)}
def read(movie):
    return np.frombuffer(movie.embedding, dtype=np.float32)
"""
        assert rules(text) == ([found] if found else [])

    @pytest.mark.parametrize(
        ("read", "count"),
        [
            ("np.frombuffer(movie.embedding)", 1),
            ("np.frombuffer(bytes(movie.embedding), np.float64)", 1),
            ("struct.unpack(f'{n}d', movie.embedding)", 1),
            ("np.frombuffer(blob, dtype=float)", 1),
            ("np.frombuffer(movie.embedding, dtype='<f4')", 0),
            ("np.frombuffer(movie.embedding, dtype=np.uint8)", 0),
            ("np.frombuffer(movie.embedding, dtype=DTYPE)", 0),
            ("np.frombuffer(movie.poster, dtype=float)", 0),
            ("np.frombuffer(movie.embedding, 'f4') + np.frombuffer(sound, dtype=float)", 0),
        ],
    )
    def test_read(self, read: str, count: int) -> None:
        text = f"""{NUMPY}DTYPE = np.float32
{MOVIE}    poster = models.BinaryField()
def store(movie, vector):
    movie.embedding = vector.astype(np.float32).tobytes()
def vector(movie, blob):
    return {read}
"""
        assert rules(text) == ["L001"] * count

    def test_only_binary_fields_and_functions_of_one_name_are_followed(self) -> None:
        text = f"""{NUMPY}{MOVIE}
class Film(models.Model):
    digest = models.CharField(max_length=9)
def read(film, movie):
    return np.frombuffer(film.digest, np.float32), np.frombuffer(movie.embedding, np.float32)
def write(film, movie):
    film.digest = np.array([0.5]).tobytes()
    movie.embedding = packed(0.5)
def packed(number):
    return np.array([number]).tobytes()
"""
        assert faults(models=text) == ["L001 models.py:15"]
        assert faults(models=text, other="def packed(number):\n    pass") == []
        other = "class Song(models.Model):\n    embedding = VectorField(dimensions=9)"
        assert faults(models=text, other=other) == []

    def test_both_places_are_told(self) -> None:
        models = f"{NUMPY}{MOVIE}"
        embed = "import numpy as np\nmovie.embedding = np.array([0.5]).tobytes()"
        search = "import numpy as np\n\nx = np.frombuffer(movie.embedding, dtype=np.float32)"
        [finding] = findings(models=models, embed=embed, search=search)
        assert finding.place == "embed.py:2"
        assert "read as float32 at search.py:3: 384 numbers come back as 768" in finding.detail


class TestDefaults:
    @pytest.mark.parametrize(
        ("field", "found"),
        [
            ("VectorField(dimensions=9, default=random_vector)", "L005"),
            ("VectorField(dimensions=9, default=lambda: np.random.randn(9))", "L005"),
            ("ArrayField(models.FloatField(), default=random_list)", "L005"),
            ("models.JSONField(default=partial(np.random.rand, 9))", ""),
            ("VectorField(dimensions=9, default=zeros)", "L006"),
            ("VectorField(dimensions=9, default=lambda: np.zeros(9))", "L006"),
            ("models.BinaryField(default=b'\\0' * 1536)", "L006"),
            ("models.JSONField(default=[0.1, 0.2, 0.3])", "L006"),
            ("models.JSONField(default=list)", ""),
            ("models.BinaryField(default=b'')", ""),
            ("models.CharField(default=random_list)", ""),
            ("VectorField(dimensions=9, null=True)", ""),
        ],
    )
    def test_defaults(self, field: str, found: str) -> None:
        text = f"""{NUMPY}import random
ZEROS = [0.0] * 384
def random_vector():
    return np.random.default_rng().random(9)
def random_list():
    return [random.random() for _ in range(9)]
def zeros():
    return [0.0] * 384
class Movie(models.Model):
    embedding = {field}
"""
        assert rules(text) == ([found] if found else [])

    @pytest.mark.parametrize(
        "default", ["random_array", "random_array()", "lambda: random_array()"]
    )
    def test_whatever_is_given_vectors_holds_some(self, default: str) -> None:
        text = f"""{NUMPY}
def random_array():
    array = np.random.rand(1536).astype(float)
    return array.tobytes()
class Movie(models.Model):
    data = models.BinaryField(default={default})
def read(movie):
    return np.frombuffer(movie.data, dtype=np.float32)
"""
        assert faults(models=text) == ["L001 models.py:7", "L005 models.py:9"]
        [_, finding] = findings(models=text)
        assert finding.detail.startswith(
            "Movie.data begins as numpy.random.rand() at models.py:6: "
        )

    def test_other_fields_may_be_random(self) -> None:
        text = "import random\nclass A(models.Model):\n    salt = models.BinaryField(default={})"
        assert rules(text.format("lambda: random.random()")) == []


class TestTruth:
    TEXT = """from pgvector.django import VectorField
class Movie(models.Model):
    embedding = VectorField(dimensions=9)
def missing(movie):
    {}
"""

    @pytest.mark.parametrize(
        ("asked", "count"),
        [
            ("if movie.embedding: pass", 1),
            ("if not movie.embedding: pass", 1),
            ("while movie.title and movie.embedding: pass", 1),
            ("if movie.embedding is None: pass", 0),
            ("if movie.title: pass", 0),
        ],
    )
    def test_attributes_that_are_arrays(
        self, monkeypatch: pytest.MonkeyPatch, asked: str, count: int
    ) -> None:
        monkeypatch.setattr(truth, "version", lambda name: "0.4.2")
        assert rules(self.TEXT.format(asked)) == ["L007"] * count
        monkeypatch.setattr(truth, "version", lambda name: "0.5.0")
        assert rules(self.TEXT.format(asked)) == []

    def test_a_name_that_was_an_array_once_is_none_in_a_loop_over_others(self) -> None:
        text = f"""{NUMPY}
def full(movies):
    vector = np.zeros(9)
    if vector: pass
    for vector, movie in movies:
        if vector: pass
"""
        assert faults(views=text) == ["L007 views.py:7"]

    def test_what_another_branch_makes_of_a_name_does_not_count(self) -> None:
        text = f"""{NUMPY}
def joined(vectors, dense):
    if dense:
        vectors = np.array(vectors)
        if vectors: pass
    elif vectors:
        vectors = list(vectors)
    else:
        if not vectors: pass
    if vectors: pass
"""
        assert faults(views=text) == ["L007 views.py:8"]


class TestZeroNorms:
    @pytest.mark.parametrize(
        ("loop", "count"), [("for b in all", 1), ("for b in all if b.any()", 0)]
    )
    def test_a_condition_of_a_comprehension_is_a_guard(self, loop: str, count: int) -> None:
        cosine = "np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))"
        assert rules(f"{NUMPY}cosines = [{cosine} {loop}]") == ["L010"] * count


class TestComparisons:
    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("[(m, np.dot(v, m.vector)) for m in Movie.objects.all()]", 1),
            ("[(m, v @ np.frombuffer(m.vector)) for m in Movie.objects.all()]", 1),
            ("sorted(Movie.objects.all(), key=lambda m: cos_sim(v, m.vector))", 1),
            ("{k: np.dot(v, x) for k, x in Movie.objects.values_list('pk', 'vector')}", 1),
            ("[np.dot(v, m.vector) for m in Movie.objects.filter(vector__isnull=False)]", 1),
            ("[np.dot(v, movies[i].vector) for i in range(len(movies))]", 1),
            ("[np.dot(v, found[i].vector) for i in range(len(movies[:9]))]", 0),
            ("[np.dot(v, m.vector) for m in Movie.objects.filter(pk__in=found)]", 0),
            ("[np.dot(v, m.vector) for m in Movie.objects.nearest(v)[:100]]", 0),
            ("[np.dot(v, m.vector) for m in Movie.objects.nearest(v)]", 0),
            ("[np.dot(m.vector, m.vector) for m in Movie.objects.all()]", 0),
            ("[np.dot(a, b) for m in Movie.objects.all()]", 0),
            ("[np.linalg.norm(m.vector) for m in Movie.objects.all()]", 0),
        ],
    )
    def test_loops_over_all_rows(self, text: str, count: int) -> None:
        text = f"import numpy as np\nmovies = Movie.objects.all()\nfound = {text}"
        assert rules(text) == ["L009"] * count

    def test_through_names(self) -> None:
        text = """
import numpy as np
def similar(v):
    movies = Movie.objects.all()
    for movie in movies:
        other = np.array(json.loads(movie.vector))
        score = np.dot(v, other)
"""
        assert faults(views=text) == ["L009 views.py:5"]


class TestSaves:
    TEXT = """from pgvector.django import VectorField
from django.db.models.signals import post_save
class Movie(models.Model):
    embedding = VectorField(dimensions=9)
    digest = models.BinaryField()
    {}
"""

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ("self.embedding = embed(self.title)", ["L011"]),
            ("vector = model.encode([self.title])\n        self.embedding = vector[0]", ["L011"]),
            ("self.embedding = client.embeddings.create(input=self.title)", ["L011"]),
            ("if not self.pk: self.embedding = embed(self.title)", ["L012"]),
            ("if not self.embedding: self.embedding = embed(self.title)", ["L012"]),
            ("if self.title != self.old_title: self.embedding = embed(self.title)", []),
            ("if not self.embedding or self.changed(): self.embedding = embed(self.title)", []),
            ("self.embedding = self.embedding or embed(self.title)", ["L012"]),
            ("self.embedding = embed(self.title) or None", ["L011"]),
            ("self.embedding = embed(self.title) if self.pk is None else 0", ["L012"]),
            ("self.embedding = embed(self.title) if self.changed() else 0", []),
            ("if not self.pk: v = embed(self.title)\n        self.embedding = v", ["L012"]),
            ("if self.changed(): v = embed(self.title)\n        self.embedding = v", []),
            ("self.embedding = base64.b64encode(pack(self.title))", []),
            ("self.embedding = json.JSONEncoder(self.options).encode(self.numbers)", []),
            ("self.embedding = self.embedding.astype(dtype)", []),
            ("self.embedding = normalize_embedding(self.embedding)", []),
            ("v = self.embedding\n        self.embedding = normalize_embedding(v)", []),
            ("self.embedding = None", []),
            ("self.digest = sha256(self.title.encode('utf-8')).digest()", []),
        ],
    )
    def test_embeddings_in_save(self, body: str, found: list[str]) -> None:
        save = f"def save(self, *args, **kwargs):\n        {body}\n        super().save()"
        assert rules(self.TEXT.format(save)) == found
        assert rules(self.TEXT.format(save.replace("def save", "def refresh"))) == []

    @pytest.mark.parametrize(
        ("emptied", "found"),
        [
            ("movie.embedding = None", []),
            ("Movie.objects.filter(pk=1).update(title=title, embedding=None)", []),
            ("Movie.objects.filter(embedding=None)", ["L012"]),
            ("movie.digest = None", ["L012"]),
        ],
    )
    def test_a_vector_that_is_taken_away_may_be_computed_where_there_is_none(
        self, emptied: str, found: list[str]
    ) -> None:
        save = "def save(self):\n        if not self.embedding: self.embedding = embed(self.title)"
        assert [f.rule for f in findings(models=self.TEXT.format(save), forms=emptied)] == found

    def test_embeddings_in_signals(self) -> None:
        receiver = """
@receiver(post_save, sender=Movie)
def embed_movie(sender, instance, created, **kwargs):
    {}
    instance.embedding = embed(instance.title)
"""
        models = self.TEXT.format("pass")
        assert rules(models + receiver.format("pass")) == ["L011"]
        assert rules(models + receiver.format("if instance.same_text(): return")) == []


class TestIndexes:
    INDEXES = """indexes = [
    HnswIndex(fields=["embedding"], opclasses=["vector_l2_ops"], name="a"),
    HnswIndex(fields=["embedding"], opclasses=["vector_ip_ops"], name="b"),
]
"""

    @pytest.mark.parametrize(
        ("used", "count"),
        [
            ('MaxInnerProduct("embedding", v)', 0),
            ('L2Distance("embedding", v)', 0),
            ('CosineDistance("embedding", v)', 2),
            ('CosineDistance("other", v)', 0),
            ("pass", 0),
        ],
    )
    def test_each_distance_needs_one(self, used: str, count: int) -> None:
        assert rules(self.INDEXES + used) == ["L014"] * count

    @pytest.mark.parametrize(
        ("queryset", "count"),
        [
            ("Song.objects.order_by({})", 0),
            ("Song.objects.filter(a=1).annotate(s=1 - {})[:3].only('pk')", 0),
            ("songs.filter(d__lt=ExpressionWrapper({}, f))", 0),
            ("Movie.objects.order_by({})", 1),
            ("Short.objects.order_by({})", 1),
            ("rows.order_by({})", 1),
            ("{}", 1),
        ],
    )
    def test_what_is_compared_of_another_model_is_no_use(self, queryset: str, count: int) -> None:
        text = f"""
class Movie(models.Model):
    embedding = VectorField(dimensions=9)
    class Meta:
        {" ".join(self.INDEXES.splitlines()[:2])}]
class Short(Movie):
    pass
class Song(models.Model):
    embedding = VectorField(dimensions=9)
songs = Song.objects.all()
x = {queryset.format('CosineDistance("embedding", v)')}
"""
        assert rules(text) == ["L014"] * count

    def test_a_field_of_a_relation_is_that_of_another_model(self) -> None:
        text = """
class Movie(models.Model):
    embedding = VectorField(dimensions=9)
    class Meta:
        indexes = [HnswIndex(fields=["embedding"], opclasses=["vector_l2_ops"], name="a")]
class Song(models.Model):
    embedding = VectorField(dimensions=9)
x = Song.objects.order_by(CosineDistance("movie__embedding", v))
"""
        assert rules(text) == ["L014"]


class TestKeys:
    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("sk-" + "proj-QmVzdF9vZl9hbGxfd29ybGRz", 1),
            ("AIza" + "SyB4kQm2XvZ8pLr5TnWc7Yd1Hf3Jg6Ks9aE", 1),
            ("sk-your-key-goes-here-please-1234", 0),
            ("sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0),
            ("sk-not a key at all, only a sentence", 0),
            ("sk-proj-YourKey0123456789AbCdEf", 0),
            ("sk-folding-cube-container-2-wide", 0),
            ("Bearer sk-" + "proj-QmVzdF9vZl9hbGxfd29ybGRz", 1),
        ],
    )
    def test_keys_are_found_and_not_repeated(self, text: str, count: int) -> None:
        found = findings(settings=f"KEY = {text!r}")
        assert [finding.rule for finding in found] == ["L015"] * count
        assert text[-20:] not in str(found)

    def test_code_that_is_quoted_is_shown_without_them(self) -> None:
        key = "sk-" + "proj-QmVzdF9vZl9hbGxfd29ybGRz"
        text = f"{NUMPY}{MOVIE}def store(m):\n    m.embedding = np.array(embed('{key}')).tobytes()"
        found = findings(models=text)
        assert [finding.rule for finding in found] == ["L002", "L015"]
        assert key not in str(found)

    def test_no_piece_of_a_key_is_shown_where_code_is_cut_off(self) -> None:
        key = "sk-" + "proj-QmVzdF9vZl9hbGxfd29ybGRz"
        for place in range(0, 60, 9):
            call = f"np.array(embed{place * '_'}('{key}'))"
            asked = f"{NUMPY}if {call}: pass"
            norms = f"{NUMPY}x / (np.linalg.norm({call}) * np.linalg.norm({call}))"
            default = (
                f"{NUMPY}class Movie(models.Model):\n    e = VectorField(default=[0] * {call})"
            )
            found = findings(a=asked, b=norms, c=default)
            assert {finding.rule for finding in found} == {"L006", "L007", "L010", "L015"}
            assert "proj" not in str(found)


class TestComments:
    FAULT = 'rows.order_by(-CosineDistance("embedding", v))'

    @pytest.mark.parametrize(
        ("comment", "count"),
        [
            ("# vector-lint: ignore", 0),
            ("# vector-lint: ignore[L003]", 0),
            ("# vector-lint: ignore[L001, L003] on purpose", 0),
            ("# vector-lint: ignore[L001]", 1),
            ("# ignore", 1),
        ],
    )
    def test_they_switch_rules_off_for_their_line(self, comment: str, count: int) -> None:
        assert rules(f"{self.FAULT}  {comment}\n") == ["L003"] * count
        assert rules(f"{self.FAULT}\n{comment}\n") == ["L003"]

    @pytest.mark.parametrize("before", ["\f", "x = '\u2028'", "x = '\x85'", "x = 1"])
    def test_lines_are_counted_as_python_counts_them(self, before: str) -> None:
        text = f"{before}\n{self.FAULT}  # vector-lint: ignore\n{self.FAULT}\n"
        assert faults(views=text) == ["L003 views.py:3"]


class TestFiles:
    def test_only_those_that_the_project_has_written_and_runs(self, tmp_path: Path) -> None:
        for file in [
            *("movies/models.py", "top.py", "movies/migrations/0001_initial.py"),
            *("movies/tests.py", "movies/tests/helpers.py", "movies/test_views.py"),
            *(".hidden/a.py", "env/pyvenv.cfg", "env/a.py", "node_modules/a.py", "movies/a.txt"),
            *("conda/conda-meta/history", "conda/lib/a.py", "movies/.#models.py"),
        ]:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text("x = 1")
        project = Project.read([tmp_path], tmp_path)
        assert [source.name for source in project.sources] == ["top.py", "movies/models.py"]

    def test_names_that_are_no_text_are_shown_all_the_same(self, tmp_path: Path) -> None:
        (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text(TestComments.FAULT)
        outcome = Outcome()
        lint_project(Project.read([tmp_path], tmp_path), outcome)
        assert [finding.place for finding in outcome.findings] == [r"caf\udce9.py:1"]

    def test_what_is_no_python_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_text("def broken(:")
        (tmp_path / "b.py").write_bytes(b"# coding: utf-8\nx = '\xff'")
        (tmp_path / "c.py").write_text(TestComments.FAULT)
        outcome = Outcome()
        lint_project(Project.read([tmp_path], tmp_path), outcome)
        assert [sentence.split()[0] for sentence in outcome.untold] == ["a.py", "b.py"]
        assert [finding.place for finding in outcome.findings] == ["c.py:1"]

    @given(st.text(max_size=40) | st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
    def test_no_text_breaks_the_rules(self, text: str) -> None:
        try:
            sources = [Source.parse(text, "a.py")]
        except UnreadableError:
            sources = []
        lint_project(Project(sources), Outcome())


# Takes a second or two, and asks no database.
OF_SRC = pytest.param("src", marks=[pytest.mark.long] if IS_POSTGRESQL else [])


@pytest.mark.parametrize("folder", [OF_SRC, "demo"])
def test_nothing_is_found_in_code_that_is_right(folder: str) -> None:
    outcome = Outcome()
    lint_project(Project.read([ROOT / folder], ROOT), outcome)
    assert (outcome.findings, outcome.untold) == ([], [])


# Pages that show what is wrong.
ABOUT_FAULTS = [DOCS / "howto" / "adopt.md", DOCS / "reference" / "lint.md"]


def test_nothing_is_found_in_what_the_pages_tell_to_write() -> None:
    pages = [page for page in (README, *sorted(DOCS.rglob("*.md"))) if page not in ABOUT_FAULTS]
    texts = {
        f"{name(page)}-{place}": block.text
        for page in pages
        for place, block in enumerate(blocks(page))
        if block.language == "python"
    }
    assert len(texts) > 100
    assert findings(**texts) == []


def test_the_project_that_is_adopted_is_found_and_what_it_becomes_is_not() -> None:
    """`embed.py` leaves the reading open, so that its float64 is no mistake by itself."""
    before, after = "", ""
    for block in blocks(ABOUT_FAULTS[0]):
        if "BinaryField(default=random_vector)" in block.text:
            before = before or block.text
        if "EmbeddingField(source=" in block.text and "def random_vector" in block.text:
            after = after or block.text
    assert [finding.rule for finding in findings(models=before)] == ["L005"]
    assert findings(models=after) == []
