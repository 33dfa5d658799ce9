"""Draws of a process as functions: a draw of the prior, and what the data make of it."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.gp.inducing import Features
from kelbo.gp.kernels import Kernel
from kelbo.gp.kernels.kernel import as_inputs
from kelbo.gp.mean_functions import MeanFunction
from kelbo.gp.random_features.features import RandomFeatures
from kelbo.typing import Tensor


class FunctionDraws:
    r"""Draws of a Gaussian process, each a function: evaluated anywhere, the same at every call.

    $$f(x) = m(x) + \phi(x)^\top \omega + \sum_b A_b(x)^\top (w_b - \hat w_b), \qquad
      \omega \sim N(0, I), \quad w_b \sim q(w_b)$$

    where $\phi$ are random features of the kernel, and $\hat w_b$ the whitened features of the
    draw $\phi^\top \omega$ of the prior (Matheron's rule; Wilson, Borovitskiy, Terenin, Mostowsky
    and Deisenroth, 2020, "Efficiently sampling functions from Gaussian process posteriors", eq.
    12). Near the data a draw is as exact as the features of the posterior; far from them as the
    random ones. Differentiable by the inputs.

    Made by `Posterior.sample_functions`.

    Args:
        kernel: The kernel.
        mean_function: The mean function.
        features: The features of the posterior.
        factors: What their `factors` returned.
        random_features: $\phi$.
        weights: $\omega$, of shape (draws, count).
        updates: $w_b - \hat w_b$, each of shape (draws, M).
    """

    def __init__(
        self,
        kernel: Kernel,
        mean_function: MeanFunction,
        features: Features,
        factors: Sequence[Tensor],
        random_features: RandomFeatures,
        weights: Tensor,
        updates: Sequence[Tensor],
    ):
        self.kernel, self.mean_function = kernel, mean_function
        self.features, self.factors = features, list(factors)
        self.random_features, self.weights, self.updates = random_features, weights, list(updates)

    @property
    def count(self) -> int:
        """Number of draws."""
        return self.weights.shape[0]

    def __call__(self, x: Any) -> Tensor:
        """The values of each draw.

        Args:
            x: Inputs, of shape (n, d).

        Returns:
            A tensor of shape (draws, n).

        Raises:
            ValueError: The shape does not fit.
        """
        x = ops.cast(as_inputs(x, "FunctionDraws: x"), self.weights.dtype)
        values = prior_values(self.random_features, self.weights, x)
        projections = self.features.projections(self.kernel, self.factors, x)
        for update, a in zip(self.updates, projections, strict=True):
            values = values + ops.matmul(update, a)
        return values + self.mean_function(x)


def prior_values(features: RandomFeatures, weights: Tensor, x: Tensor) -> Tensor:
    """Values of draws of the prior.

    Args:
        features: Random features of the kernel.
        weights: Of shape (draws, count).
        x: Inputs, of shape (n, d).

    Returns:
        A tensor of shape (draws, n).
    """
    return ops.matmul(weights, ops.transpose(features(x)))


def draws_of_blocks(
    means: Sequence[Tensor], roots: Sequence[Tensor | None], draws: int, seed: Any
) -> list[Tensor]:
    """Draws of the whitened features of one process.

    Args:
        means: Of each block, of shape (1, M).
        roots: Of each block, of shape (1, M, r), or (1, M), or None for what is known.
        draws: How many.
        seed: Where they come from.

    Returns:
        A tensor of shape (draws, M) for each block.
    """
    found = []
    for mean, root in zip(means, roots, strict=True):
        if root is None:
            found.append(ops.broadcast_to(mean, (draws, mean.shape[-1])))
            continue
        root = root[0]
        dtype = keras.backend.standardize_dtype(root.dtype)
        noise = keras.random.normal((draws, root.shape[-1]), dtype=dtype, seed=seed)
        is_diagonal = len(root.shape) == 1
        spread = noise * root if is_diagonal else ops.matmul(noise, ops.transpose(root))
        found.append(mean + spread)
    return found
