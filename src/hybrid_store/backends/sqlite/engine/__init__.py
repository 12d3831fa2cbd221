"""Exact searches faster than reading the vectors: see docs/topics/sqlite.md."""
