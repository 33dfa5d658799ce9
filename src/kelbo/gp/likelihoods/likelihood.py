"""The base of likelihoods: conditionals whose parameters are the values of processes."""

import abc
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.layers import Conditional
from kelbo.layers.weights import ConstrainedWeight, constrained_weight
from kelbo.parameters import Constraint, constraints
from kelbo.typing import ArrayLike, Tensor


class Likelihood(Conditional):
    r"""A conditional $p(y \mid f)$ of a number y, given the values of one process or of several.

    No heads are put on the values: these are the parameters themselves, after a link. Parameters
    that all observations share train with all else. Any other conditional of `kelbo.layers` serves
    as a likelihood too: its heads are then linear in the values.

    A subclass makes shared parameters in its constructor, by `self.parameter(...)`, and writes
    `parameters_of`, `distribution`, and `latents` where it is not 1.

    Args:
        network: A Keras layer or model from the context to the values, or None where the context
            are the values: with layers of `gp.layers` it is a deep Gaussian process.
        dtype: What shared parameters are kept in; what is computed has the dtype of the values.
        **kwargs: Passed to `Conditional`.
    """

    def __init__(
        self, network: keras.layers.Layer | None = None, dtype: Any = "float64", **kwargs: Any
    ):
        kwargs.pop("event_shape", None)  # what a file says: it is ()
        super().__init__((), network, dtype=dtype, **kwargs)
        if self.compute_dtype == "float64":
            ops.enable_float64()
        self.autocast = False
        self._starts = {}

    @property
    def latents(self) -> int:
        """Number of processes that it takes."""
        return 1

    def parameter(
        self,
        name: str,
        initial: ArrayLike,
        constraint: Constraint = constraints.positive,
        floor: float | None = 1e-6,
    ) -> ConstrainedWeight:
        """Makes a parameter that all observations share; called in the constructor of a subclass.

        Args:
            name: Its name, an argument of the constructor.
            initial: Where it starts: a number, or an array of the parameter's shape.
            constraint: What it must be.
            floor: How far above a lower end it stays.

        Returns:
            The weight; keep it as an attribute.

        Raises:
            ValueError: `initial` breaks the constraint.
        """
        start = np.asarray(ops.convert_to_numpy(initial), "float64")
        self._starts[name] = start.tolist()
        return constrained_weight(self, name, start.shape, constraint, initial=start, floor=floor)

    @property
    def heads(self) -> dict[str, Any]:
        return {}

    def build_on(self, features: Sequence[int | None]) -> None:
        """Checks the number of processes.

        Args:
            features: Shape of a batch of values.

        Raises:
            ValueError: It is another.
        """
        if features[-1] != self.latents:
            raise ValueError(
                f"{type(self).__name__} takes the values of {self.latents} processes, of shape "
                f"(batch, {self.latents}), got {tuple(features)}."
            )

    @abc.abstractmethod
    def parameters_of(self, features: Any) -> dict[str, Any]:
        """The parameters of the distribution of y.

        Args:
            features: Values of the processes, a tensor of shape (batch, latents).

        Returns:
            A dict of tensors, each with the batch in front.
        """

    def template(self) -> Distribution:
        return self.distribution(**self.parameters_of(ops.zeros((1, self.latents))))

    def compute_output_shape(self, input_shape: Any) -> dict[str, tuple]:
        """Shapes of the parameters by name."""
        template = self.parameters_of(ops.zeros((1, self.latents)))
        return {name: (None, *value.shape[1:]) for name, value in template.items()}

    def predictive(self, mean: Tensor, variance: Tensor) -> Distribution | None:
        """The distribution of y where f is normal, in closed form.

        Args:
            mean: Means of f, of shape (n, latents).
            variance: Variances, of shape (n, latents).

        Returns:
            A distribution of batch shape (n,), or None where there is no closed form.
        """
        return None

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["event_shape"]
        return {**config, **self._starts}


def of_shape(weight: ConstrainedWeight, like: Tensor) -> Tensor:
    """A shared parameter for each of a batch, in its dtype.

    Args:
        weight: The parameter, a number.
        like: A tensor of shape (batch,).

    Returns:
        A tensor of shape (batch,).
    """
    return ops.zeros_like(like) + ops.cast(weight(), like.dtype)
