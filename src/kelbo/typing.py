"""What stands in signatures: tensors, and what is taken for one."""

from typing import Any, Protocol, TypeAlias

from numpy import typing as npt

Tensor: TypeAlias = Any
"""A tensor of the backend that runs: a `jax.Array`, `tf.Tensor` or `torch.Tensor`.

Any to a type checker, for which of the three it is, is decided when the program runs.
"""


class HasShape(Protocol):
    """A tensor of any library, a variable, a symbolic tensor."""

    @property
    def shape(self) -> Any:
        """Its sizes."""

    @property
    def dtype(self) -> Any:
        """The type of its numbers."""


ArrayLike: TypeAlias = npt.ArrayLike | HasShape
"""What becomes a tensor: a number, a (nested) list of numbers, an array, a tensor, a variable."""
