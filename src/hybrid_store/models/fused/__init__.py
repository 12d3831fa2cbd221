"""Searches whose order is decided outside of the database: legs are run, and their ranks fused."""
