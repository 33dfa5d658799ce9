"""What the tests of divergences share."""

from ..precision import quick_compilation

__all__ = ["quick_compilation"]
