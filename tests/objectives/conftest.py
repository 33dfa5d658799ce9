"""What the tests of objectives share."""

from ..precision import quick_compilation

__all__ = ["quick_compilation"]
