"""Take safeguards out of a copy of the sources, one at a time: the tests must notice each.

python -m tools.mutations                # all
python -m tools.mutations lease guard    # those whose names hold one of the words
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.interpreters import ROOT

__all__ = ["MUTATIONS", "Mutation", "main", "survives"]

PACKAGE = Path("src/hybrid_store")
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "docs")
FAILED = 1
"""Exit status of pytest where tests failed; other errors prove nothing."""

SUITE = "tests/test_conformance.py"
DATABASE = "tests/durability/test_database_failures.py"
TEXTS = "tests/durability/test_texts.py"
CERTIFIED = "tests/certified/test_searches.py"
EXPRESSIONS = "tests/certified/test_expressions.py"
TENANTS = "tests/contrib/test_tenants.py"
WRITING = "tests/contrib/test_writing.py"
FILTERS = "tests/contrib/test_filters.py"
ADMIN = "tests/admin"
MAPS = "tests/maps"


@dataclass(frozen=True)
class Mutation:
    """A safeguard by its name, what takes it out, and the tests that must fail then."""

    name: str
    file: str
    changes: Sequence[tuple[str, str]]
    tests: str
    only: str

    def apply(self, root: Path) -> None:
        """Change the file below `root`; raises `ValueError` where it is not as expected."""
        path = root / PACKAGE / self.file
        text = path.read_text()
        for old, new in self.changes:
            if text.count(old) != 1:
                raise ValueError(f"{self.name}: {self.file} does not hold {old!r} once.")
            text = text.replace(old, new)
        path.write_text(text)


MUTATIONS = [
    Mutation(
        "the guard of the UPDATE: a vector is stored whatever the row says now",
        "backends/updates.py",
        [("= {self.guard.sql} THEN 1 ELSE 0 END = 1", "= {self.guard.sql} THEN 1 ELSE 1 END = 1")],
        SUITE,
        "in_flight",
    ),
    Mutation(
        "the guard compares another thing than the text",
        "backends/updates.py",
        [
            (
                "CASE WHEN {next(given)} = {self.guard.sql} THEN",
                "CASE WHEN length({next(given)}) = length({self.guard.sql}) THEN",
            )
        ],
        SUITE,
        "in_flight",
    ),
    Mutation(
        "the comparison where an UPDATE sees not all of the text",
        "sync/sources.py",
        [("[now.get(text.pk) == text for text in texts]", "[text.pk in now for text in texts]")],
        SUITE,
        "in_flight",
    ),
    Mutation(
        "the comparison before passages are written: those of an old text are stored",
        "sync/passages.py",
        [("if now.get(text.pk) == text.content]", "if text.pk in now]")],
        SUITE,
        "Passages and in_flight",
    ),
    Mutation(
        "the transaction in which the passages of a text are written",
        "sync/passages.py",
        [
            (
                "from dataclasses import",
                "from contextlib import nullcontext\nfrom dataclasses import",
            ),
            ("with transaction.atomic(using=self.using):", "with nullcontext():"),
        ],
        "tests/durability/test_passages.py",
        "any_statement",
    ),
    Mutation(
        "room for passages that change places",
        "sync/passages.py",
        [('F("number") + changes.greatest_number + 1', 'F("number")')],
        SUITE,
        "passages_that_move",
    ),
    Mutation(
        "the count of the passages of a text: one that is missing is not missed",
        "models/unsplit.py",
        [("{FIRST: F(LAST), TOTAL: F(COUNT)}", "{FIRST: F(LAST)}")],
        SUITE,
        "changed_by_hand",
    ),
    Mutation(
        "a look at more passages where these are of too few rows",
        "models/fused/passages.py",
        [("len(best) < depth or len(hits) >= (count or 0)", "True")],
        SUITE,
        "however_many_passages",
    ),
    Mutation(
        "the transaction in which vectors, leases and records are written",
        "sync/writing.py",
        [
            (
                "from copy import deepcopy\n",
                "from contextlib import nullcontext\nfrom copy import deepcopy\n",
            ),
            (
                "        with transaction.atomic(using=self.leases.using):\n            held =",
                "        with nullcontext():\n            held =",
            ),
        ],
        DATABASE,
        "dies_at_any_statement",
    ),
    Mutation(
        "the count of the vectors in an answer",
        "embedders/answers.py",
        [
            ("    fault = _count_fault(answer, count)\n", "    fault = None\n"),
            ("array.shape != (count, dimensions)", "array.shape[1:] != (dimensions,)"),
        ],
        "tests/embedders/test_base.py",
        "",
    ),
    Mutation(
        "the lease when a vector is written: a late one is stored",
        "sync/leases.py",
        [("return {texts[key] for key in ended}", "return set(texts.values())")],
        SUITE,
        "late_write",
    ),
    Mutation(
        "the lease when a row is claimed: two runs have it",
        "sync/leases.py",
        [
            (
                "WHERE (held.token = excluded.token OR ",
                "WHERE (true OR ",
            )
        ],
        SUITE,
        "Leases",
    ),
    Mutation(
        "NaN and infinity in an answer",
        "embedders/answers.py",
        [("~np.isfinite(single).all(axis=1)", "np.zeros(len(single), dtype=bool)")],
        SUITE,
        "bad_answer",
    ),
    Mutation(
        "zeros in an answer",
        "embedders/answers.py",
        [("~single.any(axis=1)", "np.zeros(len(single), dtype=bool)")],
        SUITE,
        "bad_answer",
    ),
    Mutation(
        "the space of the vectors that are searched",
        "models/ranked_search.py",
        [("return held & in_space(field) if", "return held if")],
        SUITE,
        "Spaces",
    ),
    Mutation(
        "the fingerprint that is written with a vector",
        "sync/statements.py",
        [("self.prefix + content, pk, content)", "None, pk, content)")],
        SUITE,
        "Generation",
    ),
    Mutation(
        "blank texts, which are not sent",
        "sync/intake.py",
        [("rows = [row for row in rows if not row.is_blank]", "rows = list(rows)")],
        SUITE,
        "Runs",
    ),
    Mutation(
        "halving, by which one bad text is found",
        "sync/failures.py",
        [("if len(batch.rows) > 1:", "if False:")],
        SUITE,
        "Failures",
    ),
    Mutation(
        "equal texts, which are paid for once",
        "sync/batches.py",
        [("            if row.text in self._waiting:\n", "            if False:\n")],
        SUITE,
        "Runs",
    ),
    Mutation(
        "patience with a database that is away for a moment",
        "sync/patience.py",
        [("if not self._may_repeat(error) or", "if True or")],
        DATABASE,
        "while_the_embedder_works",
    ),
    Mutation(
        "the leases that a run gives back when it fails",
        "sync/run.py",
        [
            (
                "            self.leases.release()\n            self.journal.end(error)",
                "            self.journal.end(error)",
            )
        ],
        DATABASE,
        "breaks_at_any_statement",
    ),
    Mutation(
        "other spaces, which are left alone",
        "sync/finding.py",
        [
            (
                "        if not self.replace_spaces:\n            rows = rows.exclude",
                "        if False:\n            rows = rows.exclude",
            )
        ],
        SUITE,
        "Spaces",
    ),
    Mutation(
        "the space in which a text has failed",
        "models/states.py",
        [("failed.filter(fingerprint=OuterRef(EXPECTED))", "failed")],
        SUITE,
        "Failures",
    ),
    Mutation(
        "failures that are forgotten when they are settled",
        "sync/forgetting.py",
        [("now.get(record.key) != record.fingerprint]", "False]")],
        SUITE,
        "Failures",
    ),
    Mutation(
        "reasons, which any database can store",
        "sync/failures.py",
        [("encodable(str(error))", "str(error)")],
        TEXTS,
        "reason",
    ),
    Mutation(
        "the other half of a pair: a vector saved by hand keeps its fingerprint",
        "models/embedding.py",
        [("rows.update(**{name: None})", "rows.count()")],
        SUITE,
        "Freshness",
    ),
    Mutation(
        "the check of many vectors at once",
        "models/prepared.py",
        [("np.flatnonzero(~good)", "np.flatnonzero(good & ~good)")],
        SUITE,
        "TestIngest",
    ),
    Mutation(
        "what was loaded goes when the rest fails",
        "models/ingest.py",
        [
            (
                "        with transaction.atomic(using=using):\n            return",
                "        if True:\n            return",
            )
        ],
        SUITE,
        "TestIngest",
    ),
    Mutation(
        "only rows with a vector are stamped",
        "models/stamps.py",
        [('rows.filter(**{f"{self.field.name}__isnull": False})', "rows")],
        SUITE,
        "TestIngest",
    ),
    Mutation(
        "rows without a text are not stamped",
        "models/stamps.py",
        [("return Case(blank, default=stamp", "return Case(default=stamp")],
        SUITE,
        "TestIngest",
    ),
    Mutation(
        "rows that were changed are compared",
        "backends/sqlite/engine/proposals.py",
        [(", *self._changed}", "}")],
        CERTIFIED,
        "transaction",
    ),
    Mutation(
        "the certificate of an exact search",
        "backends/sqlite/engine/proposals.py",
        [("return self._score(distance) >= self.floor", "return True")],
        CERTIFIED,
        "filters",
    ),
    Mutation(
        "a position of the log is told by its stamp",
        "backends/sqlite/engine/log.py",
        [("Position(*found[0][:2]) != position", "False")],
        CERTIFIED,
        "restored",
    ),
    Mutation(
        "triggers are looked for when the schema has changed",
        "backends/sqlite/engine/search.py",
        [("log.schema_version(raw) != state.schema", "False")],
        CERTIFIED,
        "triggers",
    ),
    Mutation(
        "rows that are deleted are logged",
        "backends/sqlite/engine/log.py",
        [('("OLD", "OLD.{column} IS NOT NULL")', '("OLD", "0")')],
        CERTIFIED,
        "gone",
    ),
    Mutation(
        "an edition that lacks a part does not count",
        "backends/sqlite/engine/folding.py",
        [("is_whole = store.segments(raw, source, number) == written", "is_whole = True")],
        CERTIFIED,
        "lacks",
    ),
    Mutation(
        "NULL comes first on SQLite",
        "models/hybrid_query.py",
        [("return None if is_risky and not _has_vectors(query) else query", "return query")],
        EXPRESSIONS,
        "slice_of_the_whole",
    ),
    Mutation(
        "all-zero vectors come first, too",
        "models/certified.py",
        [("return not (come_first and proposals.lacks_distances)", "return True")],
        EXPRESSIONS,
        "lost",
    ),
    Mutation(
        "rows without a distance are asked for after the others",
        "models/certified.py",
        [("WithoutDistance.COME_LAST and farthest == inf", "WithoutDistance.COME_LAST and False")],
        EXPRESSIONS,
        "slice_of_the_whole",
    ),
    Mutation(
        "the errors of codes",
        "backends/sqlite/engine/bounds.py",
        [
            (
                "products += codes.errors * (query.length + query.error)\n    products += query.e",
                "products += query.e",
            )
        ],
        "tests/certified/test_bounds.py",
        "exceeds",
    ),
    Mutation(
        "the words of a row that were changed in SQL",
        "backends/sqlite/text/ddl.py",
        [
            (
                "for column in (*words.spec.keys, *words.spec.columns)",
                "for column in words.spec.keys",
            )
        ],
        SUITE,
        "TestWords and found",
    ),
    Mutation(
        "the words of a row that REPLACE has deleted",
        "backends/sqlite/text/ddl.py",
        [('("", [*_forgetting(words, "NEW"), *_noting(words)])', '("", _noting(words))')],
        "tests/databases/test_sqlite.py",
        "replaced",
    ),
    Mutation(
        "rows with all words come first",
        "models/fused/legs.py",
        [('order_by(f"-{STRICT}", f"-{SCORE}", "pk")', 'order_by(f"-{SCORE}", "pk")')],
        SUITE,
        "TestWords and before_those_with_any",
    ),
    Mutation(
        "a look at all documents where the best of them are too few rows",
        "models/fused/legs.py",
        [("if ranked.is_complete or len(hits) >= enough * (count or 0):", "if hits is not None:")],
        "tests/databases/test_sqlite_many_texts.py",
        "fill",
    ),
    Mutation(
        "words that must not be there",
        "models/word_conditions.py",
        [("if query.excluded:", "if not query.clauses:")],
        SUITE,
        "demands or minus",
    ),
    Mutation(
        "filters count before rows are ranked",
        "models/fused/query.py",
        [
            (
                "[child for child in base.where.children if not _needs(child, aliases)]",
                "base.where.children[:0]",
            )
        ],
        SUITE,
        "TestFused and filters_count",
    ),
    Mutation(
        "all rows are ranked where scores are filtered",
        "models/fused/query.py",
        [("return None if is_narrowed else int(query.high_mark)", "return int(query.high_mark)")],
        SUITE,
        "TestWords and last_places",
    ),
    Mutation(
        "a slice that reaches beyond the candidates",
        "models/fused/ranking.py",
        [("return max(needed or 0, self.candidates)", "return self.candidates")],
        SUITE,
        "TestFused and as_many_rows",
    ),
    Mutation(
        "ranks that begin with 1",
        "ranking/fusion.py",
        [
            (
                "1 / (k + rank) for rank, key in enumerate(leg, 1)",
                "1 / (k + rank) for rank, key in enumerate(leg)",
            )
        ],
        "tests/ranking",
        "rrf or fusion",
    ),
    Mutation(
        "equal scores, in a search within another query",
        "models/fused/statements.py",
        [('IS NULL, {rank}" for rank in ranks)', 'IS NULL, {rank}" for rank in ranks[::-1])')],
        SUITE,
        "TestFused",
    ),
    Mutation(
        "markup in a text whose words are marked",
        "texts/highlighting.py",
        [("escape(text[place:first])", "text[place:first]")],
        SUITE,
        "marked_texts",
    ),
    Mutation(
        "documents are asked for by key in their queryset",
        "contrib/retrieval/collection.py",
        [
            (
                "return self.queryset.filter(among(",
                "return self.queryset.model.objects.filter(among(",
            )
        ],
        TENANTS,
        "TestCollection",
    ),
    Mutation(
        "documents of a source are those of their queryset",
        "contrib/retrieval/collection.py",
        [
            (
                "rows = rows.filter(among(self.layout.source_name, known))",
                "rows = rows.model.objects.filter(among(self.layout.source_name, known))",
            )
        ],
        TENANTS,
        "TestLlamaIndex",
    ),
    Mutation(
        "documents with a key that is in use elsewhere",
        "contrib/retrieval/writing.py",
        [("if outside := {*taken} - {*inside}:", "if outside := {*taken} & set():")],
        TENANTS,
        "refused",
    ),
    Mutation(
        "documents that leave the queryset when they are written",
        "contrib/retrieval/writing.py",
        [("if outside := {*part} - found:", "if outside := {*part} & set():")],
        "tests/contrib/test_collection.py",
        "outside",
    ),
    Mutation(
        "documents are deleted in their queryset",
        "contrib/retrieval/collection.py",
        [('filter(pk__in=chosen.values("pk"))', "all()")],
        TENANTS,
        "TestHaystack or TestLangChain",
    ),
    Mutation(
        "filters of documents have an end",
        "contrib/retrieval/filters.py",
        [("if size > MOST_CONDITIONS or depth > MOST_DEPTH:", "if depth > MOST_DEPTH * size:")],
        FILTERS,
        "limits",
    ),
    Mutation(
        "documents without the value, for which != holds",
        "contrib/retrieval/columns.py",
        [
            (
                "return found | ~self._holds(SOMETHING) if None in values else found",
                "return found | ~self._holds(SOMETHING)",
            )
        ],
        FILTERS,
        "as_in_python",
    ),
    Mutation(
        "vectors of documents whose embedder nobody told",
        "contrib/retrieval/writing.py",
        [("if self.embedded_by or all(", "if True or all(")],
        "tests/contrib/test_collection.py",
        "unknown_origin",
    ),
    Mutation(
        "the vector of a document that is replaced by another text",
        "contrib/retrieval/writing.py",
        [("if record.text == before or is_kept:", "if True:")],
        WRITING,
        "TestVectors",
    ),
    Mutation(
        "the rows of a request, which a model searches",
        "contrib/mcp/sources.py",
        [("return collection(rows, ", "return collection(rows.model.objects.all(), ")],
        TENANTS,
        "TestMCP",
    ),
    Mutation(
        "the permission to embed in the admin",
        "admin/mixin.py",
        [("if asked and not self.has_embed_permission(request):", "if False:")],
        f"{ADMIN}/test_actions.py",
        "refused",
    ),
    Mutation(
        "whose rows are similar: those that the user may see",
        "admin/similar.py",
        [("model_admin.get_queryset(request),", "type(row)._base_manager.all(),")],
        f"{ADMIN}/test_similar.py",
        "may_see",
    ),
    Mutation(
        "whose rows the dashboard leads to: those that the user may see",
        "admin/places.py",
        [("in rows.filter(pk__in=keys)", "in embedding.model._base_manager.filter(pk__in=keys)")],
        f"{ADMIN}/test_dashboard.py",
        "may_not_see",
    ),
    Mutation(
        "rows that were ticked are acted on, whatever a search finds",
        "admin/changelist.py",
        [('self.query = ""', "pass")],
        f"{ADMIN}/test_search.py",
        "whatever_a_search_finds",
    ),
    Mutation(
        "no action on all that a search finds which is out of order",
        "admin/mixin.py",
        [("search.failure is not None and acts_on_all", "False and acts_on_all")],
        f"{ADMIN}/test_search.py",
        "out_of_order",
    ),
    Mutation(
        "whose rows a map tells of: those of its view",
        "maps/labels.py",
        [("within(queryset).defer(*vectors)", "queryset.model._base_manager.defer(*vectors)")],
        MAPS,
        "rows_of_the_user or gives_them",
    ),
    Mutation(
        "a map is of one space of vectors",
        "maps/rows.py",
        [('(row[2] or "").startswith(self._prefix)', "True")],
        f"{MAPS}/test_points.py",
        "another_space",
    ),
    Mutation(
        "a page of a map asks of few rows at once",
        "maps/views.py",
        [("getlist(KEY)[:MOST_ASKED]", "getlist(KEY)")],
        f"{MAPS}/test_views.py",
        "than_a_page_needs",
    ),
    Mutation(
        "keys in the addresses that a map of the admin leads to",
        "maps/admin.py",
        [("args=[quote(row.pk)]", "args=[row.pk]")],
        f"{MAPS}/test_admin.py",
        "that_is_a_key",
    ),
    Mutation(
        "the policy of a map in a file",
        "maps/files.py",
        [("default-src 'none'; script-src '{script}'", "default-src *; script-src '{script}'")],
        "tests/commands/test_embedding_map.py",
        "runs_its_own_script",
    ),
]


@contextmanager
def mutated(mutation: Mutation) -> Iterator[Path]:
    """A copy of the tree without that safeguard."""
    with tempfile.TemporaryDirectory(prefix="hybrid-store-") as folder:
        root = Path(folder) / "copy"
        shutil.copytree(ROOT, root, ignore=LEFT_OUT)
        mutation.apply(root)
        yield root


def survives(mutation: Mutation) -> bool:
    """Do the tests pass all the same? Raises `RuntimeError` where they cannot be run."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", mutation.tests, "-k", mutation.only]
    kept = {name: value for name, value in os.environ.items() if "HYBRID_STORE" not in name}
    with mutated(mutation) as root:
        environment = {**kept, "PYTHONPATH": str(root / "src"), "CI": "true"}
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, FAILED):
        raise RuntimeError(f"{mutation.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def check_untouched(chosen: Sequence[Mutation]) -> None:
    """Raise `RuntimeError` unless the tests pass on sources in which nothing is changed."""
    for tests, only in dict.fromkeys((each.tests, each.only) for each in chosen):
        if not survives(Mutation("nothing", "__init__.py", [], tests, only)):
            raise RuntimeError(f"{tests} -k {only!r} fails as it is, so it proves nothing.")


def main(words: Sequence[str]) -> int:
    """Try the mutations that `words` name, all without any; 1 where one survives."""
    chosen = [each for each in MUTATIONS if not words or any(word in each.name for word in words)]
    if not words:
        check_untouched(chosen)
    survivors = 0
    for mutation in chosen:
        started = time.monotonic()
        alive = survives(mutation)
        survivors += alive
        verdict = "NOT NOTICED" if alive else "noticed"
        print(f"{verdict}: {mutation.name} ({time.monotonic() - started:.0f} s)", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} noticed")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
