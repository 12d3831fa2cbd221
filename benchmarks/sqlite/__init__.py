"""Benchmarks of the SQLite engine, beside the limit of the machine. See docs/benchmarks.md."""
