"""The base of priors that train."""

import abc
from collections.abc import Sequence
from typing import Any

import keras

from kelbo.distributions import Distribution
from kelbo.layers.links import FLOOR
from kelbo.layers.settled import Settled
from kelbo.layers.weights import ConstrainedWeight, constrained_weight
from kelbo.parameters import constraints, whole_sizes


class Prior(Settled, keras.layers.Layer, abc.ABC):
    r"""A layer that owns the variables of a distribution of latent values, $p_\lambda(z)$.

    `given()` returns the distribution at the variables' present values: the prior of a VAE that
    trains with it. A `Flow` without a context is one too, though no subclass.

    A subclass writes `create_variables` and `given`.

    Args:
        event_shape: Shape of one latent value.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: A size in `event_shape` is not a whole number of at least 1.
    """

    def __init__(self, event_shape: int | Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.event_shape = whole_sizes(type(self).__name__, "event_shape", event_shape)

    @abc.abstractmethod
    def create_variables(self) -> None:
        """Creates the variables."""

    @abc.abstractmethod
    def given(self) -> Distribution:
        """The distribution, of batch shape ().

        Returns:
            A distribution over values of `event_shape`.
        """

    def template(self) -> Distribution:
        """A distribution of the same kind: it tells what the prior can do.

        Returns:
            What `given` returns.
        """
        return self.given()

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        """Refused: a prior has no input and no output."""
        name = type(self).__name__
        raise TypeError(
            f"{name} is not called: give it to a VAE as prior, or take the distribution by given()."
        )

    def build(self, input_shape: Any = None) -> None:
        """Creates the variables, once; there is no input.

        Args:
            input_shape: Not used.
        """
        if not self.built:
            self.create_variables()
            self.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "event_shape": self.event_shape}


def learned_scale(prior: Prior, shape: Sequence[int]) -> ConstrainedWeight:
    """The scales of a prior of normals: they start at 1.

    Args:
        prior: The layer.
        shape: Their shape.

    Returns:
        The weight.
    """
    return constrained_weight(
        prior, "raw_scale", shape, constraints.positive, initial=1.0, floor=FLOOR
    )
