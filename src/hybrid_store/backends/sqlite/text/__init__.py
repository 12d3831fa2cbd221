"""Indexes of words by FTS5."""
