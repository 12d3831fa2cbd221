"""A reranker of somebody else's, as the documentation tells to write one."""

from __future__ import annotations

from hybrid_store.rerankers import BaseReranker


class OverlapReranker(BaseReranker):
    """The share of the query's words that a text has."""

    def score(self, query: str, texts: list[str]) -> list[float]:
        words = set(query.lower().split())
        return [len(words & set(text.lower().split())) / len(words) for text in texts]


def test_it_scores_texts() -> None:
    texts = ["a red apple", "A RED bicycle", ""]
    assert OverlapReranker().scores("red apple", texts).tolist() == [1, 0.5, 0]
