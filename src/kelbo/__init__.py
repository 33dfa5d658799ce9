"""Kelbo: probabilistic modelling for Keras 3.

Distributions, variational objectives and the models built from them, as ordinary Keras building
blocks on JAX (the default), TensorFlow and PyTorch.
"""

import importlib
from typing import Any

from kelbo._backend import choose_backend

choose_backend()

from kelbo import (  # noqa: E402
    bijectors,
    distributions,
    divergences,
    estimators,
    layers,
    losses,
    models,
    objectives,
    ops,
    parameters,
    schedules,
    training,
)
from kelbo.version import __version__  # noqa: E402

# Loaded on first use: they are not needed to build and train a model.
_LAZY = ("datasets", "evaluation", "plots", "report", "runs")

__all__ = [
    "__version__",
    "bijectors",
    "datasets",
    "distributions",
    "divergences",
    "estimators",
    "evaluation",
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
    "training",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"kelbo.{name}")
    raise AttributeError(f"module 'kelbo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
