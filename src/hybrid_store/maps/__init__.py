"""Maps: the vectors of a queryset in two dimensions, as points, a page, a file or a picture."""

from hybrid_store.maps.points import Points, map_points
from hybrid_store.maps.projections import PCA, UMAP, BaseProjection
from hybrid_store.maps.views import EmbeddingMapView

__all__ = ["PCA", "UMAP", "BaseProjection", "EmbeddingMapView", "Points", "map_points"]
