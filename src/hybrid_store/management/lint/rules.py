"""All rules, in the order of their numbers."""

from __future__ import annotations

from hybrid_store.management.lint.data.base import DataRule
from hybrid_store.management.lint.data.churn import UpdateChurn
from hybrid_store.management.lint.data.float64 import StoredAsFloat64
from hybrid_store.management.lint.data.invalid_indexes import InvalidIndex
from hybrid_store.management.lint.data.lengths import MixedLengths
from hybrid_store.management.lint.data.lost_rows import RowsLost
from hybrid_store.management.lint.data.models import SeveralModels
from hybrid_store.management.lint.data.no_dimensions import NoDimensions
from hybrid_store.management.lint.data.other_metric import OtherMetric
from hybrid_store.management.lint.data.random_vectors import LooksRandom
from hybrid_store.management.lint.data.repeated import RepeatedVector
from hybrid_store.management.lint.data.sizes import MixedSizes
from hybrid_store.management.lint.data.spaces import SeveralSpaces
from hybrid_store.management.lint.data.zeros import ZeroVectors
from hybrid_store.management.lint.findings import Rule
from hybrid_store.management.lint.source.base import SourceRule
from hybrid_store.management.lint.source.comparisons import ComparedInPython
from hybrid_store.management.lint.source.constant_defaults import ConstantDefault
from hybrid_store.management.lint.source.declared_indexes import IndexOfOtherMetric
from hybrid_store.management.lint.source.descending import FarthestFirst
from hybrid_store.management.lint.source.embedded_in_save import EmbeddedInSave
from hybrid_store.management.lint.source.float_types import FloatTypesDiffer
from hybrid_store.management.lint.source.fromstring import FromString
from hybrid_store.management.lint.source.keys_in_code import KeyInCode
from hybrid_store.management.lint.source.never_anew import NeverEmbeddedAnew
from hybrid_store.management.lint.source.random_defaults import RandomDefault
from hybrid_store.management.lint.source.similarities import OrderedBySimilarity
from hybrid_store.management.lint.source.truth import TruthOfArray
from hybrid_store.management.lint.source.unsaid_types import FloatTypeUnsaid
from hybrid_store.management.lint.source.whole_rows import WholeRowSaved
from hybrid_store.management.lint.source.zero_norms import ZeroNorm

__all__ = ["DATA_RULES", "RULES", "SOURCE_RULES"]

SOURCE_RULES: list[type[SourceRule]] = [
    FloatTypesDiffer,
    FloatTypeUnsaid,
    FarthestFirst,
    OrderedBySimilarity,
    RandomDefault,
    ConstantDefault,
    TruthOfArray,
    FromString,
    ComparedInPython,
    ZeroNorm,
    EmbeddedInSave,
    NeverEmbeddedAnew,
    WholeRowSaved,
    IndexOfOtherMetric,
    KeyInCode,
]
DATA_RULES: list[type[DataRule]] = [
    StoredAsFloat64,
    RepeatedVector,
    LooksRandom,
    ZeroVectors,
    MixedSizes,
    MixedLengths,
    SeveralSpaces,
    SeveralModels,
    RowsLost,
    OtherMetric,
    InvalidIndex,
    NoDimensions,
    UpdateChurn,
]
RULES: list[type[Rule]] = [*SOURCE_RULES, *DATA_RULES]
