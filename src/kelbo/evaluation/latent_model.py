"""What judging needs of a latent variable model, in one place."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.latent import LatentProblem
from kelbo.models import LatentVariableModel


class LatentModel:
    r"""A model $p(z)\, p(x \mid z)$, its posterior $q(z \mid x)$, and functions compiled for it.

    Args:
        owner: Name of the function that judges, for errors.
        model: Any `models.LatentVariableModel`; it is built if it is not.

    Raises:
        TypeError: It is something else.
    """

    def __init__(self, owner: str, model: LatentVariableModel):
        if not isinstance(model, LatentVariableModel):
            raise TypeError(
                f"{owner} judges a models.VAE, or another latent variable model, got a "
                f"{type(model).__name__}: it needs a prior, a likelihood and a posterior."
            )
        self.owner, self.model = owner, model
        model.require_built()
        shapes = model.latent_shape
        shapes = shapes.values() if isinstance(shapes, dict) else (shapes,)
        self.latent_size = sum(map(math.prod, shapes))

    def examples(self, x: Any) -> Any:
        """The examples, their shape and values checked.

        Raises:
            ValueError: The shape is another one, or values are NaN or infinite: a figure of them
                would say nothing of the model, and a comparison with it passes unseen.
        """
        return self.model.examples(x)

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
        return self.model.observed(x, seeds, preprocess)

    def problem(self, observed: Any) -> LatentProblem:
        """Densities at examples, of the parts that the model has now."""
        return self.model.problem(observed)

    def prior_given(self, context: Any) -> Distribution:
        """The prior; where it trains, to be read inside of a compiled function."""
        return self.model.prior_given(context)

    def kinds(self) -> tuple[Distribution, Distribution]:
        """Distributions of the kinds of posterior and prior."""
        return self.model.kinds()

    def log_weights(self, observed: Any) -> Callable[[int, ops.SeedSequence], Any]:
        """A function of (k, seeds) that draws k log importance weights per example."""
        return self.model.log_weights(observed)

    def compiled(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, compiled once per name for this model: the name says all it closes over."""
        return self.model.compiled_verb(f"evaluation {name}", function)
