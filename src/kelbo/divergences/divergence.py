"""Divergences that a layer or an objective can be given."""

import abc
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, kl_divergence
from kelbo.distributions.distribution import PACKAGE


class Divergence(abc.ABC):
    """A number per pair of distributions, zero where they agree. Small and serialisable.

    A subclass writes `__call__`, which ignores the seed where there is a closed form, and
    `get_config` where its constructor takes arguments.
    """

    @abc.abstractmethod
    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Any:
        """The divergence in nats, of the broadcast batch shape."""

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Divergence":
        """The divergence that `get_config` described."""
        return cls(**config)


@keras.saving.register_keras_serializable(package=PACKAGE)
class KL(Divergence):
    r"""Kullback-Leibler divergence $\mathrm{KL}(q \Vert p)$, by its closed form.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.divergences import KL
        >>> float(KL()(Normal(1.0, 1.0), Normal(0.0, 1.0)))
        0.5
    """

    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Any:
        return kl_divergence(q, p)


@keras.saving.register_keras_serializable(package=PACKAGE)
class ReverseKL(Divergence):
    r"""Kullback-Leibler divergence with the arguments swapped, $\mathrm{KL}(p \Vert q)$."""

    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Any:
        return kl_divergence(p, q)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Jeffreys(Divergence):
    r"""Jeffreys divergence $\mathrm{KL}(q \Vert p) + \mathrm{KL}(p \Vert q)$ (Jeffreys, 1946)."""

    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Any:
        return kl_divergence(q, p) + kl_divergence(p, q)


@keras.saving.register_keras_serializable(package=PACKAGE)
class MonteCarloKL(Divergence):
    r"""Estimate of $\mathrm{KL}(q \Vert p)$ from samples, for any pair of distributions.

    $$\frac{1}{S} \sum_{s=1}^S \log q(x_s) - \log p(x_s), \qquad x_s \sim q$$

    Args:
        samples: Number of samples $S$.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.divergences import MonteCarloKL
        >>> estimate = MonteCarloKL(10_000)(Normal(1.0, 1.0), Normal(0.0, 1.0), seed=0)
        >>> abs(float(estimate) - 0.5) < 0.05
        True
    """

    def __init__(self, samples: int = 1):
        if samples < 1:
            raise ValueError(f"MonteCarloKL: samples must be at least 1, got {samples}.")
        self.samples = samples

    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Any:
        x = q.sample((self.samples,), seed=seed)
        return ops.mean(q.log_prob(x) - p.log_prob(x), axis=0)

    def get_config(self) -> dict[str, Any]:
        return {"samples": self.samples}
