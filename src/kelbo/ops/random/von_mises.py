"""Draws of the von Mises distribution about 0."""

import math
from typing import Any

import keras

from kelbo.ops import elementary as ops
from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.seeds import SeedSequence
from kelbo.ops.special.von_mises import slope_of_tail
from kelbo.typing import Tensor


def _draw(seed, concentration):
    """The rejection of D. J. Best and N. I. Fisher (1979), for the whole array at a time.

    An angle is proposed by the tangent of its half, in a wrapped Cauchy distribution. So written no
    number cancels, and no concentration is special: 0 proposes uniform angles and accepts them.
    The Cauchy number is the ratio of the coordinates of a point in half a disc (G. Marsaglia,
    1972), whose squared distance from the middle is uniform and independent of it: so two numbers
    serve for the proposal and for its acceptance, whose probability is at most 1.
    """
    shape = ops.shape(concentration)
    dtype = keras.backend.standardize_dtype(concentration.dtype)
    twice = 2.0 * concentration
    share = twice / (1.0 + twice)
    root = (1.0 + twice) * ops.sqrt(ops.square(1.0 - share) + ops.square(share))
    spread = 1.0 / (root + twice)
    lowest = 0.5 * (1.0 + spread)
    slope = ops.sqrt(spread)

    def propose(turn, accepted, tangent):
        seeds = SeedSequence(seed).fold_in(turn)
        x = 2.0 * keras.random.uniform(shape, dtype=dtype, seed=seeds) - 1.0
        y = 1.0 - keras.random.uniform(shape, dtype=dtype, seed=seeds)  # above 0
        proposed = slope * (x / y)
        squared = ops.square(proposed)
        c = lowest + twice * (squared / (1.0 + squared))
        accept = ops.square(x) + ops.square(y) < c * ops.exp(1.0 - c)
        tangent = ops.where(accepted, tangent, proposed)
        return turn + 1, ops.logical_or(accepted, accept), tangent

    # NaN is never accepted: it must not be waited for. Not `not k >= 0`, of which TensorFlow's
    # graphs make `k < 0`.
    hopeless = ops.logical_or(ops.isnan(concentration), concentration < 0)
    start = (ops.zeros((), dtype="int32"), hopeless, ops.full_like(concentration, math.nan))
    return 2.0 * ops.arctan(
        ops.while_loop(lambda turn, accepted, tangent: ~ops.all(accepted), propose, start)[2]
    )


_draws = with_derivatives(
    _draw, [None, lambda seed, k, angle: ops.sign(angle) * slope_of_tail(k, ops.abs(angle))]
)


def draws(shape: tuple, concentration: Tensor, seed: Any) -> Tensor:
    r"""Angles about 0, with implicit gradients by the concentration.

    Args:
        shape: The shape of the result.
        concentration: $\kappa$, a tensor, broadcast to it.
        seed: See `ops.random`.

    Returns:
        A tensor of numbers in $[-\pi, \pi]$.
    """
    word = keras.random.randint((), 0, 2**31 - 1, dtype="int32", seed=seed)
    return _draws(word, ops.broadcast_to(concentration, shape))
