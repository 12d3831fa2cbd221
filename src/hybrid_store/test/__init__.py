"""For tests: of projects (`override_embedder`), and of databases and embedders added to them."""

from hybrid_store.test.override import StandInEmbedder, override_embedder

__all__ = ["StandInEmbedder", "override_embedder"]
