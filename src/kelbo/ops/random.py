"""Random draws that Keras lacks, or has without their gradients.

The `seed` of every function is an integer, a `keras.random.SeedGenerator`, a
`kelbo.ops.SeedSequence`, or None for Keras' global generator. The same seed gives the same draw
(on one backend); PyTorch's global generator is left alone. In compiled code on JAX a seed is
needed. `shape` is the shape of the result, to which the parameters are broadcast.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kelbo.ops.backends import backend
from kelbo.ops.derivatives import with_derivatives
from kelbo.ops.floats import as_floats


def _parameters(shape, dtype, *values):
    values = as_floats(*values) if dtype is None else [_cast(x, dtype) for x in values]
    return [ops.broadcast_to(x, shape) for x in values]


def _cast(x, dtype):
    return backend.as_tensor(ops.convert_to_tensor(x, dtype=dtype))


def _words(seed):
    """The seed as two non-negative integers, whatever it is."""
    return keras.random.randint((2,), 0, 2**31 - 1, dtype="int32", seed=seed)


def uniform_open(
    shape: Sequence[int], dtype: str | None = None, seed: Any = None
) -> Any:
    """Uniform draws from (0, 1), never 0 or 1, so that their log and logit are finite.

    A draw of 0, which `keras.random.uniform` may give, becomes a quarter of the machine epsilon.

    Args:
        shape: The shape of the result.
        dtype: Floating dtype; None is Keras' `floatx`.
        seed: See the module.

    Returns:
        A tensor of the shape `shape`.

    Example:
        >>> from kelbo import ops
        >>> ops.random.uniform_open((2, 3), seed=1).shape
        (2, 3)
    """
    dtype = dtype or keras.config.floatx()
    uniform = keras.random.uniform(shape, dtype=dtype, seed=seed)
    epsilon = 2.0**-52 if dtype == "float64" else 2.0**-23
    return ops.maximum(uniform, ops.cast(0.25 * epsilon, uniform.dtype))


def exponential(shape: Sequence[int], dtype: str | None = None, seed: Any = None) -> Any:
    """Draws from the standard exponential distribution, -log U: positive and finite.

    Args:
        shape: The shape of the result.
        dtype: Floating dtype; None is Keras' `floatx`.
        seed: See the module.

    Returns:
        A tensor of the shape `shape`.

    Example:
        >>> from kelbo import ops
        >>> ops.random.exponential((2, 3), seed=1).shape
        (2, 3)
    """
    return -ops.log(uniform_open(shape, dtype, seed))


def gumbel(shape: Sequence[int], dtype: str | None = None, seed: Any = None) -> Any:
    """Draws from the standard Gumbel distribution, -log(-log U): finite.

    Args:
        shape: The shape of the result.
        dtype: Floating dtype; None is Keras' `floatx`.
        seed: See the module.

    Returns:
        A tensor of the shape `shape`.

    Example:
        >>> from kelbo import ops
        >>> ops.random.gumbel((2, 3), seed=1).shape
        (2, 3)
    """
    return -ops.log(exponential(shape, dtype, seed))


def logistic(shape: Sequence[int], dtype: str | None = None, seed: Any = None) -> Any:
    """Draws from the standard logistic distribution, log(U / (1 - U)): finite.

    Args:
        shape: The shape of the result.
        dtype: Floating dtype; None is Keras' `floatx`.
        seed: See the module.

    Returns:
        A tensor of the shape `shape`.

    Example:
        >>> from kelbo import ops
        >>> ops.random.logistic((2, 3), seed=1).shape
        (2, 3)
    """
    uniform = uniform_open(shape, dtype, seed)
    return ops.log(uniform) - ops.log1p(-uniform)


def gamma(
    shape: Sequence[int], concentration: Any, dtype: str | None = None, seed: Any = None
) -> Any:
    r"""Draws from the standard gamma distribution, with pathwise gradients.

    The density is $x^{a - 1} e^{-x} / \Gamma(a)$. The derivative of a draw by its concentration is
    the implicit one, $dx / da = -(\partial F(x; a) / \partial a) / f(x; a)$: that of the quantile
    at a fixed probability (Figurnov et al., 2018, "Implicit reparameterization gradients"). On
    PyTorch it is good to three digits below a concentration of 200, as everywhere in PyTorch.

    A draw of a small concentration underflows to 0: `log_gamma` does not.

    Args:
        shape: The shape of the result.
        concentration: $a > 0$, broadcast to `shape`.
        dtype: Floating dtype; None takes that of `concentration`.
        seed: See the module.

    Returns:
        A tensor of the shape `shape`.

    Example:
        >>> from kelbo import ops
        >>> ops.random.gamma((2, 3), 2.5, seed=1).shape
        (2, 3)
    """
    (concentration,) = _parameters(shape, dtype, concentration)
    return _gamma(_words(seed), concentration)


def log_gamma(
    shape: Sequence[int], concentration: Any, dtype: str | None = None, seed: Any = None
) -> Any:
    r"""Logarithms of draws from the standard gamma distribution, with pathwise gradients.

    Below a concentration of 1 they are $\log G(a + 1) + \log(U) / a$, which does not underflow: for
    a Beta, Dirichlet or StudentT of small concentration. The gradient is the implicit one: see
    `gamma`. The same seed gives the same draw as there.

    Args:
        shape: The shape of the result.
        concentration: $a > 0$, broadcast to `shape`.
        dtype: Floating dtype; None takes that of `concentration`.
        seed: See the module.

    Returns:
        A tensor of the shape `shape`.

    Example:
        >>> from kelbo import ops
        >>> bool(ops.all(ops.isfinite(ops.random.log_gamma((100,), 1e-6, seed=1))))
        True
    """
    (concentration,) = _parameters(shape, dtype, concentration)
    return _log_gamma(_words(seed), concentration)


def _boosted(words, concentration):
    """Draws G and -log U, with the truth of a < 1: there G U^(1 / a) is Gamma(a)."""
    below_one = concentration < 1.0
    drawn = backend.gamma_above_one(
        words, ops.where(below_one, concentration + 1.0, concentration)
    )
    dtype = keras.backend.standardize_dtype(drawn.dtype)
    # Another seed than that of the rejection sampler, which begins with the same two words.
    return below_one, drawn, exponential(ops.shape(drawn), dtype, _Words(words))


class _Words(keras.random.SeedGenerator):
    """The second seed that is made of two words, for functions of Keras."""

    def __init__(self, words: Any) -> None:
        self._words = words

    def next(self, ordered: bool = True) -> Any:
        return ops.flip(self._words, 0)
