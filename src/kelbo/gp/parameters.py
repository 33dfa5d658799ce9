"""What the layers of Gaussian processes have in common: their precision, and their parameters."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.layers.weights import ConstrainedWeight, constrained_weight
from kelbo.parameters import Constraint, constraints
from kelbo.typing import ArrayLike, Tensor

# Nearer to 0 than this no length scale or variance comes.
FLOOR = 1e-6


def keep_precision(layer: keras.layers.Layer) -> None:
    """Lets a layer compute in the dtype of its inputs, in float64 where it is one of float64.

    Args:
        layer: The layer, after Keras' constructor.
    """
    if layer.compute_dtype == "float64":
        ops.enable_float64()
    layer.autocast = False


def require_dtype(owner: str, dtype: Any) -> None:
    """Refuses a dtype that processes do not compute in.

    Args:
        owner: Whose it is, for the error.
        dtype: What was given.

    Raises:
        ValueError: It is neither "float32" nor "float64".
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f'{owner}: dtype must be "float64" or "float32", got {dtype!r}.')


def starting_at(values: ArrayLike) -> Callable[..., Tensor]:
    """An initializer of Keras: a weight starts at these values, in its own dtype.

    Args:
        values: An array of the shape of the weight, or a number.

    Returns:
        A function of a shape and a dtype.
    """

    def start(_, dtype=None):
        return ops.convert_to_tensor(np.asarray(values, "float64"), dtype=dtype)

    return start


class Parameters:
    """Mixin for layers whose parameters are arguments of the constructor, and start there.

    `priors`, a dict by name, and `fixed`, names, are set before the first parameter, if at all.
    """

    @property
    def starts(self) -> dict[str, Any]:
        """Where each parameter started, by name: what the configuration holds."""
        return self.__dict__.setdefault("_starts_of_parameters", {})

    def parameter(
        self,
        name: str,
        initial: ArrayLike,
        constraint: Constraint = constraints.positive,
        floor: float | None = FLOOR,
    ) -> ConstrainedWeight:
        """Makes a parameter; called in the constructor of a subclass.

        Args:
            name: Its name, an argument of the constructor.
            initial: Where it starts: a number, or an array of the parameter's shape.
            constraint: What it must be.
            floor: How far above a lower end it stays.

        Returns:
            The weight; keep it as an attribute.

        Raises:
            ValueError: `initial` is no finite number, or breaks the constraint.
        """
        start = np.asarray(ops.convert_to_numpy(initial), "float64")
        if not np.isfinite(start).all():
            raise ValueError(f"{type(self).__name__}: {name} must be finite, got {initial!r}.")
        self.starts[name] = start.tolist()
        return constrained_weight(
            self,
            name,
            start.shape,
            constraint,
            initial=start,
            floor=floor,
            prior=getattr(self, "priors", {}).get(name),
            trainable=name not in getattr(self, "fixed", ()),
        )
