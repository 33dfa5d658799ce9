"""What the tests of layers share."""

from ..precision import dtype, float64, quick_compilation

__all__ = ["dtype", "float64", "quick_compilation"]
