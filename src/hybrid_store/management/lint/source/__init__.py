"""Rules that read the project's Python files."""
