"""Draws of the von Mises-Fisher distribution: angles to the mean direction, and directions."""

import functools
import math
from collections.abc import Callable
from typing import Any

import keras

from kelbo.ops import elementary as ops
from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.random.draws import log_gamma, uniform_open
from kelbo.ops.seeds import SeedSequence
from kelbo.ops.series import log1p_minus
from kelbo.ops.special.bessel_orders import ratio_complement
from kelbo.ops.special.quadrature import integrate, nats
from kelbo.typing import Tensor

# Steps of a bisection among the 2^(k / 4), k = 0, 1, ..., 255.
_BISECTIONS = 8
_TINY = 1e-30


def _draw(others: int, seed: Any, concentration: Tensor) -> Tensor:
    """Ulrich's rejection of angles, as Wood (1994) corrected it, for the whole array at a time.

    The squared tangent of half the angle is proposed as b times a ratio of two Gamma variables.
    The logarithm of the share that is kept is `others` times y + log(1 - y), at most 0: so written
    nothing cancels, and no concentration is special.
    """
    shape = ops.shape(concentration)
    dtype = keras.backend.standardize_dtype(concentration.dtype)
    relative = 2.0 * concentration / others
    larger = ops.maximum(relative, 1.0)
    root = larger * ops.sqrt(ops.square(relative / larger) + ops.square(1.0 / larger))
    b = 1.0 / (relative + root)

    def propose(turn, accepted, angle):
        seeds = SeedSequence(seed).fold_in(turn)
        logs = log_gamma((2, *shape), 0.5 * others, dtype=dtype, seed=seeds)
        odds = ops.exp(logs[0] - logs[1])
        y = 0.5 * (1.0 - b) * (1.0 - odds) / (1.0 + b * odds)
        log_uniform = ops.log(uniform_open(shape, dtype=dtype, seed=seeds))
        kept = log_uniform < others * log1p_minus(-y)
        angle = ops.where(accepted, angle, 2.0 * ops.arctan(ops.sqrt(b * odds)))
        return turn + 1, ops.logical_or(accepted, kept), angle

    # NaN is never accepted: it must not be waited for. Not `not k >= 0`, of which TensorFlow's
    # graphs make `k < 0`.
    hopeless = ops.logical_or(ops.isnan(concentration), concentration < 0)
    start = (ops.zeros((), dtype="int32"), hopeless, ops.full_like(concentration, math.nan))
    return ops.while_loop(lambda turn, accepted, angle: ~ops.all(accepted), propose, start)[2]


def _slope(others: int, concentration: Tensor, angle: Tensor) -> Tensor:
    r"""The derivative of a draw by the concentration, at a fixed probability.

    With the density $f(\theta) \propto e^{\kappa \cos\theta} \sin^{d-2}\theta$ it is
    $\int_\theta^\pi (\cos u - A) f(u) / f(\theta)\, du$, or minus that from 0 to $\theta$, where A
    is the mean of the cosine: on the side of the angle where the density falls.
    """
    power = float(others - 1)
    rest = ratio_complement(concentration, 0.5 * power)
    sine = ops.maximum(ops.sin(angle), _TINY)
    upward = ops.cos(angle) <= _cosine_of_mode(concentration, power)
    sign = ops.where(upward, ops.ones_like(angle), -ops.ones_like(angle))
    whole = ops.where(upward, ops.maximum(math.pi - angle, 0.0), angle)

    def fall(step):
        """By how much the log density at this distance is below that at the angle."""
        u = angle + sign * step
        by_cosine = 2.0 * concentration * ops.sin(0.5 * (u + angle)) * ops.sin(0.5 * sign * step)
        return by_cosine - power * ops.log(ops.maximum(ops.sin(u), _TINY) / sine)

    # The shortest span of these beyond which all is lost in rounding.
    limit = nats(angle)

    def halve(_, ends):
        low, high = ends
        middle = ops.floor(0.5 * (low + high))
        enough = fall(whole * 2.0 ** (-0.25 * middle)) <= limit
        return ops.where(enough, low, middle + 1.0), ops.where(enough, middle, high)

    start = (ops.zeros_like(angle), ops.full_like(angle, 2.0**_BISECTIONS - 1.0))
    short = ops.fori_loop(0, _BISECTIONS, halve, start)[1]
    span = whole * 2.0 ** (-0.25 * ops.maximum(short - 1.0, 0.0))

    def integrand(y):
        step = y * span
        u = angle + sign * step
        return (rest - 2.0 * ops.square(ops.sin(0.5 * u))) * ops.exp(-fall(step))

    return sign * span * integrate(integrand, angle)


def _cosine_of_mode(concentration, power):
    """The cosine of the angle whose density is largest."""
    if not power:
        return ops.ones_like(concentration)
    larger = ops.maximum(2.0 * concentration, power)
    cosine, other = 2.0 * concentration / larger, power / larger
    return cosine / (other + ops.sqrt(ops.square(cosine) + ops.square(other)))


@functools.cache
def _draws_among(others: int) -> Callable:
    return with_derivatives(
        lambda seed, k: _draw(others, seed, k),
        [None, lambda seed, k, angle: _slope(others, k, angle)],
    )


def angles(shape: tuple, concentration: Tensor, dimension: int, seed: Any) -> Tensor:
    r"""Angles between draws and the mean direction, with implicit gradients by the concentration.

    Args:
        shape: The shape of the result.
        concentration: $\kappa \ge 0$, a tensor, broadcast to it.
        dimension: $d$, at least 2.
        seed: See `ops.random`.

    Returns:
        A tensor of numbers in $[0, \pi]$.
    """
    word = keras.random.randint((), 0, 2**31 - 1, dtype="int32", seed=seed)
    return _draws_among(dimension - 1)(word, ops.broadcast_to(concentration, shape))


def uniform_directions(shape: tuple, dtype: str, seed: Any) -> Tensor:
    """Draws from the uniform distribution on the unit sphere.

    Args:
        shape: The shape of the result, which ends in the dimension.
        dtype: A floating dtype.
        seed: See `ops.random`.

    Returns:
        A tensor of vectors of length 1.
    """
    noise = keras.random.normal(shape, dtype=dtype, seed=seed)
    squared = ops.sum(ops.square(noise), axis=-1, keepdims=True)
    # Once in an age all entries are 0: any direction is as good as another.
    noise = ops.where(squared > 0, noise, ops.ones_like(noise))
    squared = ops.where(squared > 0, squared, ops.full_like(squared, shape[-1]))
    return noise / ops.sqrt(squared)


def turned(direction: Tensor, along: Tensor, across: Tensor) -> Tensor:
    """The vectors whose first axis lies along a direction, in the axes of that direction.

    By the reflection at the plane between the direction and the first axis, or the one that is
    opposite to it: of the two the one that does not divide by a small number.

    Args:
        direction: Vectors of length 1, of shape (..., d).
        along: The part along the direction, of shape (..., 1).
        across: The part across, of shape (..., d - 1).

    Returns:
        A tensor of shape (..., d).
    """
    first, others = direction[..., :1], direction[..., 1:]
    backward = first < 0
    across = ops.where(backward, across, -across)
    product = ops.sum(others * across, axis=-1, keepdims=True)
    share = along - product / (1.0 + ops.abs(first))
    on_first = first * along + ops.where(backward, product, -product)
    return ops.concatenate([on_first, share * others + across], axis=-1)
