"""Integrals of a density from a point outwards, by Gauss-Legendre quadrature."""

from collections.abc import Callable

import numpy as np
from keras import ops

from kelbo.ops.series import kind
from kelbo.typing import Tensor

# From this parameter on, the densities of Gamma and Beta are smooth enough for what is here, and
# the recurrences that serve below it take many steps, each of which rounds.
LARGE = 20.0

_RULES = {
    name: [0.5 * (1.0 + nodes), 0.5 * weights]
    for name, (nodes, weights) in {
        "float64": np.polynomial.legendre.leggauss(40),
        "float32": np.polynomial.legendre.leggauss(20),
    }.items()
}


def nats(x: Tensor) -> float:
    """How far an integrand must fall, in units of e, for what is beyond to be lost in rounding."""
    return 40.0 if kind(x) == "float64" else 20.0


def integrate(integrand: Callable, like: Tensor) -> Tensor:
    """The integral of a smooth function over [0, 1], elementwise.

    Args:
        integrand: Takes a scalar in (0, 1), and returns a tensor of the shape of `like`.
        like: A tensor whose shape and dtype the result has.

    Returns:
        A tensor of the shape of `like`.
    """
    nodes, weights = (ops.convert_to_tensor(x, dtype=like.dtype) for x in _RULES[kind(like)])

    def add(i, total):
        return total + ops.take(weights, i) * integrand(ops.take(nodes, i))

    return ops.fori_loop(0, len(_RULES[kind(like)][0]), add, ops.zeros_like(like))
