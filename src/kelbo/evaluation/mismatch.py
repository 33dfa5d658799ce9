"""How far the aggregate posterior is from the prior."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.divergences import RBF, maximum_mean_discrepancy
from kelbo.evaluation.aggregate import aggregate_draws
from kelbo.evaluation.latent_model import LatentModel
from kelbo.evaluation.text import with_error
from kelbo.models import VAE
from kelbo.parameters import whole_number


@dataclass(frozen=True, eq=False)
class AggregateMismatch:
    """How far the aggregate posterior is from the prior.

    Attributes:
        kl: Its divergence from the prior, in nats.
        kl_standard_error: Its Monte Carlo error.
        mmd: Squared maximum mean discrepancy of the two, of all dimensions together.
        mmd_per_dimension: The same of each dimension, of the latent shape.
    """

    kl: float
    kl_standard_error: float
    mmd: float
    mmd_per_dimension: np.ndarray

    def __str__(self) -> str:
        worst = int(np.argmax(self.mmd_per_dimension))
        return (
            f"KL(q(z) || p(z)) = {with_error(self.kl, self.kl_standard_error)} nats; squared MMD "
            f"{self.mmd:.2g}, largest of one dimension "
            f"{self.mmd_per_dimension.flat[worst]:.2g} (dimension {worst})"
        )


def aggregate_posterior_mismatch(
    model: VAE,
    x: Any,
    mmd_samples: int = 1000,
    seed: int = 0,
    batch_size: int = 256,
    verbose: bool = False,
) -> AggregateMismatch:
    r"""How far the aggregate posterior is from the prior, which new examples are drawn from.

    $$q(z) = \frac{1}{n} \sum_{i=1}^n q(z \mid x_i), \qquad \mathrm{KL}(q(z) \Vert p(z)) \approx
        \frac{1}{n} \sum_i \log q(z_i) - \log p(z_i), \quad z_i \sim q(z \mid x_i)$$

    (Hoffman and Johnson, 2016, "ELBO surgery".) Where it is large, the decoder is asked, when it
    samples, about latent values that it never saw: a prior that trains (a `Flow`), or
    `objectives.InfoELBO`, mends that. With few examples q(z) is a set of separate bumps, whose
    divergence is larger than that of all data: compare figures of equal n.

    The maximum mean discrepancy (`divergences.maximum_mean_discrepancy`, RBF kernel) compares draws
    of both, divided by the standard deviation of the prior's: unbiased, 0 on average where they
    agree.

    Args:
        model: The VAE.
        x: Examples, of shape (n, *event shape), at least 2.
        mmd_samples: At most so many draws are compared, by all their pairs.
        seed: Integer seed.
        batch_size: Examples per block; a compiled call takes the square of it of pairs.
        verbose: Whether a progress bar is shown.

    Returns:
        An `AggregateMismatch`.

    Raises:
        TypeError: `model` is no VAE.
        ValueError: There are fewer than 2 examples, they have another shape or values that are not
            finite, `mmd_samples` is below 2, or the model's densities are NaN.

    Example:
        >>> import numpy as np, kelbo as kb
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalNormal((3,)),
        ...     posterior=kb.layers.ConditionalNormal((2,)),
        ... )
        >>> x = np.zeros((4, 3), "float32")
        >>> kb.evaluation.aggregate_posterior_mismatch(vae, x).mmd_per_dimension.shape
        (2,)
    """
    owner = "aggregate_posterior_mismatch"
    mmd_samples = whole_number(owner, "mmd_samples", mmd_samples, 2)
    draws = aggregate_draws(owner, model, x, seed, batch_size, verbose)
    latent = LatentModel(owner, model)
    ours = np.random.default_rng(seed).permutation(draws.z)[:mmd_samples]
    theirs = _prior_draws(latent, len(ours), seed)
    shape = ours.shape[1:]
    ours, theirs = (values.reshape(len(values), -1) for values in (ours, theirs))
    spread = np.std(theirs, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    ours, theirs = (np.asarray(values / spread, "float32") for values in (ours, theirs))

    def distance(columns):
        found = maximum_mean_discrepancy(ours[:, columns], theirs[:, columns], RBF())
        return float(ops.convert_to_numpy(found))

    dimensions = range(ours.shape[1])
    kl, error = draws.marginal_kl
    return AggregateMismatch(
        kl=kl,
        kl_standard_error=error,
        mmd=distance(list(dimensions)),
        mmd_per_dimension=np.reshape([distance([d]) for d in dimensions], shape),
    )


def _prior_draws(model, n, seed):
    def draw(seed):
        return model.prior.sample((n,), ops.SeedSequence(seed).fold_in(0))

    return ops.convert_to_numpy(model.compiled(f"prior draws {n}", draw)(seed)).astype("float64")
