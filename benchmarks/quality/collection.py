"""A judged collection: a folder of documents, queries and judgements, in the form of BEIR."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

from benchmarks.quality.models import Abstract
from hybrid_store.management.evaluation import Judged, JudgedQuery
from hybrid_store.management.judged_keys import KeyColumn
from hybrid_store.management.judgements import read_judgements
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation

__all__ = ["COLUMN", "Collection", "find_folder"]

PROJECT = Path(__file__).resolve().parent.parent.parent
COLUMN = KeyColumn(Abstract, "key")


def find_folder(name: Path) -> Path:
    """A folder, or one of that name in a folder `data` beside the project or above it."""
    if name.is_dir():
        return name
    for above in PROJECT.parents:
        for data in (above / "data", *sorted(above.glob("*/data"))):
            if (data / name / "qrels.tsv").is_file():
                return data / name
    raise SystemExit(
        f"There is no folder {name}: name one that holds corpus.jsonl, queries.jsonl and qrels.tsv."
    )


@dataclass(frozen=True)
class Collection:
    """`corpus.jsonl` ({_id, title, text}), `queries.jsonl` ({_id, text}), `qrels.tsv` (query-id,
    corpus-id, score)."""

    folder: Path

    def documents(self) -> Iterator[Abstract]:
        with (self.folder / "corpus.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                read = json.loads(line)
                yield Abstract(key=read["_id"], title=read["title"], text=read["text"])

    def load(self, alias: str) -> int:
        """Put it into a new table, and embed it; returns how many documents there are."""
        with connections[alias].schema_editor() as editor:
            editor.create_model(Abstract)
        documents = Abstract.objects.using(alias).bulk_create(self.documents())
        Generation(embedding_field(Abstract), using=alias).run()
        return len(documents)

    def queries(self, alias: str) -> Sequence[JudgedQuery]:
        """Those with an answer, in the order of the judgements."""
        judgements = read_judgements(self.folder / "qrels.tsv", self.folder / "queries.jsonl")
        rows = Abstract.objects.using(alias).all()
        return Judged.of(judgements, COLUMN, rows).answered
