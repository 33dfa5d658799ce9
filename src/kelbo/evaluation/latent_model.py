"""What judging needs of a latent variable model, in one place."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.layers import Conditional
from kelbo.models import VAE


class LatentModel:
    r"""A model $p(z)\, p(x \mid z)$, its posterior $q(z \mid x)$, and functions compiled for it.

    Args:
        owner: Name of the function that judges, for errors.
        model: A `models.VAE`; it is built if it is not.

    Raises:
        TypeError: It is something else.
    """

    def __init__(self, owner: str, model: VAE):
        if not isinstance(model, VAE):
            raise TypeError(
                f"{owner} judges a models.VAE, got a {type(model).__name__}: it needs a prior, a "
                "likelihood and a posterior."
            )
        self.owner, self.vae = owner, model
        model._require_built()
        self.latent_shape = tuple(model.prior.event_shape)

    def examples(self, x: Any) -> Any:
        """The examples, their shape and values checked.

        Raises:
            ValueError: The shape is another one, or values are NaN or infinite: a figure of them
                would say nothing of the model, and a comparison with it passes unseen.
        """
        return self.vae._examples(x)

    def require_numbers(self, name: str, values: np.ndarray) -> None:
        """Refuses results that are NaN, which compare as neither dead nor active.

        Args:
            name: What they are, for the error.
            values: Of shape (n, ...), one row per example.

        Raises:
            ValueError: Some are NaN.
        """
        bad = int(np.isnan(values).reshape(len(values), -1).any(axis=1).sum())
        if bad:
            raise ValueError(
                f"{self.owner}: {name} is NaN for {bad} of {len(values)} examples, so nothing can "
                "be said of the model: look whether its weights are NaN, after a training that "
                "diverged."
            )

    def observed(self, x: Any, seeds: ops.SeedSequence, preprocess: bool = True) -> Any:
        """The examples in floating point, after the model's preprocessing unless told not to."""
        return self.vae._observed(x, seeds) if preprocess else self.vae._floating(x)

    @property
    def likelihood(self) -> Conditional:
        """The likelihood that the model has now: a compiled function outlives an exchange."""
        return self.vae.likelihood

    @property
    def posterior(self) -> Conditional:
        """The posterior that the model has now."""
        return self.vae.posterior

    @property
    def prior(self) -> Distribution:
        """The prior; where it trains, to be read inside of a compiled function."""
        return self.vae._prior_distribution()

    def log_weights(self, observed: Any) -> Callable[[int, ops.SeedSequence], Any]:
        """A function of (k, seeds) that draws k log importance weights per example."""
        return self.vae._log_weights(observed)

    def compiled(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, compiled once per name for this model: the name says all it closes over."""
        return self.vae._compiled(f"evaluation {name}", function)
