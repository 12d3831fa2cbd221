"""Values of SciPy and of pgvector in fields, which the conformance suite does without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pgvector
import pytest
import scipy.sparse
from django.core.exceptions import ValidationError

from hybrid_store.models import HammingDistance, L2Distance
from hybrid_store.test.models import Code, Point, Weighting


def terms(size: int = 50) -> Any:
    return scipy.sparse.csr_array(([3.0, 4.0], ([0, 0], [7, 1])), shape=(1, size))


@pytest.mark.django_db
def test_sparse_arrays_of_scipy_are_taken() -> None:
    Weighting.objects.create(terms=terms())
    assert Weighting.objects.get().terms.to_dict() == {1: 4, 7: 3}
    assert Weighting.objects.nearest(terms(), field="terms").get().distance == 0
    [distance] = Weighting.objects.values_list(L2Distance("terms", terms() * 2), flat=True)
    assert distance == 5


@pytest.mark.django_db
def test_the_types_of_pgvector_are_taken() -> None:
    near = pgvector.SparseVector({1: 4, 7: 3}, 50)
    Weighting.objects.create(terms=near)
    assert Weighting.objects.nearest(near, field="terms").get().distance == 0
    bits = pgvector.Bit("101000000011")
    Code.objects.create(bits=bits)
    assert Code.objects.nearest(bits, field="bits").get().distance == 0
    assert Code.objects.values_list(HammingDistance("bits", bits), flat=True).get() == 0


@pytest.mark.parametrize(
    ("row", "field", "fault"),
    [
        (Weighting(name="w", terms=terms(51)), "terms", "expected 50 dimensions, got 51"),
        (Weighting(name="w", terms=scipy.sparse.eye_array(50)), "terms", "shape (50, 50)"),
        (Point(name="p", vector=terms()), "vector", "not a sequence of numbers"),
        (Point(name="p", vector=np.ones((2, 2))), "vector", "shape (2, 2)"),
        (Code(name="c", bits=np.ones(3)), "bits", "got float64"),
    ],
)
def test_a_bad_array_is_refused_by_full_clean(row: Any, field: str, fault: str) -> None:
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    assert fault in str(caught.value.message_dict[field])
