"""The conformance suite, on the database that the run has chosen."""

from __future__ import annotations

from django.test import TestCase, TransactionTestCase
from hypothesis.extra.django import TestCase as HypothesisTestCase

from hybrid_store.test import conformance


class TestFields(conformance.FieldConformance, HypothesisTestCase):
    pass


class TestDistances(conformance.DistanceConformance, HypothesisTestCase):
    pass


class TestBits(conformance.BitConformance, HypothesisTestCase):
    pass


class TestSparse(conformance.SparseConformance, HypothesisTestCase):
    pass


class TestExactSearch(conformance.ExactSearchConformance, HypothesisTestCase):
    pass


class TestSearch(conformance.SearchConformance, TestCase):
    pass


class TestRecommendations(conformance.RecommendationConformance, TestCase):
    pass


class TestWords(conformance.WordConformance, TestCase):
    pass


class TestWordFuzz(conformance.WordFuzzConformance, HypothesisTestCase):
    pass


class TestFused(conformance.FusedConformance, TestCase):
    pass


class TestFusedFuzz(conformance.FusedFuzzConformance, HypothesisTestCase):
    pass


class TestFreshness(conformance.FreshnessConformance, HypothesisTestCase):
    pass


class TestConditions(conformance.ConditionConformance, TestCase):
    pass


class TestGeneration(conformance.GenerationConformance, TestCase):
    pass


class TestLeases(conformance.LeaseConformance, TestCase):
    pass


class TestFailures(conformance.FailureConformance, TestCase):
    pass


class TestRuns(conformance.RunConformance, TestCase):
    pass


class TestInheritance(conformance.InheritanceConformance, TestCase):
    pass


class TestSpaces(conformance.SpaceConformance, TestCase):
    pass


class TestKeys(conformance.KeyConformance, HypothesisTestCase):
    pass


class TestWriting(conformance.WritingConformance, TestCase):
    pass


class TestIngest(conformance.IngestConformance, HypothesisTestCase):
    pass


class TestQueryCache(conformance.QueryCacheConformance, TransactionTestCase):
    pass


class TestOnSave(conformance.OnSaveConformance, TransactionTestCase):
    pass


class TestOnSaveByTask(conformance.OnSaveTaskConformance, TransactionTestCase):
    pass


class TestPassages(conformance.PassageConformance, HypothesisTestCase):
    pass


class TestPassageSearch(conformance.PassageSearchConformance, TestCase):
    pass


class TestPassagesOnSave(conformance.PassageOnSaveConformance, TransactionTestCase):
    pass
