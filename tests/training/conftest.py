"""What the tests of the trainer share."""

from ..precision import float64

__all__ = ["float64"]
