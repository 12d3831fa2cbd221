"""How good searches are on a judged collection: words, vectors, and both in several ways."""
