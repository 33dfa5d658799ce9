"""What the tests of distributions share."""

from ..precision import dtype, float64, in_a_graph, quick_compilation

__all__ = ["dtype", "float64", "in_a_graph", "quick_compilation"]
