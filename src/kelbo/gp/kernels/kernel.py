"""The base of kernels: layers that turn two sets of inputs into a matrix of covariances."""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.gp.parameters import Parameters, keep_precision
from kelbo.layers.settled import Settled
from kelbo.typing import Tensor

# How two kernels become one; `combinations` says it, which rests on this file.
_COMBINED: dict[str, Callable[[Any, Any], Any]] = {}


class Kernel(Parameters, Settled, keras.layers.Layer, abc.ABC):
    r"""A covariance function $k(x, x')$ of a Gaussian process, with parameters that train.

    `kernel(x)` and `kernel(x, y)` are matrices of covariances, `kernel.diagonal(x)` the variances
    alone. Kernels are added and multiplied, with each other and with numbers:
    `RBF(0.5) + 2.0 * Periodic(period=1.0)`.

    Parameters are kept in float64, and what is computed has the dtype of the inputs: float64 for
    lists and arrays of it, float32 for float32. (A layer of float64 lets JAX make such arrays, by
    `ops.enable_float64`; with `dtype="float32"` nothing does.)

    A subclass makes its parameters in the constructor, by `self.parameter(...)`, and writes
    `matrix_of` and `diagonal_of`.

    Args:
        active_dims: Columns of the inputs that the kernel sees, by number; None for all.
        priors: Distributions of parameters, by their names: they count in fits to the mode
            (`layers.log_prior`).
        fixed: Names of parameters that do not train.
        dtype: What the parameters are kept in.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: A name is of no parameter, or `active_dims` are no whole numbers.

    Example:
        >>> from kelbo import gp
        >>> kernel = gp.kernels.RBF(length_scale=0.5) + gp.kernels.White(0.1)
        >>> kernel([[0.0], [1.0]]).shape
        (2, 2)
    """

    def __init__(
        self,
        *,
        active_dims: Sequence[int] | None = None,
        priors: Mapping[str, Distribution] | None = None,
        fixed: Sequence[str] = (),
        dtype: Any = "float64",
        **kwargs: Any,
    ):
        super().__init__(dtype=dtype, **kwargs)
        keep_precision(self)
        self.active_dims = _columns(type(self).__name__, active_dims)
        self.priors = dict(priors or {})
        self.fixed = (fixed,) if isinstance(fixed, str) else tuple(fixed)

    def build(self, input_shape: Any = None) -> None:
        """Checks names of priors and of fixed parameters; there is nothing to make.

        Args:
            input_shape: Not used.
        """
        for what, names in (("priors", self.priors), ("fixed", self.fixed)):
            unknown = [name for name in names if name not in self.starts]
            if unknown:
                known = ", ".join(self.starts) or "none"
                raise ValueError(
                    f"{type(self).__name__}: {what} names {unknown[0]!r}, but its parameters are "
                    f"{known}."
                )
        self.built = True

    def __call__(self, x: Any, y: Any = None) -> Tensor:
        """The matrix of covariances: see `call`. Lists of numbers are taken too."""
        if any(isinstance(each, keras.KerasTensor) for each in (x, y)):
            return super().__call__(x) if y is None else super().__call__(x, y)
        # Nothing that Keras does around a layer is needed here, and errors stay in one line.
        self._require_built()
        return self.call(x, y)

    def _require_built(self):
        if not self.built:
            self.build()

    def _inputs(self, x, name):
        return as_inputs(x, f"{type(self).__name__}: {name}")

    def call(self, x: Any, y: Any = None) -> Tensor:
        """The matrix of covariances.

        Args:
            x: Inputs, of shape (..., n, d).
            y: Others, of shape (..., m, d); None for x itself, which adds what `White` knows of
                the same input, and zero distances that are exact.

        Returns:
            A tensor of shape (..., n, m).

        Raises:
            ValueError: The shapes do not fit.
        """
        x = self._columns_of(x, "x")
        y = None if y is None else self._columns_of(y, "y")
        if y is not None and x.shape[-1] != y.shape[-1]:
            raise ValueError(
                f"{type(self).__name__}: x has {x.shape[-1]} columns and y {y.shape[-1]}, in the "
                f"shapes {tuple(x.shape)} and {tuple(y.shape)}; expected as many."
            )
        return self.matrix_of(x, y)

    def diagonal(self, x: Any) -> Tensor:
        r"""The variances $k(x_i, x_i)$, without the rest of the matrix.

        Args:
            x: Inputs, of shape (..., n, d).

        Returns:
            A tensor of shape (..., n).

        Raises:
            ValueError: The shape does not fit.
        """
        self._require_built()
        return self.diagonal_of(self._columns_of(x, "x"))

    @abc.abstractmethod
    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        """The matrix of covariances of the columns that the kernel sees.

        Args:
            x: Tensor of shape (..., n, d).
            y: Tensor of shape (..., m, d), or None for x itself.

        Returns:
            A tensor of shape (..., n, m), of the dtype of x.
        """

    @abc.abstractmethod
    def diagonal_of(self, x: Tensor) -> Tensor:
        """The diagonal of `matrix_of(x, None)`.

        Args:
            x: Tensor of shape (..., n, d).

        Returns:
            A tensor of shape (..., n), of the dtype of x.
        """

    def _columns_of(self, x, name):
        x = self._inputs(x, name)
        if self.active_dims is None:
            return x
        if max(self.active_dims) >= x.shape[-1]:
            needed = max(self.active_dims) + 1
            raise ValueError(
                f"{type(self).__name__}: {name} has {x.shape[-1]} columns, in the shape "
                f"{tuple(x.shape)}; active_dims={self.active_dims} needs {needed}."
            )
        return ops.take(x, self.active_dims, axis=-1)

    def __add__(self, other: Any) -> "Kernel":
        """The sum of two kernels; a number is a constant kernel."""
        return _COMBINED["sum"](self, other)

    def __radd__(self, other: Any) -> "Kernel":
        """See `__add__`."""
        return _COMBINED["sum"](other, self)

    def __mul__(self, other: Any) -> "Kernel":
        """The product of two kernels; a number is a constant kernel."""
        return _COMBINED["product"](self, other)

    def __rmul__(self, other: Any) -> "Kernel":
        """See `__mul__`."""
        return _COMBINED["product"](other, self)

    def compute_output_shape(self, x_shape: Any, y_shape: Any = None) -> tuple:
        """The shape (..., n, m) of the matrix.

        Args:
            x_shape: Shape of x.
            y_shape: Shape of y, or None.

        Returns:
            A tuple.
        """
        return (*x_shape[:-1], (y_shape or x_shape)[-2])

    def get_config(self) -> dict[str, Any]:
        priors = {n: keras.saving.serialize_keras_object(p) for n, p in self.priors.items()}
        given = {
            "active_dims": self.active_dims and list(self.active_dims),
            "priors": priors,
            "fixed": list(self.fixed),
        }
        return {
            **super().get_config(),
            **self.starts,
            **{name: value for name, value in given.items() if value},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Kernel":
        """The kernel that `get_config` described."""
        priors = config.get("priors") or {}
        priors = {n: keras.saving.deserialize_keras_object(p) for n, p in priors.items()}
        return cls(**{**config, "priors": priors})


def combine_by(how: str) -> Callable[[Callable], Callable]:
    """Decorates the function that makes one kernel of two, for the operators of `Kernel`.

    Args:
        how: "sum" or "product".

    Returns:
        The decorator.
    """

    def decorate(combine):
        _COMBINED[how] = combine
        return combine

    return decorate


def as_inputs(x: Any, name: str) -> Tensor:
    """Inputs of kernels as a floating tensor of at least two axes.

    Args:
        x: A tensor, an array, or lists of numbers, of shape (..., n, d).
        name: What an error calls it.

    Returns:
        A tensor of the dtype of x where that is float32 or float64, else float64.

    Raises:
        ValueError: It has fewer than two axes.

    Example:
        >>> from kelbo.gp.kernels.kernel import as_inputs
        >>> as_inputs([[1, 2]], "x").shape
        (1, 2)
    """
    if not hasattr(x, "dtype"):
        x = np.asarray(x)
    if keras.backend.standardize_dtype(x.dtype) not in ("float32", "float64"):
        ops.enable_float64()
        x = ops.cast(x, "float64")
    x = ops.convert_to_tensor(x)
    if len(x.shape) < 2:
        raise ValueError(
            f"{name} has the shape {tuple(x.shape)}; expected (n, d), a row for each input: one "
            "column is x.reshape(-1, 1)."
        )
    return x


def _columns(owner, active_dims):
    if active_dims is None:
        return None
    dims = tuple(int(dim) for dim in np.ravel(active_dims))
    if not dims or min(dims) < 0 or len(set(dims)) < len(dims):
        raise ValueError(
            f"{owner}: active_dims must be different column numbers from 0, got {active_dims!r}."
        )
    return dims
