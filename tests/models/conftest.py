"""What the tests of models share."""

from ..precision import float64

__all__ = ["float64"]
