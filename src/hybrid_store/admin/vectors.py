"""A vector in a few words."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hybrid_store.models.fields import BaseVectorField
from hybrid_store.vectors import Vector

__all__ = ["length_of", "summary"]


def length_of(field: BaseVectorField) -> str:
    """How many numbers the vectors of a column have, which tells nothing of any text."""
    size = field.dimensions
    return ngettext("%(size)d dimension", "%(size)d dimensions", size) % {"size": size}


def summary(vector: Any) -> str:
    """The first components, the dimensions and, of a dense vector, its Euclidean length."""
    if not isinstance(vector, Vector):
        return str(vector)
    length = float(np.linalg.norm(np.asarray(vector)))
    return _("%(vector)s, length %(length).3f") % {"vector": vector, "length": length}
