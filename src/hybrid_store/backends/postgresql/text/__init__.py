"""Indexes of words: ordinary tables with a GIN index, ranked by BM25."""
