"""Kelbo: probabilistic modelling for Keras 3.

Distributions, variational objectives and the models built from them, as ordinary Keras building
blocks on JAX (the default), TensorFlow and PyTorch.
"""

from kelbo._backend import choose_backend

choose_backend()

from kelbo import (  # noqa: E402
    distributions,
    divergences,
    layers,
    models,
    objectives,
    ops,
    training,
)
from kelbo.version import __version__  # noqa: E402

__all__ = [
    "__version__",
    "distributions",
    "divergences",
    "layers",
    "models",
    "objectives",
    "ops",
    "training",
]
