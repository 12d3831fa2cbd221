"""What must hold whatever happens while embeddings are generated."""
