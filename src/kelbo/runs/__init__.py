"""Runs: a fit from settings to files, and what is done with its result."""

from kelbo.runs.building import build_model
from kelbo.runs.config import FitConfig
from kelbo.runs.fitting import FitResult, fit, resume
from kelbo.runs.folder import RunFolder
from kelbo.runs.likelihoods import choose_likelihood
from kelbo.runs.loading import Run, load_run
from kelbo.runs.outcomes import Diverged, Interrupted
from kelbo.runs.verbs import encode, evaluate, plot, reconstruct, sample

__all__ = [
    "Diverged",
    "FitConfig",
    "FitResult",
    "Interrupted",
    "Run",
    "RunFolder",
    "build_model",
    "choose_likelihood",
    "encode",
    "evaluate",
    "fit",
    "load_run",
    "plot",
    "reconstruct",
    "resume",
    "sample",
]
