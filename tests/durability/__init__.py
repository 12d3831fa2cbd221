"""What generation survives, and what must hold whatever happens to rows and databases."""
