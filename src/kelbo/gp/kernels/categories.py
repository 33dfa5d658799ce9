"""Kernels of categories: columns of whole numbers that have no order."""

from typing import Any

from kelbo import ops
from kelbo.gp.kernels.columns import for_columns
from kelbo.gp.kernels.constant import variance_like
from kelbo.gp.kernels.kernel import Kernel
from kelbo.parameters import constraints, whole_number
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Hamming(Kernel):
    r"""$k(x, x') = \sigma^2 \exp(-\sum_i [x_i \ne x'_i] / \ell_i)$: how many columns differ.

    For columns of categories, each coded as a number; their order means nothing. Multiplied by a
    kernel of the other columns it serves mixed inputs:
    `RBF(active_dims=[0, 1]) * Hamming(active_dims=[2])`. (Hutter, Hoos and Leyton-Brown, 2011,
    "Sequential model-based optimization for general algorithm configuration".)

    Args:
        length_scale: $\ell$, where it starts: one number for all columns, or one for each.
        variance: $\sigma^2$, where it starts.
        **kwargs: Passed to `Kernel`.

    Raises:
        ValueError: A parameter is not positive, or there are not as many length scales as columns
            (when called).

    Example:
        >>> from kelbo import gp, ops
        >>> covariances = gp.kernels.Hamming()([[0.0, 3.0]], [[0.0, 3.0], [0.0, 1.0]])
        >>> ops.convert_to_numpy(covariances).round(3)  # 1 and exp(-1)
        array([[1.   , 0.368]])
    """

    def __init__(self, length_scale: ArrayLike = 1.0, variance: ArrayLike = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.length_scale = self.parameter("length_scale", length_scale)
        self.variance = self.parameter("variance", variance)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        y = x if y is None else y
        columns = x.shape[-1]
        rates = 1.0 / for_columns(self, self.length_scale, x) + ops.zeros((columns,), x.dtype)
        # Column by column: never an array of n x m x d numbers.
        apart = sum(rates[i] * _differ(x, y, i) for i in range(columns))
        return ops.cast(self.variance(), x.dtype) * ops.exp(-apart)

    def diagonal_of(self, x: Tensor) -> Tensor:
        return variance_like(self, ops.zeros_like(x[..., 0]))


@registered(name="CategoricalKernel")  # there is a likelihood of the name
class Categorical(Kernel):
    r"""One correlation between any two of $C$ categories: an exchangeable kernel of one column.

    $$k(x, x') = \sigma^2 \text{ where } x = x', \text{ else } \sigma^2 \rho, \qquad
      -\frac{1}{C - 1} < \rho < 1$$

    At the lower end the values of the categories sum to 0. (Roustant et al., 2020, "Group kernels
    for Gaussian process metamodels with categorical inputs".)

    Args:
        categories: $C$, at least 2.
        correlation: $\rho$, where it starts.
        variance: $\sigma^2$, where it starts.
        **kwargs: Passed to `Kernel`; `active_dims` says which column it is of several.

    Raises:
        ValueError: An argument is not what it must be, or there are several columns (when called).

    Example:
        >>> from kelbo import gp, ops
        >>> kernel = gp.kernels.Categorical(3, correlation=0.25)
        >>> ops.convert_to_numpy(kernel([[0.0], [1.0], [1.0]])).round(3)
        array([[1.  , 0.25, 0.25],
               [0.25, 1.  , 1.  ],
               [0.25, 1.  , 1.  ]])
    """

    def __init__(
        self,
        categories: int,
        correlation: ArrayLike = 0.5,
        variance: ArrayLike = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.categories = whole_number(type(self).__name__, "categories", categories, 2)
        allowed = constraints.open_interval(-1.0 / (self.categories - 1), 1.0)
        self.correlation = self.parameter("correlation", correlation, allowed, floor=None)
        self.variance = self.parameter("variance", variance)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        self._require_one_column(x)
        variance = ops.cast(self.variance(), x.dtype)
        correlation = ops.cast(self.correlation(), x.dtype)
        return variance * (1.0 - (1.0 - correlation) * _differ(x, x if y is None else y, 0))

    def diagonal_of(self, x: Tensor) -> Tensor:
        self._require_one_column(x)
        return variance_like(self, ops.zeros_like(x[..., 0]))

    def _require_one_column(self, x):
        if x.shape[-1] != 1:
            raise ValueError(
                f"Categorical is a kernel of one column, but the inputs have {x.shape[-1]}, in the "
                f"shape {tuple(x.shape)}: say which one, as in active_dims=[0], and multiply "
                "kernels of several; or take Hamming."
            )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "categories": self.categories}


def _differ(x, y, column):
    """1 where rows differ in a column, else 0, of shape (..., n, m)."""
    ours, theirs = x[..., column : column + 1], y[..., column : column + 1]
    return ops.cast(ops.not_equal(ours, ops.swapaxes(theirs, -1, -2)), x.dtype)
