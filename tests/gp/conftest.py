"""What the tests of Gaussian processes share: they compute in float64, and leave no trace of it."""

import pytest

from ..precision import float64, in_a_graph, precision_as_before, quick_compilation

__all__ = ["float64", "in_a_graph", "precision_as_before", "quick_compilation"]


@pytest.fixture(autouse=True)
def _in_float64(precision_as_before, float64):
    """All of them."""
