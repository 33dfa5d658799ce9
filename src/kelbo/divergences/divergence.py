"""Divergences that a layer or an objective can be given."""

import abc
from typing import Any

from kelbo import ops
from kelbo.distributions import Distribution, kl_divergence
from kelbo.distributions.kl.registry import comparable
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.typing import Tensor


class Divergence(abc.ABC):
    """A number per pair of distributions, zero where they agree. Small and serialisable.

    A subclass writes `__call__`, which ignores the seed where there is a closed form, and
    `get_config` where its constructor takes arguments.
    """

    @abc.abstractmethod
    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Tensor:
        """The divergence of a pair of distributions.

        Args:
            q: The first distribution.
            p: The second one, over values of the same shape. Batches broadcast.
            seed: For a divergence that draws samples: an integer, a
                `keras.random.SeedGenerator`, or None for Keras' global one.

        Returns:
            A tensor of the broadcast batch shape, in nats.

        Raises:
            ValueError: The event shapes differ.
            NotImplementedError: A closed form is needed and none is known.
        """

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Divergence":
        """The divergence that `get_config` described."""
        return cls(**config)


@registered
class KL(Divergence):
    r"""Kullback-Leibler divergence $\mathrm{KL}(q \Vert p)$, by its closed form.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.divergences import KL
        >>> float(KL()(Normal(1.0, 1.0), Normal(0.0, 1.0)))
        0.5
    """

    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Tensor:
        return kl_divergence(q, p)


@registered
class ReverseKL(Divergence):
    r"""Kullback-Leibler divergence with the arguments swapped, $\mathrm{KL}(p \Vert q)$.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.divergences import ReverseKL
        >>> float(ReverseKL()(Normal(2.0, 2.0), Normal(0.0, 2.0)))
        0.5
    """

    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Tensor:
        return kl_divergence(p, q)


@registered
class Jeffreys(Divergence):
    r"""Jeffreys divergence $\mathrm{KL}(q \Vert p) + \mathrm{KL}(p \Vert q)$ (Jeffreys, 1946).

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.divergences import Jeffreys
        >>> float(Jeffreys()(Normal(1.0, 1.0), Normal(0.0, 1.0)))
        1.0
    """

    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Tensor:
        return kl_divergence(q, p) + kl_divergence(p, q)


@registered
class MonteCarloKL(Divergence):
    r"""Estimate of $\mathrm{KL}(q \Vert p)$ from samples, for any pair of distributions.

    $$\frac{1}{S} \sum_{s=1}^S \log q(x_s) - \log p(x_s), \qquad x_s \sim q$$

    Unbiased. So is its gradient where q is `reparameterized`; elsewhere (a Bernoulli) the part that
    goes through the draws is missing from it.

    Args:
        samples: Number of samples $S$.

    Raises:
        ValueError: `samples` is not a whole number of at least 1.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.divergences import MonteCarloKL
        >>> estimate = MonteCarloKL(10_000)(Normal(1.0, 1.0), Normal(0.0, 1.0), seed=0)
        >>> abs(float(estimate) - 0.5) < 0.05
        True
    """

    def __init__(self, samples: int = 1):
        self.samples = whole_number("MonteCarloKL", "samples", samples)

    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Tensor:
        q, p, x = draws_to_compare(q, p, self.samples, seed)
        return ops.mean(q.log_prob(x) - p.log_prob(x), axis=0)

    def get_config(self) -> dict[str, Any]:
        return {"samples": self.samples}


def draws_to_compare(
    q: Distribution, p: Distribution, samples: int, seed: Any
) -> tuple[Distribution, Distribution, Any]:
    """Both distributions in one dtype, and draws from the first that both can score.

    Args:
        q: The first distribution.
        p: The second one, over values of the same shape. Batches broadcast.
        samples: How many draws.
        seed: Where they come from.

    Returns:
        `q`, `p` and the draws, the axis of the samples in front.

    Raises:
        ValueError: The event shapes differ, or the batches do not broadcast.
    """
    q, p = comparable(q, p)
    # Axes for those of the batch of p that q has not: else they would meet that of the samples.
    missing_axes = max(len(p.batch_shape) - len(q.batch_shape), 0)
    return q, p, q.sample((samples, *[1] * missing_axes), seed=seed)
