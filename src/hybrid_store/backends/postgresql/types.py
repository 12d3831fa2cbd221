"""Names of the types that hold vectors, by the names of codecs."""

from __future__ import annotations

from hybrid_store.vectors import BIT, HALF, SINGLE, SPARSE

__all__ = ["FLOAT_TYPES", "OWN_SCHEMAS", "TYPE_NAMES"]

TYPE_NAMES = {
    SINGLE.name: "vector",
    HALF.name: "halfvec",
    BIT.name: "bit",
    SPARSE.name: "sparsevec",
}
# Types that are no part of pgvector. Without its schema, "bit" would be short for "bit(1)".
OWN_SCHEMAS = {BIT.name: "pg_catalog."}
# Types whose columns `ConvertVectorColumn` casts to each other.
FLOAT_TYPES = (TYPE_NAMES[SINGLE.name], TYPE_NAMES[HALF.name])
