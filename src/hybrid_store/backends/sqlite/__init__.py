"""SQLite: vectors are BLOBs, distances are functions registered on the connection."""
