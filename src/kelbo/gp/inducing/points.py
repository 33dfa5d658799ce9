"""Inducing points: values of the process at inputs that train."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.gp.inducing.features import Features, InducingFeatures
from kelbo.gp.kernels import Kernel
from kelbo.gp.parameters import starting_at
from kelbo.intake import as_array
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class InducingPoints(InducingFeatures):
    r"""Values $u = f(Z)$ at $M$ points $Z$, which train with all else.

    (Titsias, 2009, "Variational learning of inducing variables in sparse Gaussian processes".)

    Args:
        points: Where $Z$ starts: an array of shape (M, d).
        **kwargs: Passed to `keras.layers.Layer`: `trainable=False` for points that stay.

    Raises:
        ValueError: `points` is no array of shape (M, d), or has values that are not finite.

    Example:
        >>> from kelbo import gp
        >>> points = gp.inducing.InducingPoints([[0.0], [1.0], [2.0]])
        >>> points.Kuf(gp.kernels.RBF(), [[0.5], [1.5]]).shape
        (3, 2)
    """

    def __init__(self, points: ArrayLike, **kwargs: Any):
        start = np.asarray(ops.convert_to_numpy(as_array(points, "points")), "float64")
        if start.ndim != 2 or not start.size:
            raise ValueError(
                f"InducingPoints: points must be an array of shape (M, d), got {start.shape}."
            )
        if not np.isfinite(start).all():
            raise ValueError("InducingPoints: points has values that are NaN or infinite.")
        super().__init__(len(start), **kwargs)
        self.start = start
        self.locations = self.add_weight(
            shape=start.shape,
            initializer=starting_at(start),
            name="points",
        )

    def values(self, dtype: str = "float64") -> Tensor:
        """The points.

        Args:
            dtype: Of the result.

        Returns:
            A tensor of shape (M, d).
        """
        return ops.cast(self.locations, dtype)

    def Kuu(self, kernel: Kernel, dtype: str = "float64") -> Tensor:
        return kernel(self.values(dtype))

    def Kuf(self, kernel: Kernel, x: Tensor) -> Tensor:
        x = ops.convert_to_tensor(x, dtype=getattr(x, "dtype", "float64"))
        return kernel(self.values(x.dtype), x)

    def Kuv(self, kernel: Kernel, other: Features, dtype: str = "float64") -> Tensor:
        if isinstance(other, InducingPoints):
            return self.Kuf(kernel, other.values(dtype))
        # What the others are a functional of f at the points is theirs to know.
        return ops.transpose(other.Kuf(kernel, self.values(dtype)))

    @property
    def columns(self) -> int:
        return self.locations.shape[-1]

    def values_of(
        self, function: Callable[[Tensor], Tensor], dtype: str, seed: Any = None
    ) -> Tensor:
        return function(self.values(dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "points": self.start.tolist()}
