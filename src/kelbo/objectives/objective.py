"""The base of all objectives."""

from typing import Any, ClassVar

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.distributions.kl.registry import has_kl
from kelbo.estimators import Bound, Estimator, LatentTerms, as_estimator
from kelbo.estimators.entries import by_dimension, inside
from kelbo.objectives.supports import require_comparable, require_inside
from kelbo.parameters import whole_number


class Objective(Bound):
    r"""What a latent variable model minimises: a function of its `LatentTerms`.

    The loss is a `reduction` of log weights, which are a sum of the terms named in `weight_terms`,
    plus a `regularizer`, a function of those in `regularizer_terms`. How the first is
    differentiated by the posterior's parameters is left to the `estimator`. A small serialisable
    object; only the terms that are named are computed.

    Args:
        samples: Number of posterior samples per example and step.
        estimator: Gradient estimator, by name or as an object; see `kelbo.estimators`.

    Raises:
        ValueError: `samples` is not a positive whole number, or there is no such estimator.

    Attributes:
        trains_model: Whether prior and likelihood are trained too, or the posterior alone; their
            variables are not among the model's trainable ones then.
        differentiates_draws: Whether the regulariser is a function of the draws themselves.
        compares_densities: Whether densities of posterior and prior are more than a metric.
    """

    weight_terms: ClassVar[frozenset[str]] = frozenset(
        {"log_likelihood", "log_prior", "log_posterior"}
    )
    regularizer_terms: ClassVar[frozenset[str]] = frozenset()
    trains_model: ClassVar[bool] = True
    differentiates_draws: ClassVar[bool] = False
    compares_densities: ClassVar[bool] = True

    def __init__(self, samples: int = 1, estimator: str | Estimator = "pathwise"):
        self.samples = whole_number(type(self).__name__, "samples", samples)
        self.estimator = as_estimator(type(self).__name__, estimator)

    @property
    def uses(self) -> frozenset[str]:
        """Names of the fields of `LatentTerms` that `loss` and `metrics` read."""
        return self.weight_terms | self.regularizer_terms

    def log_weights(self, terms: LatentTerms) -> Any:
        r"""$\log p(x, z_s) - \log q(z_s \mid x)$, of shape (batch, samples)."""
        terms.require(self.weight_terms)
        return terms.log_likelihood + terms.log_prior - terms.log_posterior

    def check(self, posterior: Distribution, prior: Distribution) -> None:
        """Whether a model with such a posterior and prior can be trained by the objective.

        Args:
            posterior: A distribution of the posterior's kind.
            prior: A distribution of the prior's kind.

        Raises:
            ValueError: It cannot; the message says what to take in its place.
        """
        unknown = sorted(self.uses - LatentTerms.__annotations__.keys())
        if unknown:
            raise ValueError(
                f"{type(self).__name__} uses the term {unknown[0]!r}, which no model computes; "
                f"expected names among {', '.join(LatentTerms.__annotations__)}."
            )
        if self.differentiates_draws and self.estimator.name != "pathwise":
            raise ValueError(
                f"{type(self).__name__} is differentiated through the draws of a batch: its "
                f'estimator must be "pathwise", not {self.estimator!r}.'
            )
        require_comparable(repr(self), posterior, prior)
        if self.compares_densities:
            why = f"{self!r} needs a prior that is positive wherever the posterior is"
            require_inside(posterior, prior, why)
        if "log_posterior_of_dreams" in self.regularizer_terms:
            why = (
                f"{self!r} has a sleep phase: the posterior must be able to name the prior's draws"
            )
            require_inside(prior, posterior, why)
        self.estimator.check(self, posterior)
        self.estimator.check_prior(self, posterior, prior)
        one_by_one = {"kl_per_dimension": (posterior, prior), "log_aggregate": (posterior,)}
        for name, distributions in one_by_one.items():
            for distribution in distributions if name in self.regularizer_terms else ():
                by_dimension(distribution, repr(self))
        if "kl_per_dimension" in self.regularizer_terms and not has_kl(
            inside(posterior), inside(prior)
        ):
            raise ValueError(
                f"{self!r} needs the divergence of each dimension in closed form, and there is "
                f"none from {posterior!r} to {prior!r}."
            )
        if "kl" in self.regularizer_terms and not has_kl(posterior, prior):
            raise ValueError(
                f"{self!r} needs the divergence from {posterior!r} to {prior!r} in closed form, "
                'and there is none: take it from samples, ELBO(kl="monte_carlo"), or a bound of '
                "importance weights, IWELBO(samples=5)."
            )

    def regularizer(self, terms: LatentTerms) -> Any:
        """What is added to the reduced log weights, of shape (batch,)."""
        return 0.0

    def loss(self, terms: LatentTerms) -> Any:
        """Loss in nats per example, of shape (batch,).

        Raises:
            ValueError: A term that is named in `uses` is None.
        """
        terms.require(self.uses)
        loss = self.reduction.value(self.log_weights(terms)) + self.regularizer(terms)
        return loss if terms.surrogate is None else loss + terms.surrogate

    def metrics(self, terms: LatentTerms) -> dict[str, Any]:
        """Reconstruction error and divergence in nats per example, each of shape (batch,)."""
        kl = terms.kl
        if kl is None and terms.kl_per_dimension is not None:
            kl = ops.sum(
                terms.kl_per_dimension, axis=tuple(range(1, len(terms.kl_per_dimension.shape)))
            )
        if kl is None:
            kl = ops.mean(terms.log_posterior - terms.log_prior, axis=1)
        return {"reconstruction": -ops.mean(terms.log_likelihood, axis=1), "kl": kl}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        estimator = keras.saving.serialize_keras_object(self.estimator)
        return {"samples": self.samples, "estimator": estimator}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Objective":
        """The objective that `get_config` described."""
        return cls(**{name: _deserialized(value) for name, value in config.items()})

    def __repr__(self) -> str:
        shown = {name: _deserialized(value) for name, value in self.get_config().items()}
        if shown.get("estimator") is not None and shown["estimator"].name == "pathwise":
            del shown["estimator"]
        arguments = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"{type(self).__name__}({arguments})"


def _deserialized(value):
    is_config = isinstance(value, dict) and "class_name" in value
    return keras.saving.deserialize_keras_object(value) if is_config else value
