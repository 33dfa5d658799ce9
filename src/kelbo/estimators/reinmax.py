"""The straight-through gradient, of second order."""

from typing import Any

from kelbo import ops
from kelbo.distributions import Bernoulli, Distribution
from kelbo.estimators.relaxation import StraightThrough
from kelbo.latent.entries import inside
from kelbo.registration import registered


@registered
class ReinMax(StraightThrough):
    r"""Discrete draws, with the gradient that the trapezoidal rule gives in place of their own.

    $$\nabla_\eta \approx \Big(2\, \partial_\eta \tfrac{\pi + b}{2}
        - \tfrac12\, \partial_\eta \pi\Big)^{\!\top} \nabla_b L, \qquad b \sim q$$

    where $\partial_\eta p$ is the Jacobian of the softmax at the probabilities $p$, $\pi$ are those
    of the posterior and $b$ is the draw (Liu, Dong, Liu, Yu and Gao, 2023, "Bridging discrete and
    backpropagation: straight-through and beyond", algorithm 2, without a temperature). Exact where
    the bound is quadratic in the value of a Bernoulli or one-hot variable, where `StraightThrough`
    is for linear ones only; biased elsewhere. For Bernoulli and one-hot posteriors.

    Example:
        >>> from kelbo.objectives import ELBO
        >>> ELBO(estimator="reinmax").estimator
        ReinMax()
    """

    name = "reinmax"

    def draw(self, part: Distribution, sample_shape: tuple, seed: Any, step: Any) -> Any:
        draws = ops.stop_gradient(part.sample(sample_shape, seed))
        discrete = inside(part)
        logits, probs = discrete.logits, discrete.probs
        halfway = ops.stop_gradient((probs + draws) / 2)
        # A change of the logits, seen at the probabilities halfway: 0, with that gradient.
        change = logits - ops.stop_gradient(logits)
        of_mean = halfway * change
        if not isinstance(discrete, Bernoulli):
            of_mean = ops.sum(of_mean, axis=-1, keepdims=True)
        slope = halfway * (change - of_mean)
        return draws + 2 * slope - (probs - ops.stop_gradient(probs)) / 2
