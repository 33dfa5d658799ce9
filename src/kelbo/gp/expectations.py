"""Expectations under the values of processes: by Gauss-Hermite quadrature, or by draws."""

import functools
from typing import Any

import keras
import numpy as np
from scipy import stats

from kelbo import ops
from kelbo.distributions import Categorical, Distribution, MixtureSameFamily
from kelbo.gp.likelihoods import Likelihood
from kelbo.layers import Conditional
from kelbo.typing import Tensor

# Nodes of a prediction of more processes than a product of rules has nodes for; a power of 2.
_NODES = 256


@functools.cache
def _hermite(points: int, latents: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of standard normals, (points ** latents, latents), and log weights."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    log_weights = np.log(weights / weights.sum())
    grid = np.meshgrid(*[nodes] * latents, indexing="ij")
    of_grid = np.meshgrid(*[log_weights] * latents, indexing="ij")
    return np.stack(grid, -1).reshape(-1, latents), sum(of_grid).reshape(-1)


@functools.cache
def _quasi_random(count: int, latents: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of standard normals, evenly spread, (count, latents), and log weights."""
    cube = stats.qmc.Sobol(latents, seed=0).random(count)
    return stats.norm.ppf(cube), np.full(count, -np.log(count))


def nodes_of(
    mean: Tensor, variance: Tensor, points: int, samples: int | None, seed: Any
) -> tuple[Tensor, Tensor]:
    r"""Values of processes that stand for a normal distribution, and their log weights.

    Args:
        mean: Of shape (n, latents).
        variance: Of shape (n, latents).
        points: Number of nodes for each process, where they are those of Gauss and Hermite.
        samples: Number of draws in their place; None for nodes.
        seed: Where draws come from.

    Returns:
        Values, of shape (k, n, latents), and log weights, of shape (k,).
    """
    if samples is not None:
        scale = ops.sqrt(variance)
        shape = (samples, *ops.shape(mean))
        dtype = keras.backend.standardize_dtype(mean.dtype)
        noise = keras.random.normal(shape, dtype=dtype, seed=seed)
        return mean + scale * noise, ops.full((samples,), -np.log(samples), dtype=dtype)
    return _placed(mean, variance, *_hermite(points, mean.shape[-1]))


def _placed(mean, variance, standard, log_weights):
    """Nodes of standard normals as those of these normals."""
    standard = ops.convert_to_tensor(standard, dtype=mean.dtype)
    scale = ops.sqrt(variance)
    return mean + scale * standard[:, None, :], ops.convert_to_tensor(log_weights, dtype=mean.dtype)


def expected_log_likelihood(
    likelihood: Conditional,
    mean: Tensor,
    variance: Tensor,
    y: Tensor,
    points: int = 20,
    samples: int | None = None,
    seed: Any = None,
) -> Tensor:
    r"""$\mathbb{E}_{N(f; \mu, v)} \log p(y \mid f)$ of each example, in nats.

    Args:
        likelihood: The likelihood.
        mean: $\mu$, of shape (n, latents).
        variance: $v$, of shape (n, latents).
        y: Values, of shape (n, *event shape).
        points: As in `nodes_of`.
        samples: As in `nodes_of`.
        seed: As in `nodes_of`.

    Returns:
        A tensor of shape (n,).
    """
    values, log_weights = nodes_of(mean, variance, points, samples, seed)
    log_probs = likelihood.given(values).log_prob(y)
    return ops.sum(ops.exp(log_weights)[:, None] * ops.cast(log_probs, mean.dtype), axis=0)


def predictive(
    likelihood: Conditional,
    mean: Tensor,
    variance: Tensor,
    points: int = 20,
    samples: int | None = None,
) -> Distribution:
    r"""$\int p(y \mid f) N(f; \mu, v)\, df$ of each example.

    Args:
        likelihood: The likelihood.
        mean: $\mu$, of shape (n, latents).
        variance: $v$, of shape (n, latents).
        points: As in `nodes_of`.
        samples: None for the nodes of Gauss and Hermite; else quasi-random nodes stand for the
            draws, the same for each example: a prediction knows nothing of the others.

    Returns:
        A distribution of batch shape (n,): in closed form where there is one, else the mixture over
        the nodes.
    """
    if isinstance(likelihood, Likelihood):
        closed = likelihood.predictive(mean, variance)
        if closed is not None:
            return closed
    latents = mean.shape[-1]
    nodes = _hermite(points, latents) if samples is None else _quasi_random(_NODES, latents)
    values, log_weights = _placed(mean, variance, *nodes)
    components = likelihood.given(ops.swapaxes(values, 0, 1))
    return MixtureSameFamily(Categorical(logits=log_weights, validate=False), components)
