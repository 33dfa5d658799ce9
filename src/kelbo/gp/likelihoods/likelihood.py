"""The base of likelihoods: conditionals whose parameters are the values of processes."""

import abc
from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.gp.parameters import Parameters, keep_precision
from kelbo.layers import Conditional
from kelbo.layers.weights import ConstrainedWeight
from kelbo.typing import Tensor


class Likelihood(Parameters, Conditional):
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
        keep_precision(self)

    @property
    def latents(self) -> int:
        """Number of processes that it takes."""
        return 1

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
        return {**config, **self.starts}


def of_shape(weight: ConstrainedWeight, like: Tensor) -> Tensor:
    """A shared parameter for each of a batch, in its dtype.

    Args:
        weight: The parameter, a number.
        like: A tensor of shape (batch,).

    Returns:
        A tensor of shape (batch,).
    """
    return ops.zeros_like(like) + ops.cast(weight(), like.dtype)
