"""Keeping embeddings in step with their rows."""
