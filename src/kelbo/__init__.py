"""Kelbo: probabilistic modelling for Keras 3.

Distributions, variational objectives and the models built from them, as ordinary Keras building
blocks on JAX (the default), TensorFlow and PyTorch.
"""

import importlib
import sys
from typing import Any

from kelbo._backend import choose_backend
from kelbo.version import __version__

choose_backend()

# The program `kelbo` prints its help, and refuses a mistyped option, before it loads Keras; a
# command then loads all of the package. For everyone else it is loaded here: a model file is opened
# with the classes that are registered by then.
if "kelbo_program" not in sys.modules:
    from kelbo import (
        bijectors,
        distributions,
        divergences,
        estimators,
        latent,
        layers,
        losses,
        models,
        objectives,
        ops,
        parameters,
        schedules,
        training,
    )

__all__ = [
    "__version__",
    "bijectors",
    "datasets",
    "distributions",
    "divergences",
    "estimators",
    "evaluation",
    "gp",
    "latent",
    "layers",
    "losses",
    "models",
    "objectives",
    "ops",
    "parameters",
    "plots",
    "report",
    "runs",
    "schedules",
    "sklearn",
    "training",
]


def __getattr__(name: str) -> Any:
    # Datasets, evaluation, gp, plots, report, runs and sklearn are not needed to build and train
    # a model.
    if name in __all__:
        return importlib.import_module(f"kelbo.{name}")
    raise AttributeError(f"module 'kelbo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
