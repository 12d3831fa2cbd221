"""Search by meaning, freshness and generation in Django's admin.

Django's autodiscovery imports this package where `django.contrib.admin` is installed; nothing else
does.
"""

from hybrid_store.admin.dashboard import DashboardAdmin
from hybrid_store.admin.freshness import FreshnessFilter
from hybrid_store.admin.mixin import HybridAdminMixin
from hybrid_store.admin.records import EmbeddingRunAdmin, EmbeddingWorkAdmin

__all__ = [
    "DashboardAdmin",
    "EmbeddingRunAdmin",
    "EmbeddingWorkAdmin",
    "FreshnessFilter",
    "HybridAdminMixin",
]
