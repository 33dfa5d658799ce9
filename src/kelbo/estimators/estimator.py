"""The base of all gradient estimators."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras

from kelbo.distributions import Distribution
from kelbo.estimators.reductions import Reduction
from kelbo.latent import LatentProblem, Term


class Bound(abc.ABC):
    """What an estimator must know of the objective whose gradient it estimates."""

    samples: int
    # Names of estimators that are for this objective, and for no other that does not name them.
    own_estimators: ClassVar[tuple[str, ...]] = ()

    @property
    @abc.abstractmethod
    def reduction(self) -> Reduction:
        """The loss as a function of log weights."""

    @property
    def posterior_reduction(self) -> Reduction:
        """The loss that the posterior is trained by, where it is another one."""
        return self.reduction

    @property
    @abc.abstractmethod
    def weight_terms(self) -> frozenset[type[Term]]:
        """The terms that the log weights are made of."""

    @abc.abstractmethod
    def log_weights(self, terms: Mapping[str, Any]) -> Any:
        """The log weights, of shape (samples, batch), from the values of terms by name."""


class Estimator(abc.ABC):
    """How the gradient of a bound by the posterior's parameters is estimated.

    A small serialisable object. A subclass writes `terms`: it draws latent values and returns the
    log densities there, such that differentiating the bound, plus the term `surrogate` (which is 0
    in value), gives the gradient. It says in `check` what it needs of the bound and the posterior.

    Attributes:
        name: What the estimator is called as an argument: `IWELBO(50, estimator="vimco")`.
    """

    name: ClassVar[str]

    @abc.abstractmethod
    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        """The terms of the log weights by name, "latent", and "surrogate" of shape (batch,) if any.

        Args:
            problem: The densities at a batch of examples.
            bound: Whose gradient is wanted.
            seed: Where the draws come from.
        """

    def check(self, bound: Bound, posterior: Distribution) -> None:
        """Whether the estimator exists for a bound and a posterior.

        Args:
            bound: The objective.
            posterior: A distribution of the posterior's kind.

        Raises:
            ValueError: It does not; the message says which estimators do.
        """
        return

    def check_prior(self, bound: Bound, posterior: Distribution, prior: Distribution) -> None:
        """Whether the estimator exists for a bound, a posterior and a prior.

        Args:
            bound: The objective.
            posterior: A distribution of the posterior's kind.
            prior: A distribution of the prior's kind.

        Raises:
            ValueError: It does not; the message says which estimators do.
        """
        return

    def draw(self, part: Distribution, sample_shape: tuple, seed: Any, step: Any) -> Any:
        """Draws of one part of a latent value, with the gradients that this estimator lets through.

        Args:
            part: The distribution of the part, given what was drawn before it.
            sample_shape: Shape of the set of draws.
            seed: Where they come from.
            step: How many training steps were done; None outside of training.

        Returns:
            A tensor.

        Raises:
            NotImplementedError: The estimator is not one for single parts.
        """
        raise NotImplementedError

    @property
    def layers(self) -> Sequence[keras.layers.Layer]:
        """Layers whose variables the estimator keeps: the model that it serves saves them."""
        return ()

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Estimator":
        """The estimator that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
