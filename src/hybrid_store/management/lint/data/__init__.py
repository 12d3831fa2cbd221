"""Rules that read the project's database."""
