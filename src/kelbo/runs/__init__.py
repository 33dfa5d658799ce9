"""Runs: a fit from settings to files, and what is done with its result."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

# Loaded on first use: the rules of the settings, which make the options of the command line, need
# no Keras.
_MODULES = {
    "Diverged": "outcomes",
    "FitConfig": "config",
    "FitResult": "fitting",
    "Interrupted": "outcomes",
    "Run": "loading",
    "RunFolder": "folder",
    "build_model": "building",
    "choose_likelihood": "likelihoods",
    "encode": "verbs",
    "evaluate": "verbs",
    "fit": "fitting",
    "load_run": "loading",
    "plot": "verbs",
    "reconstruct": "verbs",
    "resume": "fitting",
    "sample": "verbs",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'kelbo.runs' has no attribute {name!r}")
    return getattr(importlib.import_module(f"kelbo.runs.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
