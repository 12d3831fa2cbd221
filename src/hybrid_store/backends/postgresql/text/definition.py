"""An index of words in migrations: one statement makes it, one removes it, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybrid_store.backends.postgresql.text import statements
from hybrid_store.backends.postgresql.text.functions import average_sql, functions_sql, length_sql
from hybrid_store.backends.postgresql.text.names import (
    FUNCTIONS,
    Names,
    filled,
    literal,
    name_of,
    part_of,
    quoted,
)
from hybrid_store.backends.postgresql.text.triggers import triggers_sql, write_sql

__all__ = ["MARK", "Definition"]

# Of what these modules make; another number has every index made anew.
VERSION = 1
# The key of what the comment on the table of an index says of it.
MARK = "hybrid_store"
# The average length of documents before there are any.
FIRST_AVERAGE = 50


@dataclass(frozen=True)
class Definition:
    """What an index of words is made of in a database.

    `vector` is the SQL of pgvector's type of sparse vectors, `dictionary` the name of that of the
    stemmer, `server` the major version of PostgreSQL.
    """

    names: Names
    vector: str
    dictionary: str | None
    server: int

    @property
    def told(self) -> dict[str, object]:
        """What the comment on the table of the index says of how it was made.

        Another version of PostgreSQL may stem in another way.
        """
        spec = self.names.spec
        return {
            "version": VERSION,
            "weights": list(spec.weights),
            "tokenizer": spec.tokenizer,
            "dictionary": self.dictionary,
            "server": self.server if self.dictionary else None,
        }

    def creation(self, table: str) -> str:
        """The statement that makes an index over a table, in place of one that is there.

        Until it is done, the table and the old index can be read, and not be written.
        """
        parts = {**self._names(), **self._filling(table), **self._keeping(table)}
        steps = (
            *(statements.FILLING, statements.GRANTS, statements.DROPPING, statements.RENAMING),
            *(statements.KEEPING, statements.ANALYZING),
        )
        return _block(steps, parts)

    def renaming(self, table: str) -> str:
        """The statement that makes of an index one over columns that have other names now."""
        return _block([statements.KEEPING], {**self._names(), **self._keeping(table)})

    def removal(self) -> str:
        """The statement that removes all of an index, if it is there."""
        return _block([statements.DROPPING, statements.OWN_FUNCTIONS], self._names())

    def _names(self) -> dict[str, str]:
        names, index = self.names, self.names.spec.name
        return {
            "side": names(),
            "side_name": names.bare(),
            "side_text": literal(names()),
            "index_name": quoted(index),
            "index_text": literal(names.index),
            "prefix": literal(name_of("text", "")),
            "part": literal(part_of(index)),
            "own_functions": " ".join(
                f"DROP FUNCTION IF EXISTS {names(kind)} CASCADE;" for kind in FUNCTIONS
            ),
            "functions_of_old": " ".join(
                "EXECUTE 'DROP FUNCTION IF EXISTS ' || old.schema || '.' || "
                f"quote_ident({literal(name_of(kind, ''))} || old.part) || ' CASCADE';"
                for kind in FUNCTIONS
            ),
        }

    def _filling(self, table: str) -> dict[str, str]:
        names, spec = self.names, self.names.spec
        texts = [f"t.{quoted(column)}::text" for column in spec.columns]
        keys = [f"t.{quoted(key)}" for key in spec.keys]
        named = zip(keys, names.keys, strict=True)
        return {
            "source": table,
            "functions": ";".join(functions_sql(names, self.dictionary)),
            "length": " + ".join(length_sql(names, text) for text in texts),
            "first_average": str(FIRST_AVERAGE),
            "average_of_mean": average_sql(names, "mean"),
            "vector": self.vector,
            "document": names("document"),
            "texts": ", ".join(texts),
            "keys": ", ".join(names.keys),
            "keys_of_row": ", ".join(keys),
            "named_keys": ", ".join(f"{key} AS {name}" for key, name in named),
            "new": names("new"),
            "new_text": literal(names("new")),
            "key_of_new": names.bare("newkey"),
            "terms_of_new": names.bare("newterms"),
            "made_key": names("newkey"),
            "made_terms": names("newterms"),
            "key_name": names.bare("key"),
        }

    def _keeping(self, table: str) -> dict[str, str]:
        spec, source = self.names.spec, f"$table${table}$table$"
        return {
            "write": write_sql(self.names),
            "triggers": ";".join(triggers_sql(self.names, table)),
            "source_text": source,
            "mark": literal(MARK),
            "told": literal(json.dumps(self.told)),
            "key_places": _places_sql(spec.keys, source),
            "column_places": _places_sql(spec.columns, source),
        }


def _block(steps: Sequence[str], parts: Mapping[str, str]) -> str:
    body = "".join(filled(step, parts) + "\n" for step in steps)
    return filled(statements.BLOCK, {"steps": body})


def _places_sql(columns: Sequence[str], source: str) -> str:
    names = ", ".join(map(literal, columns))
    return filled(statements.PLACES, {"names": names, "source_text": source})
