"""The base of all objectives."""

import copy
import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.estimators import ESTIMATORS, Bound, Estimator, as_estimator
from kelbo.latent import LatentProblem, LogLikelihood, LogPosterior, LogPrior, Term
from kelbo.latent.parts import pairs
from kelbo.latent.supports import require_comparable, require_inside
from kelbo.ops.floats import as_floats
from kelbo.parameters import whole_number

# What stands beside the terms: see `Objective.terms`.
_SURROGATE, _STEP = "surrogate", "step"

# What the metrics are made of: a term that is a divergence, else the log densities.
_DIVERGENCES = {"kl", "kl_per_part", "kl_per_dimension"}
_METRIC_TERMS = frozenset({LogLikelihood, LogPrior, LogPosterior})


class Objective(Bound):
    r"""What a latent variable model minimises: a function of terms.

    The loss is a `reduction` of log weights, which are a function of the `weight_terms`, plus a
    `regularizer`, a function of the `regularizer_terms`; both are sets of `kelbo.latent.Term`
    classes, whose values are handed to `log_weights` and `regularizer` as a dict by name. How the
    first is differentiated by the posterior's parameters is left to the `estimator`. A small
    serialisable object; only the terms that are named are computed.

    Args:
        samples: Number of posterior samples per example and step.
        estimator: Gradient estimator, by name or as an object, or a dict of them by part of the
            latent value; see `kelbo.estimators`.

    Raises:
        ValueError: `samples` is not a positive whole number, or there is no such estimator.

    Attributes:
        trains_model: Whether prior and likelihood are trained too, or the posterior alone; their
            variables are not among the model's trainable ones then.
        compares_densities: Whether densities of posterior and prior are more than a metric.
    """

    weight_terms: ClassVar[frozenset[type[Term]]] = frozenset(
        {LogLikelihood, LogPrior, LogPosterior}
    )
    regularizer_terms: ClassVar[frozenset[type[Term]]] = frozenset()
    trains_model: ClassVar[bool] = True
    compares_densities: ClassVar[bool] = True

    def __init__(
        self, samples: int = 1, estimator: str | Estimator | Mapping[str, Any] = "pathwise"
    ):
        self.samples = whole_number(type(self).__name__, "samples", samples)
        self.estimator = as_estimator(type(self).__name__, estimator)

    @property
    def uses(self) -> frozenset[type[Term]]:
        """The terms that `loss` and `metrics` read."""
        own = self.weight_terms | self.regularizer_terms
        names = {getattr(term, "name", None) for term in own}
        return own | _METRIC_TERMS if names.isdisjoint(_DIVERGENCES) else own | {LogLikelihood}

    def log_weights(self, terms: Mapping[str, Any]) -> Any:
        r"""$\log p(x, z_s) - \log q(z_s \mid x)$, of shape (samples, batch).

        Args:
            terms: Values of the `weight_terms` by name.
        """
        return terms["log_likelihood"] + terms["log_prior"] - terms["log_posterior"]

    def check(self, posterior: Distribution, prior: Distribution) -> None:
        """Whether a model with such a posterior and prior can be trained by the objective.

        Args:
            posterior: A distribution of the posterior's kind.
            prior: A distribution of the prior's kind.

        Raises:
            ValueError: It cannot; the message says what to take in its place.
        """
        terms = self._checked_terms()
        self._check_draws(terms, posterior, prior)
        for part, prior_part in pairs(repr(self), posterior, prior).values():
            require_comparable(repr(self), part, prior_part)
            if self.compares_densities:
                why = f"{self!r} needs a prior that is positive wherever the posterior is"
                require_inside(part, prior_part, why)
        try:
            self._check_estimator(posterior, prior)
        except ValueError as error:
            able = ", ".join(f'"{name}"' for name in self._able(terms, posterior, prior))
            advice = f"Those that can: {able}." if able else "No other estimator can."
            raise ValueError(f"{error} {advice}") from error
        for term in terms:
            term.check(repr(self), posterior, prior)

    def _check_draws(self, terms, posterior, prior):
        """Refuses an estimator through which a term of the draws gets no gradient."""
        moving = [
            term
            for term in terms
            if term in self.regularizer_terms
            and term.is_needed(posterior, prior)
            and term.depends_on_draws(posterior, prior)
        ]
        if moving and self.estimator.name != "pathwise":
            raise ValueError(
                f"{type(self).__name__} is differentiated through the draws of a batch, by the "
                f'term {moving[0].name!r}: its estimator must be "pathwise", not '
                f"{self.estimator!r}."
            )

    def _check_estimator(self, posterior, prior):
        self.estimator.check(self, posterior)
        self.estimator.check_prior(self, posterior, prior)

    def _able(self, terms, posterior, prior):
        """Names of the estimators that the objective could have for these."""
        other = copy.copy(self)
        for name in self.own_estimators or ESTIMATORS:
            other.estimator = as_estimator(type(self).__name__, name)
            try:
                other._check_draws(terms, posterior, prior)
                other._check_estimator(posterior, prior)
            except ValueError:
                continue
            yield name

    def _checked_terms(self):
        """The terms in the order of their names."""
        for term in self.uses:
            if not (isinstance(term, type) and issubclass(term, Term)):
                raise ValueError(
                    f"{type(self).__name__} uses the term {term!r}, which is no class of "
                    "kelbo.latent.Term: list classes such as LogLikelihood, KL, or one of your own."
                )
        terms = sorted(self.uses, key=lambda term: term.name)
        for first, second in itertools.pairwise(terms):
            if first.name == second.name:
                raise ValueError(
                    f"{type(self).__name__} uses two terms of the name {first.name!r}, {first!r} "
                    f"and {second!r}: give one of them another name."
                )
        return terms

    def terms(self, problem: LatentProblem, seed: Any) -> dict[str, Any]:
        """The values of the terms, as the estimator makes them.

        Args:
            problem: The densities at a batch of examples.
            seed: Where the draws come from.

        Returns:
            Tensors by the names of the terms, samples in front, without those that are 0 for this
            posterior; "step", a number, in training; and "surrogate", of shape (batch,), if the
            estimator has one: 0, with the part of the gradient that differentiating the terms does
            not give.

        Raises:
            ValueError: A term is one of the whole data set, and nobody knows how many examples
                there are.
        """
        made = self.estimator.terms(problem, self, seed)
        found = {_SURROGATE: made[_SURROGATE]} if _SURROGATE in made else {}
        for term in sorted(self.uses, key=lambda term: term.name):
            if term.name in made:
                found[term.name] = made[term.name]
            elif term.is_needed(problem.posterior, problem.prior):
                value = term.value(problem, made, seed)
                found[term.name] = self._per_example(term, value, problem)
        if problem.step is not None:
            found[_STEP] = problem.step
        flat = as_floats(*keras.tree.flatten(found))  # of one precision
        return keras.tree.pack_sequence_as(found, flat)

    def _per_example(self, term, value, problem):
        if not term.of_data:
            return value
        if problem.training_examples is None:
            raise ValueError(
                f"{self!r}: the term {term.name!r} stands once for the whole data set, but the "
                "number of training examples is not known: fit the model first."
            )
        return value / ops.cast(problem.training_examples, value.dtype)

    def regularizer(self, terms: Mapping[str, Any]) -> Any:
        """What is added to the reduced log weights, of shape (batch,) or ().

        Args:
            terms: Values of the terms by name.
        """
        return 0.0

    def loss(self, terms: Mapping[str, Any]) -> Any:
        """Loss in nats per example, of shape (batch,).

        Args:
            terms: What `terms` returned.

        Raises:
            ValueError: A term of `uses` is not among them.
        """
        try:
            loss = self.reduction.value(self.log_weights(terms)) + self.regularizer(terms)
        except KeyError as error:
            if error.args[0] not in {term.name for term in self.uses}:
                raise
            raise ValueError(
                f"{self!r} uses the term {error.args[0]!r}, which is not among those it was given "
                f"({', '.join(terms)}): hand it what `terms` returns."
            ) from error
        return loss + terms[_SURROGATE] if _SURROGATE in terms else loss

    def metrics(self, terms: Mapping[str, Any]) -> dict[str, Any]:
        """Reconstruction error and divergence in nats per example, each of shape (batch,).

        Args:
            terms: What `terms` returned.
        """
        return {"reconstruction": -ops.mean(terms["log_likelihood"], axis=0), "kl": _kl(terms)}

    def by_example(self, terms: Mapping[str, Any]) -> dict[str, Any]:
        """The terms with the batch in front, as a prediction has it.

        Args:
            terms: What `terms` returned.

        Returns:
            Tensors of shape (batch, samples, ...) or (batch, ...) by name, or dicts of them by
            part; numbers are left out.
        """
        turned = {term.name for term in self.uses if term.of_samples}
        numbers = {term.name for term in self.uses if term.of_data} | {_STEP}
        return {
            name: keras.tree.map_structure(_turned, value) if name in turned else value
            for name, value in terms.items()
            if name not in numbers
        }

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


def divergence(terms: Mapping[str, Any]) -> Any:
    """The divergence of posterior and prior, from the terms that hold it.

    Args:
        terms: Values by name: "kl", and "kl_at_draws" where there is any.

    Returns:
        A tensor of shape (batch,), in nats.
    """
    kl = terms["kl"]
    return kl + ops.mean(terms["kl_at_draws"], axis=0) if "kl_at_draws" in terms else kl


def _kl(terms):
    if "kl" in terms:
        return divergence(terms)
    for name in _DIVERGENCES:
        if name in terms:
            parts = keras.tree.flatten(terms[name])
            return sum(ops.sum(ops.reshape(kl, (ops.shape(kl)[0], -1)), axis=1) for kl in parts)
    return ops.mean(terms["log_posterior"] - terms["log_prior"], axis=0)


def _turned(tensor):
    return ops.transpose(tensor, (1, 0, *range(2, len(tensor.shape))))


def _deserialized(value):
    is_config = isinstance(value, dict) and "class_name" in value
    return keras.saving.deserialize_keras_object(value) if is_config else value
