"""Words of texts, and the language that searches for them are written in."""
