"""Active units: the latent dimensions whose posterior mean follows the data."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.evaluation.coordinates import as_vectors, count
from kelbo.evaluation.latent_model import LatentModel
from kelbo.models import LatentVariableModel
from kelbo.models.expectation import mean_or_estimate
from kelbo.parameters import real_number
from kelbo.training import map_rows


@dataclass(frozen=True, eq=False)
class ActiveUnits:
    """Which latent dimensions are active.

    Attributes:
        variance: Variance over the data of each dimension's posterior mean, of the latent shape.
        threshold: Above which a dimension is active.
    """

    variance: np.ndarray
    threshold: float

    @property
    def active(self) -> np.ndarray:
        """Which dimensions are active: booleans of the latent shape."""
        return self.variance > self.threshold

    @property
    def count(self) -> int:
        """How many are."""
        return int(np.sum(self.active))

    def __str__(self) -> str:
        return f"{self.count} of {self.variance.size} units are active (A > {self.threshold:g})"


def active_units(
    model: LatentVariableModel,
    x: Any,
    threshold: float = 0.01,
    seed: int = 0,
    batch_size: int = 512,
) -> ActiveUnits:
    r"""Which latent dimensions the model uses.

    A dimension d is active where the variance of its posterior mean over the data,

    $$A_d = \mathrm{Cov}_x\big(\mathbb{E}_{q(z \mid x)}[z_d]\big)$$

    is above a threshold (Burda, Grosse and Salakhutdinov, 2016, "Importance weighted autoencoders",
    section 5.2, who take 0.01). The figure belongs to a prior of unit variance.

    Args:
        model: The VAE.
        x: Examples, of shape (n, *event shape), at least 2.
        threshold: Above which a dimension is active.
        seed: For a stochastic preprocessing, and for means without a closed form, which are
            averages of 100 draws and have a variance of their own: a hundredth of the posterior's.
        batch_size: Examples per compiled call.

    Returns:
        An `ActiveUnits`.

    Raises:
        TypeError: `model` is no VAE.
        ValueError: There are fewer than 2 examples, they have another shape or values that are not
            finite, `threshold` is not a finite number of at least 0, or the posterior's mean is
            NaN.

    Example:
        >>> import numpy as np, kelbo as kb
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalNormal((3,)),
        ...     posterior=kb.layers.ConditionalNormal((2,)),
        ... )
        >>> kb.evaluation.active_units(vae, np.zeros((4, 3), "float32")).count
        0
    """
    threshold = real_number("active_units", "threshold", threshold, least=0)
    latent = LatentModel("active_units", model)
    rows = latent.examples(x)
    number = count(rows)
    if number < 2:
        raise ValueError(f"active_units: a variance needs at least 2 examples, got {number}.")

    means = posterior_means(latent, rows, seed, batch_size)
    latent.require_numbers("the posterior's mean", means)
    return ActiveUnits(np.var(means, axis=0, ddof=1), threshold)


def posterior_means(model: LatentModel, rows: Any, seed: int, batch_size: int) -> np.ndarray:
    """The posterior mean of each example.

    Args:
        model: The model.
        rows: Examples, checked.
        seed: Integer seed.
        batch_size: Examples per compiled call.

    Returns:
        An array of shape (n, *latent shape).
    """

    def mean(x, seed, index):
        seeds = ops.SeedSequence(seed).fold_in(index)
        posterior = model.problem(model.observed(x, seeds)).posterior
        return as_vectors(mean_or_estimate(posterior, seeds))

    run = model.compiled("posterior mean", mean)
    seed = ops.whole_seed(seed)
    means = map_rows(lambda batch, i: run(batch, seed, i), rows, batch_size)
    return ops.convert_to_numpy(means).astype("float64")
