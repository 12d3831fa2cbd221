"""What must hold on every database, as classes that a backend's tests inherit.

A test class of a backend inherits one of these and `hypothesis.extra.django.TestCase`, with
`hybrid_store.test` among the installed apps and the database as "default":

    class TestDistances(DistanceConformance, TestCase):
        pass

The embedders "default" and "second" must be configured, both of 384 dimensions and of different
spaces.
"""

from hybrid_store.test.conformance.bits import BitConformance
from hybrid_store.test.conformance.conditions import ConditionConformance
from hybrid_store.test.conformance.distances import DistanceConformance
from hybrid_store.test.conformance.engine import (
    FailureConformance,
    LeaseConformance,
    RunConformance,
)
from hybrid_store.test.conformance.fields import FieldConformance
from hybrid_store.test.conformance.freshness import FreshnessConformance
from hybrid_store.test.conformance.fused import FusedConformance, FusedFuzzConformance
from hybrid_store.test.conformance.generation import GenerationConformance
from hybrid_store.test.conformance.ingest import IngestConformance
from hybrid_store.test.conformance.inheritance import InheritanceConformance
from hybrid_store.test.conformance.keys import KeyConformance
from hybrid_store.test.conformance.on_save import OnSaveConformance, OnSaveTaskConformance
from hybrid_store.test.conformance.passage_search import PassageSearchConformance
from hybrid_store.test.conformance.passages import (
    PassageConformance,
    PassageOnSaveConformance,
)
from hybrid_store.test.conformance.query_cache import QueryCacheConformance
from hybrid_store.test.conformance.search import (
    ExactSearchConformance,
    RecommendationConformance,
    SearchConformance,
)
from hybrid_store.test.conformance.spaces import SpaceConformance
from hybrid_store.test.conformance.sparse import SparseConformance
from hybrid_store.test.conformance.words import WordConformance, WordFuzzConformance
from hybrid_store.test.conformance.writing import WritingConformance

__all__ = [
    "BitConformance",
    "ConditionConformance",
    "DistanceConformance",
    "ExactSearchConformance",
    "FailureConformance",
    "FieldConformance",
    "FreshnessConformance",
    "FusedConformance",
    "FusedFuzzConformance",
    "GenerationConformance",
    "IngestConformance",
    "InheritanceConformance",
    "KeyConformance",
    "LeaseConformance",
    "OnSaveConformance",
    "OnSaveTaskConformance",
    "PassageConformance",
    "PassageOnSaveConformance",
    "PassageSearchConformance",
    "QueryCacheConformance",
    "RecommendationConformance",
    "RunConformance",
    "SearchConformance",
    "SpaceConformance",
    "SparseConformance",
    "WordConformance",
    "WordFuzzConformance",
    "WritingConformance",
]
