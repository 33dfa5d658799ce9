"""Gradient estimators: how a bound is differentiated by the posterior's parameters."""

from kelbo.estimators.baselines import LearnedBaseline, RunningAverage
from kelbo.estimators.control_variates import DisARM, Rebar
from kelbo.estimators.estimator import Bound, Estimator
from kelbo.estimators.lookup import ESTIMATORS, as_estimator
from kelbo.estimators.pathwise import DoublyReparameterized, Pathwise, StickingTheLanding
from kelbo.estimators.per_part import PerPart
from kelbo.estimators.reinmax import ReinMax
from kelbo.estimators.relaxation import GumbelSoftmax, StraightThrough
from kelbo.estimators.score_function import ScoreFunction, Vimco
from kelbo.estimators.wake import DoublyReparameterizedWakePhase, ModelOnly, WakePhase

__all__ = [
    "ESTIMATORS",
    "Bound",
    "DisARM",
    "DoublyReparameterized",
    "DoublyReparameterizedWakePhase",
    "Estimator",
    "GumbelSoftmax",
    "LearnedBaseline",
    "ModelOnly",
    "Pathwise",
    "PerPart",
    "Rebar",
    "ReinMax",
    "RunningAverage",
    "ScoreFunction",
    "StickingTheLanding",
    "StraightThrough",
    "Vimco",
    "WakePhase",
    "as_estimator",
]
