"""Kernels of the inner product of inputs: straight lines and polynomials."""

from typing import Any

from kelbo import ops
from kelbo.gp.kernels.kernel import Kernel
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Linear(Kernel):
    r"""$k(x, x') = \sum_i \sigma_i^2 x_i x'_i$: straight lines through the origin.

    Add a `Constant` for lines with an intercept. (Rasmussen and Williams, 2006, sec. 4.2.2.)

    Args:
        variance: $\sigma^2$ of the slopes, where it starts: one number, or one for each column.
        **kwargs: Passed to `Kernel`.

    Example:
        >>> from kelbo import gp
        >>> round(float(gp.kernels.Linear(2.0)([[1.0]], [[3.0]])[0, 0]), 6)
        6.0
    """

    def __init__(self, variance: ArrayLike = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.variance = self.parameter("variance", variance)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        y = x if y is None else y
        return ops.matmul(x * ops.cast(self.variance(), x.dtype), ops.swapaxes(y, -1, -2))

    def diagonal_of(self, x: Tensor) -> Tensor:
        return ops.sum(ops.cast(self.variance(), x.dtype) * x * x, axis=-1)


@registered
class Polynomial(Linear):
    r"""$k(x, x') = (\sum_i \sigma_i^2 x_i x'_i + c)^p$: polynomials of degree $p$.

    (Rasmussen and Williams, 2006, eq. 4.22.)

    Args:
        degree: $p$, a whole number of at least 1.
        variance: $\sigma^2$, as in `Linear`.
        offset: $c$, where it starts: the weight of the lower degrees.
        **kwargs: Passed to `Kernel`.

    Raises:
        ValueError: `degree` is not a whole number of at least 1.

    Example:
        >>> from kelbo import gp
        >>> round(float(gp.kernels.Polynomial(2)([[1.0]], [[3.0]])[0, 0]), 6)
        16.0
    """

    def __init__(
        self,
        degree: int = 2,
        variance: ArrayLike = 1.0,
        offset: ArrayLike = 1.0,
        **kwargs: Any,
    ):
        super().__init__(variance, **kwargs)
        self.degree = whole_number(type(self).__name__, "degree", degree)
        self.offset = self.parameter("offset", offset)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        return self._power(super().matrix_of(x, y))

    def diagonal_of(self, x: Tensor) -> Tensor:
        return self._power(super().diagonal_of(x))

    def _power(self, product):
        return ops.power(product + ops.cast(self.offset(), product.dtype), self.degree)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "degree": self.degree}
