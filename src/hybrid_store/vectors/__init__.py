"""Values that vector columns hold, and the codecs that turn them into stored bytes.

Pure: NumPy only, no database. A codec is one kind of column; `CODECS` are all there are.
"""

from hybrid_store.vectors.base import BaseCodec, BaseVector, Codec, VectorLike
from hybrid_store.vectors.bits import BIT, BitVector
from hybrid_store.vectors.dense import HALF, SINGLE, FloatArray, FloatCodec, Vector
from hybrid_store.vectors.sparse import SPARSE, SparseVector

__all__ = [
    "BIT",
    "CODECS",
    "HALF",
    "SINGLE",
    "SPARSE",
    "BaseCodec",
    "BaseVector",
    "BitVector",
    "Codec",
    "FloatArray",
    "FloatCodec",
    "SparseVector",
    "Vector",
    "VectorLike",
]

CODECS: tuple[Codec, ...] = (SINGLE, HALF, BIT, SPARSE)
