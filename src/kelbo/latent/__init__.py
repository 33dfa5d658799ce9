"""What a latent variable model can say of a batch, and the terms that bounds are made of."""

from kelbo.latent.problem import LatentProblem
from kelbo.latent.terms import (
    KL,
    KLAtDraws,
    KLPerDimension,
    KLPerPart,
    Latent,
    LogAggregate,
    LogAggregateMarginals,
    LogLikelihood,
    LogPosterior,
    LogPosteriorOfDreams,
    LogPrior,
    PriorDraws,
    Term,
)
from kelbo.latent.weights import fold_weights, log_mean_weight

__all__ = [
    "KL",
    "KLAtDraws",
    "KLPerDimension",
    "KLPerPart",
    "Latent",
    "LatentProblem",
    "LogAggregate",
    "LogAggregateMarginals",
    "LogLikelihood",
    "LogPosterior",
    "LogPosteriorOfDreams",
    "LogPrior",
    "PriorDraws",
    "Term",
    "fold_weights",
    "log_mean_weight",
]
