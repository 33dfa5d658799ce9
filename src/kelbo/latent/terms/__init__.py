"""Terms: the numbers that every variational bound is a function of, each a class."""

from kelbo.latent.terms.aggregate import LogAggregate, LogAggregateMarginals
from kelbo.latent.terms.densities import Latent, LogLikelihood, LogPosterior, LogPrior, PriorDraws
from kelbo.latent.terms.divergences import KL, KLAtDraws, KLPerDimension, KLPerPart
from kelbo.latent.terms.dreams import LogPosteriorOfDreams
from kelbo.latent.terms.term import Term

__all__ = [
    "KL",
    "KLAtDraws",
    "KLPerDimension",
    "KLPerPart",
    "Latent",
    "LogAggregate",
    "LogAggregateMarginals",
    "LogLikelihood",
    "LogPosterior",
    "LogPosteriorOfDreams",
    "LogPrior",
    "PriorDraws",
    "Term",
]
