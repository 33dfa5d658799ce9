"""Random draws that Keras lacks, or has without their gradients.

The `seed` of every function is an integer, a `keras.random.SeedGenerator`, a
`kelbo.ops.SeedSequence`, or None for Keras' global generator. The same seed gives the same draw
(on one backend); PyTorch's global generator is left alone. In compiled code on JAX a seed is
needed. `shape` is the shape of the result, to which the parameters are broadcast.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
from keras import ops

from kelbo.keras_internals import random_seed_dtype
from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.backends import backend
from kelbo.ops.floats import as_floats
from kelbo.ops.special.gamma_slope import gamma_slope, log_gamma_slope
from kelbo.typing import Tensor


def seeded_globally(seed: int) -> AbstractContextManager[None]:
    """A context in which draws without a seed of their own follow this one.

    Keras' `Dropout` makes such on PyTorch where it was given no seed. What PyTorch's global
    generator would draw next is what it was before; on the other backends there is nothing to do.

    Args:
        seed: An integer.

    Returns:
        A context manager.

    Example:
        >>> from kelbo import ops
        >>> with ops.random.seeded_globally(0):
        ...     pass
    """
    return backend.seeded_globally(seed)


def _parameters(shape, dtype, *values):
    values = as_floats(*values) if dtype is None else [_cast(x, dtype) for x in values]
    return [ops.broadcast_to(x, shape) for x in values]


def _cast(x, dtype):
    return backend.as_tensor(ops.convert_to_tensor(x, dtype=dtype))


def _words(seed):
    """The seed as four non-negative integers, whatever it is."""
    return keras.random.randint((4,), 0, 2**31 - 1, dtype="int32", seed=seed)


def uniform_open(shape: Sequence[int], dtype: str | None = None, seed: Any = None) -> Tensor:
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
    lowest = 0.25 * (2.0**-52 if dtype == "float64" else 2.0**-23)
    return ops.where(uniform > lowest, uniform, ops.cast(lowest, uniform.dtype))


def exponential(shape: Sequence[int], dtype: str | None = None, seed: Any = None) -> Tensor:
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


def gumbel(shape: Sequence[int], dtype: str | None = None, seed: Any = None) -> Tensor:
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


def logistic(shape: Sequence[int], dtype: str | None = None, seed: Any = None) -> Tensor:
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
    shape: Sequence[int], concentration: Tensor, dtype: str | None = None, seed: Any = None
) -> Tensor:
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
    shape: Sequence[int], concentration: Tensor, dtype: str | None = None, seed: Any = None
) -> Tensor:
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


class _FixedSeed(keras.random.SeedGenerator):
    """The seed that is given, for functions of Keras that ask for the next one."""

    def __init__(self, words: Any) -> None:
        # The parent's constructor would make a variable: left out on purpose.
        self._words = words

    def next(self, ordered: bool = True) -> Any:
        return ops.cast(self._words, random_seed_dtype())


def _boosted(words, concentration):
    """Draws G and log U, and the truth of a < 1: there G U^(1 / a) is a Gamma(a) draw."""
    small = concentration < 1.0
    drawn = backend.gamma_above_one(words[:2], ops.where(small, concentration + 1.0, concentration))
    dtype = keras.backend.standardize_dtype(drawn.dtype)
    return small, drawn, -exponential(ops.shape(drawn), dtype, _FixedSeed(words[2:]))


def _draw_gamma(words, concentration):
    small, drawn, log_uniform = _boosted(words, concentration)
    return ops.where(small, drawn * ops.exp(log_uniform / concentration), drawn)


def _draw_log_gamma(words, concentration):
    small, drawn, log_uniform = _boosted(words, concentration)
    return ops.log(drawn) + ops.where(small, log_uniform / concentration, 0.0)


_gamma = with_derivatives(_draw_gamma, [None, lambda words, a, x: gamma_slope(a, x)])
_log_gamma = with_derivatives(
    _draw_log_gamma, [None, lambda words, a, log_x: log_gamma_slope(a, log_x)]
)


def poisson(
    shape: Sequence[int], rate: Tensor, dtype: str | None = None, seed: Any = None
) -> Tensor:
    r"""Draws from the Poisson distribution: counts k of probability $r^k e^{-r} / k!$.

    Args:
        shape: The shape of the result.
        rate: $r \ge 0$, broadcast to `shape`.
        dtype: Floating dtype of the counts; None takes that of `rate`.
        seed: See the module.

    Returns:
        A tensor of the shape `shape`, without gradients.

    Example:
        >>> from kelbo import ops
        >>> ops.random.poisson((3,), 0.0, seed=1)
        [0., 0., 0.]
    """
    (rate,) = _parameters(shape, dtype, rate)
    return backend.poisson(_words(seed)[:2], ops.stop_gradient(rate))


def binomial(
    shape: Sequence[int], counts: Tensor, probs: Tensor, dtype: str | None = None, seed: Any = None
) -> Tensor:
    r"""Draws from the binomial distribution: successes among `counts` trials.

    Args:
        shape: The shape of the result.
        counts: The number of trials, whole and not negative, broadcast to `shape`.
        probs: The probability of a success, in [0, 1], broadcast to `shape`.
        dtype: Floating dtype of the draws; None takes that of `counts` and `probs`.
        seed: See the module.

    Returns:
        A tensor of the shape `shape`, without gradients.

    Example:
        >>> from kelbo import ops
        >>> ops.random.binomial((3,), 5, [0.0, 1.0, 1.0], seed=1)
        [0., 5., 5.]
    """
    counts, probs = _parameters(shape, dtype, counts, probs)
    return backend.binomial(_words(seed)[:2], ops.stop_gradient(counts), ops.stop_gradient(probs))
