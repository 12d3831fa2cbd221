"""Rerankers: what reads a query together with each text that was found, and orders them anew."""

from hybrid_store.rerankers.base import BaseReranker, as_reranker
from hybrid_store.rerankers.cross_encoder import CrossEncoderReranker

__all__ = ["BaseReranker", "CrossEncoderReranker", "as_reranker"]
