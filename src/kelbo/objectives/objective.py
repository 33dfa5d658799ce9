"""The base of all objectives."""

import abc
from typing import Any

from kelbo import ops
from kelbo.objectives.terms import LatentTerms
from kelbo.parameters import whole_number


class Objective(abc.ABC):
    """What a latent variable model minimises: a function of its `LatentTerms`.

    A small serialisable object without variables. A subclass says in `uses` which terms it needs
    (only those are computed), writes `loss`, and extends `get_config`.

    Args:
        samples: Number of posterior samples per example and step.

    Raises:
        ValueError: `samples` is not a positive whole number.
    """

    def __init__(self, samples: int = 1):
        self.samples = whole_number(type(self).__name__, "samples", samples)

    @property
    @abc.abstractmethod
    def uses(self) -> frozenset[str]:
        """Names of the fields of `LatentTerms` that `loss` and `metrics` read."""

    @abc.abstractmethod
    def loss(self, terms: LatentTerms) -> Any:
        """Loss in nats per example, of shape (batch,).

        Raises:
            ValueError: A term that is named in `uses` is None.
        """

    def metrics(self, terms: LatentTerms) -> dict[str, Any]:
        """Reconstruction error and divergence in nats per example, each of shape (batch,)."""
        kl = terms.kl
        if kl is None:
            kl = ops.mean(terms.log_posterior - terms.log_prior, axis=1)
        return {"reconstruction": -ops.mean(terms.log_likelihood, axis=1), "kl": kl}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        return {"samples": self.samples}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Objective":
        """The objective that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
