"""Findings on the latent values: what they are used for, and where they lie."""

import numpy as np

from kelbo.evaluation.collapse import PosteriorCollapse
from kelbo.evaluation.finding import Finding
from kelbo.evaluation.importance import ImportanceEstimate
from kelbo.evaluation.mismatch import AggregateMismatch
from kelbo.evaluation.text import share

# Codes outside of the region that holds 99 % of the prior; squared discrepancy, of a kernel that
# is 1 where two draws coincide.
_MOST_OUTSIDE, _LARGEST_DISCREPANCY = 0.15, 0.1
# Examples whose weights have too heavy a tail.
_MOST_UNRELIABLE = 0.25
# Where so many of the samples count, a heavy tail does no harm.
_EVEN = 0.3


def collapse_findings(found: PosteriorCollapse) -> list[Finding]:
    """Whether the latent values say anything of the data, and all of them.

    Args:
        found: The measures.

    Returns:
        One finding.
    """
    information = f"{max(found.mutual_information, 0.0):.2g} nats of information about the data"
    divergence = f"KL {found.kl:.2g} nats"
    active = f"{int(np.sum(~found.dead))} of {found.dead.size} latent units are active"
    if found.collapsed:
        return [
            Finding(
                "posterior_collapse",
                "fault",
                f"the posterior has collapsed: the latent values carry {information} "
                f"({divergence}{f', {active}' if found.dead.any() else ''})",
                found.suggestions,
            )
        ]
    if found.dead.any():
        return [Finding("inactive_units", "note", f"only {active}", found.suggestions)]
    return [
        Finding("posterior_collapse", "fine", f"the latent values carry {information}; {active}")
    ]


def mismatch_findings(found: AggregateMismatch) -> list[Finding]:
    """Whether the codes of the data lie where the prior has its mass.

    Args:
        found: The measures.

    Returns:
        One finding.
    """
    left = found.outside > _MOST_OUTSIDE and found.outside * found.examples >= 3
    # Of so few pairs the discrepancy is uncertain by about 1/n.
    elsewhere = found.mmd > _LARGEST_DISCREPANCY + 2.0 / found.examples
    outside = f"{100 * found.outside:.0f} % of the codes lie outside of the region that holds 99 %"
    if not left and not elsewhere:
        return [Finding("prior_mismatch", "fine", "the codes lie where the prior is")]
    sentence = f"the codes have left the prior: {outside} of the prior"
    if not left:
        sentence = (
            "the codes do not fill the prior: their distribution is another (squared MMD "
            f"{found.mmd:.2g})"
        )
    return [
        Finding(
            "prior_mismatch",
            "warning",
            f"{sentence}. Samples come from latent values that the decoder hardly saw",
            (
                "Train longer, where the loss is still falling: the divergence is learned last.",
                "A prior that trains: layers.Flow, layers.LearnedMixture or layers.VampPrior.",
                "objectives.InfoELBO or objectives.WassersteinMMD: ask for the aggregate "
                "posterior to match the prior.",
                "Bounded or smoother hidden layers (tanh), or a larger floor under the scales, "
                "where the likelihood is a density that has no bound.",
            ),
        )
    ]


def weight_findings(found: ImportanceEstimate) -> list[Finding]:
    """Whether the importance weights allow to believe the log-likelihood.

    Args:
        found: The estimate.

    Returns:
        One finding; none of too few samples to tell.
    """
    size = float(np.median(found.effective_sample_size))
    known = np.isfinite(found.pareto_k)
    unreliable = found.unreliable & known
    effective = f"{size:.3g} of {found.samples} samples count in the median"
    advice = (
        "More samples, evaluation.annealed_importance_sampling, or a posterior of a larger family; "
        "until then take the log-likelihood for a lower bound.",
    )
    if not size >= max(2.0, np.sqrt(found.samples) / 3.0) and found.samples > 1:
        return [
            Finding(
                "importance_weights",
                "warning",
                f"the log-likelihood rests on few importance weights: {effective}",
                advice,
            )
        ]
    if np.mean(unreliable) > _MOST_UNRELIABLE and size < _EVEN * found.samples:
        return [
            Finding(
                "importance_weights",
                "note",
                f"the log-likelihood is a lower bound that more samples would raise: Pareto k-hat "
                f"is too large for {share(unreliable)} of the examples ({effective})",
                advice,
            )
        ]
    if not known.any():
        return []
    return [Finding("importance_weights", "fine", f"importance weights are even: {effective}")]
