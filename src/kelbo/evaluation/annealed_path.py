"""The path of densities from a start to p(x, z), and Hamiltonian Monte Carlo along it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.evaluation.coordinates import constrained, unconstrained
from kelbo.latent import LatentProblem

# Step sizes are drawn within this factor, so that no orbit is a multiple of the trajectory.
_JITTER = 0.2


def temperatures(steps: int) -> np.ndarray:
    r"""Inverse temperatures from 0 to 1, dense at both ends.

    $\beta_t \propto \sigma(\delta (2 t / T - 1)) - \sigma(-\delta)$ with $\delta = 4$ (Wu, Burda,
    Salakhutdinov and Grosse, 2017, "On the quantitative analysis of decoder-based generative
    models", section 4.2).

    Args:
        steps: $T$.

    Returns:
        An array of shape (steps + 1,).

    Example:
        >>> from kelbo.evaluation.annealed_path import temperatures
        >>> temperatures(2)
        array([0. , 0.5, 1. ])
    """
    sigmoid = 1.0 / (1.0 + np.exp(-4.0 * np.linspace(-1.0, 1.0, steps + 1)))
    return (sigmoid - sigmoid[0]) / (sigmoid[-1] - sigmoid[0])


@dataclass(frozen=True)
class Path:
    r"""The densities $p_0(z)^{1 - \beta}\, p(x, z)^\beta$ of a batch of examples.

    Made inside of a compiled function. Points are unconstrained: `u`, of shape (chains, batch,
    *shape), which a bijector maps onto the support of $p_0$; densities are by u, so that chains may
    wander freely.

    Attributes:
        problem: The densities of the model at the examples.
        from_prior: Whether $p_0$ is the prior, or else the posterior $q(z \mid x)$.
    """

    problem: LatentProblem
    from_prior: bool

    @property
    def first(self) -> Distribution:
        """The distribution $p_0$: of batch shape (), or (batch,)."""
        return self.problem.prior if self.from_prior else self.problem.posterior

    def draw(self, chains: int, seed: Any) -> Any:
        """Draws from $p_0$, of shape (chains, batch, *shape)."""
        shape = (chains,) if self.first.batch_shape else (chains, self.problem.batch_size)
        return self.unconstrained(self.first.sample(shape, seed))

    def unconstrained(self, z: Any) -> Any:
        """What is mapped to latent values."""
        return unconstrained(self.first, z)

    def at(self, u: Any) -> dict[str, Any]:
        r"""The densities and their gradients.

        Args:
            u: Points, of shape (chains, batch, *shape).

        Returns:
            `u`; `base`, $\log p_0$ by u, and `ratio`, $\log p(x, z) - \log p_0(z)$, of shape
            (chains, batch); `base_slope` and `ratio_slope`, their gradients by u.
        """
        problem, first = self.problem, self.first

        def base(u):
            z, log_det = constrained(first, u)
            return first.log_prob(z) + log_det

        def ratio(u):
            z, _ = constrained(first, u)
            if self.from_prior:
                return problem.log_likelihood(z)
            return problem.log_likelihood(z) + problem.log_prior(z) - first.log_prob(z)

        u = ops.convert_to_tensor(u)
        point = {"u": u}
        for name, function in (("base", base), ("ratio", ratio)):
            point[name], slope = ops.values_and_gradients(function, u)
            # Outside of a support there is no slope; the proposal will be refused.
            point[f"{name}_slope"] = ops.where(ops.isfinite(slope), slope, ops.zeros_like(slope))
        return point


def transition(
    evaluate: Callable[[Any], dict[str, Any]],
    point: dict[str, Any],
    beta: Any,
    step_size: Any,
    leapfrog_steps: int,
    seeds: ops.SeedSequence,
) -> tuple[dict[str, Any], Any]:
    """One step of Hamiltonian Monte Carlo, which leaves the density at `beta` as it is.

    (Duane et al., 1987; Neal, 2011, "MCMC using Hamiltonian dynamics", section 5.3.2.)

    Args:
        evaluate: `Path.at`.
        point: What it returned for the current points.
        beta: Inverse temperature.
        step_size: Of shape (batch,); each chain's is drawn within 20 % of it.
        leapfrog_steps: How many steps make a trajectory.
        seeds: Where momenta and decisions come from.

    Returns:
        The next point, and the probability with which each proposal was accepted, of shape
        (chains, batch).
    """
    u = point["u"]
    dtype, shape = u.dtype, ops.shape(u)
    noise = ops.random.uniform_open(shape[:2], dtype, seeds)
    size = step_size[None] * (1.0 - _JITTER + 2.0 * _JITTER * noise)
    size = ops.reshape(size, (*shape[:2], *[1] * (len(u.shape) - 2)))

    def slope(point):
        return point["base_slope"] + beta * point["ratio_slope"]

    def leap(_, carry):
        old, momentum = carry
        following = evaluate(old["u"] + size * momentum)
        # Only the last step needs densities: a compiler drops here what makes no gradients.
        return _like(following, old), momentum + size * slope(following)

    momentum = keras.random.normal(shape, dtype=dtype, seed=seeds)
    moving = {name: point[name] for name in ("u", "base_slope", "ratio_slope")}
    start = (moving, momentum + 0.5 * size * slope(point))
    moving, last = ops.fori_loop(0, leapfrog_steps - 1, leap, start)
    proposal = _like(evaluate(moving["u"] + size * last), point)
    last = last + 0.5 * size * slope(proposal)

    def log_joint(point, momentum):
        kinetic = 0.5 * ops.sum(ops.square(momentum), axis=tuple(range(2, len(u.shape))))
        return point["base"] + beta * point["ratio"] - kinetic

    log_probability = ops.minimum(log_joint(proposal, last) - log_joint(point, momentum), 0.0)
    # NaN where a trajectory diverged, or where nothing has a density: the point stays.
    known = ops.isfinite(log_probability)
    probability = ops.where(known, ops.exp(log_probability), ops.zeros_like(log_probability))
    accepted = ops.random.uniform_open(shape[:2], dtype, seeds) < probability

    def choose(new, old):
        flags = ops.reshape(accepted, (*shape[:2], *[1] * (len(old.shape) - 2)))
        return ops.where(flags, new, old)

    return {name: choose(proposal[name], point[name]) for name in point}, probability


def _like(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """The new tensors with the shapes of the old ones, which TensorFlow may have lost."""
    return {name: ops.reshape(new[name], ops.shape(old[name])) for name in old}
