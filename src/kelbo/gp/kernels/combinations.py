"""Kernels made of others: sums and products."""

import functools
import numbers
import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import keras

from kelbo.gp.kernels.constant import Constant
from kelbo.gp.kernels.kernel import Kernel, combine_by
from kelbo.registration import registered
from kelbo.typing import Tensor


class Combination(Kernel):
    """A kernel made of others, entry by entry.

    Args:
        kernels: The kernels, at least one.
        **kwargs: Passed to `Kernel`; `active_dims` are chosen first, those of the parts among them.

    Raises:
        TypeError: One is no kernel.
        ValueError: There is none.
    """

    join: ClassVar[Callable[[Any, Any], Any]]

    def __init__(self, kernels: Sequence[Kernel], **kwargs: Any):
        kernels = list(kernels)
        for kernel in kernels:
            if not isinstance(kernel, Kernel):
                raise TypeError(
                    f"{type(self).__name__} is made of kernels of kelbo.gp.kernels, got {kernel!r}."
                )
        if not kernels:
            raise ValueError(f"{type(self).__name__} needs at least one kernel.")
        super().__init__(**{"dtype": kernels[0].dtype_policy, **kwargs})
        self.kernels = kernels

    def build(self, input_shape: Any = None) -> None:
        """Builds the parts.

        Args:
            input_shape: Not used.
        """
        for kernel in self.kernels:
            if not kernel.built:
                kernel.build()
        super().build(input_shape)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        return functools.reduce(type(self).join, [kernel(x, y) for kernel in self.kernels])

    def diagonal_of(self, x: Tensor) -> Tensor:
        return functools.reduce(type(self).join, [kernel.diagonal(x) for kernel in self.kernels])

    def get_config(self) -> dict[str, Any]:
        kernels = [keras.saving.serialize_keras_object(kernel) for kernel in self.kernels]
        return {**super().get_config(), "kernels": kernels}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Combination":
        """The kernel that `get_config` described."""
        kernels = [keras.saving.deserialize_keras_object(each) for each in config["kernels"]]
        return super().from_config({**config, "kernels": kernels})


@registered
class Sum(Combination):
    r"""The sum of kernels, $k(x, x') = \sum_i k_i(x, x')$: that of independent processes.

    Takes the arguments of `Combination`; `a + b` makes one.

    Example:
        >>> from kelbo import gp
        >>> kernel = gp.kernels.Sum([gp.kernels.RBF(), gp.kernels.Linear()])
        >>> round(float(kernel.diagonal([[2.0]])[0]), 6)
        5.0
    """

    join = staticmethod(operator.add)


@registered
class Product(Combination):
    r"""The product of kernels, $k(x, x') = \prod_i k_i(x, x')$.

    Takes the arguments of `Combination`; `a * b` makes one.

    Example:
        >>> from kelbo import gp
        >>> (3.0 * gp.kernels.RBF()).diagonal([[2.0]]).shape
        (1,)
    """

    join = staticmethod(operator.mul)


@combine_by("sum")
def _sum_of(first, second):
    return _combined(Sum, first, second)


@combine_by("product")
def _product_of(first, second):
    return _combined(Product, first, second)


def _combined(kind, first, second):
    """One kernel of two, or of a kernel and a number; none of its own kind within it."""
    parts = []
    for part in (first, second):
        if isinstance(part, numbers.Real):
            parts.append(Constant(part))
        elif not isinstance(part, Kernel):
            return NotImplemented
        elif type(part) is kind and part.active_dims is None:
            parts.extend(part.kernels)
        else:
            parts.append(part)
    return kind(parts)
