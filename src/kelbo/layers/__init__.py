"""Keras layers: conditionals (context to distribution) and the pieces of the functional style."""

from kelbo.layers import conditionals, flows, functional, priors
from kelbo.layers.concatenate_parts import ConcatenateParts
from kelbo.layers.conditionals import *
from kelbo.layers.conditionals.families import *  # by name too: mypy follows no list in a list
from kelbo.layers.dense_variational import DenseVariational
from kelbo.layers.flows import *
from kelbo.layers.functional import *
from kelbo.layers.joint import ConditionalJoint
from kelbo.layers.priors import *
from kelbo.layers.weights import (
    ConstrainedWeight,
    constrained_weight,
    constrained_weights,
    log_prior,
)

__all__ = [
    "ConcatenateParts",
    "ConditionalJoint",
    "ConstrainedWeight",
    "DenseVariational",
    "constrained_weight",
    "constrained_weights",
    "log_prior",
]
__all__ += conditionals.__all__
__all__ += flows.__all__
__all__ += functional.__all__
__all__ += priors.__all__
