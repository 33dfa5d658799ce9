"""What the tests of estimators share."""

from ..precision import float64, quick_compilation

__all__ = ["float64", "quick_compilation"]
