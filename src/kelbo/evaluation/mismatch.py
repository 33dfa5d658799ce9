"""How far the aggregate posterior is from the prior."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.divergences import RBF, maximum_mean_discrepancy
from kelbo.evaluation.aggregate import AggregateDraws, aggregate_draws
from kelbo.evaluation.coordinates import as_vectors
from kelbo.evaluation.latent_model import LatentModel
from kelbo.evaluation.text import with_error
from kelbo.models import LatentVariableModel
from kelbo.parameters import whole_number

# Draws that say where the prior's mass is; and the share of it that is called outside.
_PRIOR_DRAWS, _OUTER = 10_000, 0.01


@dataclass(frozen=True, eq=False)
class AggregateMismatch:
    """How far the aggregate posterior is from the prior.

    Attributes:
        kl: Its divergence from the prior, in nats.
        kl_standard_error: Its Monte Carlo error.
        mmd: Squared maximum mean discrepancy of the two, of all dimensions together.
        mmd_per_dimension: The same of each dimension, of the latent shape.
        outside: Share of the codes that lie where the prior is less dense than at 99 % of its own
            draws; 0.01 on average where the two agree.
        examples: How many examples n there were.
    """

    kl: float
    kl_standard_error: float
    mmd: float
    mmd_per_dimension: np.ndarray
    outside: float
    examples: int

    def __str__(self) -> str:
        worst = int(np.argmax(self.mmd_per_dimension))
        return (
            f"KL(q(z) || p(z)) = {with_error(self.kl, self.kl_standard_error)} nats; squared MMD "
            f"{self.mmd:.2g}, largest of one dimension "
            f"{self.mmd_per_dimension.flat[worst]:.2g} (dimension {worst}); "
            f"{100 * self.outside:.0f} % of the codes outside of 99 % of the prior"
        )


def aggregate_posterior_mismatch(
    model: LatentVariableModel,
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
    agree. Where the prior depends on a context, p(z) is its average over the contexts of the
    examples, and a code lies outside by the density of the prior of its own.

    Args:
        model: The VAE.
        x: Examples, of shape (n, *event shape), at least 2.
        mmd_samples: At most so many draws are compared, by all their pairs (and at most 10,000).
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
    return mismatch_of(draws, LatentModel(owner, model), mmd_samples, seed)


def mismatch_of(
    draws: AggregateDraws, latent: LatentModel, mmd_samples: int = 1000, seed: int = 0
) -> AggregateMismatch:
    """How far draws from the aggregate posterior are from the prior.

    Args:
        draws: The draws.
        latent: The model that they are of.
        mmd_samples: See `aggregate_posterior_mismatch`.
        seed: Integer seed.

    Returns:
        An `AggregateMismatch`.
    """
    seed = ops.whole_seed(seed)
    theirs, densities = _prior_draws(latent, draws.prior_context, seed)
    edge = np.quantile(densities, _OUTER)
    # Densities of a flat prior are all equal, to rounding.
    outside = np.mean(draws.log_prior < edge - 1e-5 * max(abs(edge), 1.0))
    ours = np.random.default_rng(seed).permutation(draws.z)[: min(mmd_samples, _PRIOR_DRAWS)]
    theirs = theirs[: len(ours)]
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
        outside=float(outside),
        examples=len(draws.z),
    )


def _prior_draws(model, context, seed):
    """Draws from the prior, at least as many as are compared, and the log density at each.

    Where it depends on a context, each draw has that of one of the examples, taken at random.
    """
    if context is not None:
        number = len(keras.tree.flatten(context)[0])
        chosen = np.random.default_rng(seed).integers(number, size=_PRIOR_DRAWS)
        context = keras.tree.map_structure(lambda part: ops.convert_to_numpy(part)[chosen], context)

    def draw(context, seed):
        prior = model.prior_given(context)
        shape = () if prior.batch_shape else (_PRIOR_DRAWS,)
        z = prior.sample(shape, ops.SeedSequence(seed).fold_in(0))
        return as_vectors(z), prior.log_prob(z)

    found = model.compiled("prior draws", draw)(context, seed)
    return [ops.convert_to_numpy(value).astype("float64") for value in found]
