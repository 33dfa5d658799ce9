"""What judging needs of a latent variable model, in one place."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.intake import as_parts
from kelbo.latent import LatentProblem
from kelbo.models import LatentVariableModel
from kelbo.parts import is_shape


class NotNumbersError(ValueError):
    """What a model says of examples that are well is NaN."""


class LatentModel:
    r"""A model $p(z)\, p(x \mid z)$, its posterior $q(z \mid x)$, and functions compiled for it.

    Args:
        owner: Name of the function that judges, for errors.
        model: Any `models.LatentVariableModel`; if it is not built, `examples` builds it for
            theirs.

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

    @property
    def latent_size(self) -> int:
        """How many numbers a latent value has."""
        shapes = self.model.latent_shape
        shapes = shapes.values() if isinstance(shapes, dict) else (shapes,)
        return sum(map(math.prod, shapes))

    def examples(self, x: Any) -> Any:
        """The examples, their shape and values checked.

        Raises:
            ValueError: The shape is another one, or values are NaN or infinite: a figure of them
                would say nothing of the model, and a comparison with it passes unseen.
        """
        return self.model.examples(x)

    def to_be_drawn(self, n: int, context: Any = None) -> Any:
        """What stands in the place of examples that the model is to draw: zeros, and contexts.

        Args:
            n: How many.
            context: What each is conditioned on, where the data of the model have a context.

        Returns:
            As `examples`, all of them observed.

        Raises:
            ValueError: There is no context, or none of n rows, where the data of the model have
                one, or there is one where they have none, or they have other parts; or the shape of
                an example is not known.
        """
        model, owner = self.model, self.owner
        if model.example_shape is None:
            raise ValueError(
                f"{owner}: the shape of an example is not known before the model is built: fit it, "
                "or call its build, first."
            )
        x = np.zeros((n, *model.example_shape), "float32")
        built_for = model.data_shape
        known = () if built_for is None or is_shape(built_for) else tuple(built_for)
        others = [name for name in known if name not in ("x", "context", "mask")]
        if others:
            raise ValueError(
                f"{owner} makes data of which x alone is drawn, given a context; the data of the "
                f"model have further parts: {', '.join(others)}."
            )
        takes_context = "context" in (model.data_parts if built_for is None else known)
        if context is None and "context" in known:
            raise ValueError(
                f"{owner} needs the context of each example that it draws, for the data of the "
                f'model have a part "context": context=... of {n} rows.'
            )
        if context is not None and not takes_context:
            raise ValueError(
                f"{owner} was given a context, but the data of the model have none: leave it out."
            )
        parts = {"x": x}
        if context is not None:
            parts["context"] = as_parts(context, "context")
            rows = {len(part) for part in keras.tree.flatten(parts["context"])}
            if rows != {n}:
                raise ValueError(
                    f"{owner}: n is {n}, but the context has {' or '.join(map(str, sorted(rows)))} "
                    "rows: give one for each example."
                )
        if "mask" in known:
            parts["mask"] = np.ones_like(x)  # what is drawn is drawn whole
        return self.examples(parts if known or len(parts) > 1 else x)

    def require_numbers(self, name: str, values: np.ndarray) -> None:
        """Refuses results that are NaN, which compare as neither dead nor active.

        Args:
            name: What they are, for the error.
            values: Of shape (n, ...), one row per example.

        Raises:
            NotNumbersError: Some are NaN.
        """
        bad = int(np.isnan(values).reshape(len(values), -1).any(axis=1).sum())
        if bad:
            raise NotNumbersError(
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
