"""Posterior collapse: what the latent space says of the data, and what to try if it is little."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kelbo.evaluation.aggregate import AggregateDraws, aggregate_draws
from kelbo.evaluation.text import share, with_error
from kelbo.models import LatentVariableModel
from kelbo.parameters import real_number

# In nats: below, all of the latent space says nothing of x.
_NOTHING = 0.05

_BY_OBJECTIVE = (
    "objectives.FreeBits(0.1): the first nats of each dimension cost nothing.",
    "objectives.BetaELBO(schedules.LinearWarmUp(steps=...)), or schedules.CyclicalWarmUp: let the "
    "posterior learn before the divergence counts in full. A dead unit seldom comes back: train "
    "anew.",
    "objectives.InfoELBO or objectives.WassersteinMMD: ask for the aggregate posterior to match "
    "the prior, and less for each posterior to.",
)
_BY_MODEL = (
    "A weaker likelihood: a smaller or less autoregressive decoder cannot model x without z.",
    "For a normal likelihood: a smaller or learned scale; a large fixed one makes z cost more than "
    "it gives.",
)
_PARTLY = (
    "Some dead units alone are no fault: the model may need no more dimensions. Compare the "
    "importance_log_likelihood with fewer.",
    "objectives.IWELBO(samples=50): a tighter bound prunes fewer dimensions.",
)


@dataclass(frozen=True, eq=False)
class PosteriorCollapse:
    """How much the latent space says of the data. Printing it says what to try.

    Attributes:
        kl: Mean divergence of the posterior from the prior, in nats.
        kl_per_dimension: The same of each dimension, of the latent shape; None where the
            dimensions' marginals are not known (a flow).
        mutual_information: Between x and z, in nats.
        mutual_information_error: Its standard error.
        variance_of_means: Of each dimension's posterior mean over the data, of the latent shape.
        threshold: Below which a dimension is dead.
        examples: How many examples n there were.
    """

    kl: float
    kl_per_dimension: np.ndarray | None
    mutual_information: float
    mutual_information_error: float
    variance_of_means: np.ndarray
    threshold: float
    examples: int

    @property
    def dead(self) -> np.ndarray:
        """Which dimensions are dead: by their divergence, or else the variance of their means."""
        known = self.kl_per_dimension
        return (self.variance_of_means if known is None else known) < self.threshold

    @property
    def dead_fraction(self) -> float:
        """Fraction of the dimensions that are dead."""
        return float(np.mean(self.dead))

    @property
    def collapsed(self) -> bool:
        """Whether the latent space says nothing: all units are dead, or the information is 0.

        Of few examples it may come out as 0 where there is some, with an error that says so.
        """
        most = self.mutual_information + 2.0 * self.mutual_information_error
        return self.dead_fraction == 1.0 or (
            self.mutual_information < _NOTHING and most < 3.0 * _NOTHING
        )

    @property
    def suggestions(self) -> tuple[str, ...]:
        """What to try; empty where no unit is dead."""
        if self.collapsed:
            return _BY_OBJECTIVE + _BY_MODEL
        return _PARTLY + _BY_OBJECTIVE[:2] if self.dead.any() else ()

    def __str__(self) -> str:
        return "\n".join([self._verdict(), *self._figures(), *self._advice()])

    def __rich__(self) -> Any:
        from rich.text import Text

        style = "bold red" if self.collapsed else "bold yellow" if self.dead.any() else "bold green"
        text = Text(self._verdict(), style=style)
        for line in self._figures() + self._advice():
            text.append(f"\n{line}", style="not bold default")
        return text

    def _verdict(self):
        if self.collapsed:
            return "The posterior has collapsed: the latent values say next to nothing of the data."
        if self.dead.any():
            return f"{share(self.dead)} latent units are dead."
        return "No latent unit is dead."

    def _figures(self):
        information = with_error(self.mutual_information, self.mutual_information_error)
        ceiling = np.log(self.examples)
        lines = [
            f"dead units: {share(self.dead)}",
            f"KL(q(z|x) || p(z)): {self.kl:.3g} nats",
            f"mutual information I(x; z): {information} nats (at most log {self.examples} = "
            f"{ceiling:.2f})",
        ]
        if self.mutual_information > 0.9 * ceiling:
            lines.append("The information is near its ceiling: take more examples to see it whole.")
        if self.kl_per_dimension is not None:
            ordered = np.sort(self.kl_per_dimension, axis=None)[::-1]
            shown = ", ".join(f"{value:.2g}" for value in ordered[:10])
            rest = ", ..." if ordered.size > 10 else ""
            lines.append(f"KL per dimension, largest first: {shown}{rest} nats")
        return lines

    def _advice(self):
        suggestions = self.suggestions
        return ["What to try:", *(f"- {line}" for line in suggestions)] if suggestions else []


def posterior_collapse(
    model: LatentVariableModel,
    x: Any,
    threshold: float = 0.01,
    seed: int = 0,
    batch_size: int = 256,
    verbose: bool = False,
) -> PosteriorCollapse:
    r"""Whether, and where, the posterior has become the prior.

    Per dimension the divergence $\frac{1}{n} \sum_i \mathrm{KL}(q(z_d \mid x_i) \Vert p(z_d))$, by
    its closed form or from one draw per example; a dimension is dead where it is below the
    threshold. And the mutual information between the number of an example and its latent value,

    $$I(x; z) = \frac{1}{n} \sum_i \mathbb{E}_{q(z \mid x_i)}\Big[\log q(z \mid x_i)
        - \log \frac{1}{n} \sum_j q(z \mid x_j)\Big]$$

    (Hoffman and Johnson, 2016, "ELBO surgery: yet another way to carve up the variational evidence
    lower bound"), which is at most $\log n$, and is what is left of the mean divergence after
    $\mathrm{KL}(q(z) \Vert p(z))$. A divergence above 0 with no information is a prior that does
    not fit, not a code.

    Where the prior depends on a context, the information is an upper bound of what z says of x
    beside it, $I(x; z \mid c)$: the lesser of the above and the mean divergence.

    All $n^2$ pairs are scored, block by block: 10,000 examples of 50 dimensions take a minute or
    so; a few thousand tell as much.

    Args:
        model: The VAE.
        x: Examples, of shape (n, *event shape), at least 2.
        threshold: In nats, below which a dimension is dead. Where a dimension's divergence is not
            known (a flow as the posterior), the variance of its mean is compared with it.
        seed: Integer seed.
        batch_size: Examples per block; a compiled call takes the square of it of pairs.
        verbose: Whether a progress bar is shown.

    Returns:
        A `PosteriorCollapse`; `print` it (or `rich.print`) to see what to try.

    Raises:
        TypeError: `model` is no VAE.
        ValueError: There are fewer than 2 examples, they have another shape or values that are not
            finite, `threshold` is not a finite number of at least 0, or the model's densities are
            NaN.

    Example:
        >>> import numpy as np, kelbo as kb
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalNormal((3,)),
        ...     posterior=kb.layers.ConditionalNormal((2,)),
        ... )
        >>> report = kb.evaluation.posterior_collapse(vae, np.zeros((4, 3), "float32"))
        >>> report.collapsed
        True
    """
    owner = "posterior_collapse"
    threshold = real_number(owner, "threshold", threshold, least=0)
    return collapse_of(aggregate_draws(owner, model, x, seed, batch_size, verbose), threshold)


def collapse_of(draws: AggregateDraws, threshold: float = 0.01) -> PosteriorCollapse:
    """What draws from the aggregate posterior say of a collapse.

    Args:
        draws: The draws.
        threshold: See `posterior_collapse`.

    Returns:
        A `PosteriorCollapse`.
    """
    information, error = draws.mutual_information
    return PosteriorCollapse(
        kl=draws.kl,
        kl_per_dimension=draws.kl_per_dimension,
        mutual_information=information,
        mutual_information_error=error,
        variance_of_means=draws.variance_of_means,
        threshold=threshold,
        examples=len(draws.z),
    )
