"""Objectives: variational bounds as functions of log densities."""

from kelbo.objectives.aggregate import BetaTCELBO, InfoELBO, WassersteinMMD
from kelbo.objectives.elbo import ELBO, BetaELBO, FreeBits
from kelbo.objectives.f_divergence import AlphaDivergence, FDivergence
from kelbo.objectives.importance import CIWAE, IWELBO, MIWAE, PIWAE
from kelbo.objectives.objective import Objective
from kelbo.objectives.renyi import ChiUpperBound, RenyiBound
from kelbo.objectives.wake_sleep import ReweightedWakeSleep, WakeSleep

__all__ = [
    "CIWAE",
    "ELBO",
    "IWELBO",
    "MIWAE",
    "PIWAE",
    "AlphaDivergence",
    "BetaELBO",
    "BetaTCELBO",
    "ChiUpperBound",
    "FDivergence",
    "FreeBits",
    "InfoELBO",
    "Objective",
    "RenyiBound",
    "ReweightedWakeSleep",
    "WakeSleep",
    "WassersteinMMD",
]
