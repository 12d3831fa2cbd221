"""The engine that searches SQLite exactly, by codes in memory."""
