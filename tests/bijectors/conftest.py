"""What the tests of bijectors share."""

from ..precision import dtype, float64, quick_compilation

__all__ = ["dtype", "float64", "quick_compilation"]
