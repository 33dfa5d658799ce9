"""Log densities at the latent values that were drawn, and draws."""

from collections.abc import Mapping
from typing import Any

import keras

from kelbo import ops
from kelbo.latent.problem import LatentProblem
from kelbo.latent.terms.term import Term


class LogLikelihood(Term):
    r"""$\log p(x \mid z_s)$, of shape (samples, batch)."""

    name = "log_likelihood"
    of_samples = True

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        return problem.log_likelihood(draws["latent"])


class LogPrior(Term):
    r"""$\log p(z_s)$, of shape (samples, batch)."""

    name = "log_prior"
    of_samples = True

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        return problem.log_prior(draws["latent"])


class LogPosterior(Term):
    r"""$\log q(z_s \mid x)$, of shape (samples, batch)."""

    name = "log_posterior"
    of_samples = True

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        return problem.posterior.log_prob(draws["latent"])


class Latent(Term):
    """The values $z_s$, of shape (samples, batch, *event shape), or a dict of them by part."""

    name = "latent"
    of_samples = True

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        return draws["latent"]


class PriorDraws(Term):
    """As many draws from the prior, of the shape of the latent values."""

    name = "prior_draws"
    of_samples = True

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        samples, batch = ops.shape(keras.tree.flatten(draws["latent"])[0])[:2]
        prior = problem.prior
        return prior.sample((samples,) if prior.batch_shape else (samples, batch), seed)
