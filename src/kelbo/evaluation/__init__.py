"""Evaluation: judging a fit. What the evidence is, how sure that is, and what the latents say.

All figures are in nats, per example.
"""

from kelbo.evaluation.annealed_importance import AnnealedEstimate, annealed_importance_sampling
from kelbo.evaluation.bidirectional import BidirectionalEstimate, bidirectional_monte_carlo
from kelbo.evaluation.collapse import PosteriorCollapse, posterior_collapse
from kelbo.evaluation.finding import Finding, Verdict
from kelbo.evaluation.frechet import frechet_distance
from kelbo.evaluation.importance import ImportanceEstimate, importance_log_likelihood
from kelbo.evaluation.judging import judge, verdict
from kelbo.evaluation.mismatch import AggregateMismatch, aggregate_posterior_mismatch
from kelbo.evaluation.pareto import pareto_k, pareto_k_threshold
from kelbo.evaluation.rate import RateDistortion, rate_distortion
from kelbo.evaluation.sandwich import EvidenceSandwich, evidence_sandwich
from kelbo.evaluation.units import ActiveUnits, active_units

__all__ = [
    "ActiveUnits",
    "AggregateMismatch",
    "AnnealedEstimate",
    "BidirectionalEstimate",
    "EvidenceSandwich",
    "Finding",
    "ImportanceEstimate",
    "PosteriorCollapse",
    "RateDistortion",
    "Verdict",
    "active_units",
    "aggregate_posterior_mismatch",
    "annealed_importance_sampling",
    "bidirectional_monte_carlo",
    "evidence_sandwich",
    "frechet_distance",
    "importance_log_likelihood",
    "judge",
    "pareto_k",
    "pareto_k_threshold",
    "posterior_collapse",
    "rate_distortion",
    "verdict",
]
