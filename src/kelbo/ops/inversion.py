"""Quantiles of distribution functions that have no closed inverse."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kelbo.ops.floats import together


def invert_monotone(
    function: Callable,
    target: Any,
    low: Any,
    high: Any,
    derivative: Callable | None = None,
    steps: int | None = None,
) -> Any:
    """Solve function(x) = target for x in [low, high], by bisection in a compiled loop.

    With `derivative` a Newton step follows, and the solution has its gradients by the implicit
    function theorem, dx = (d target - d function) / derivative: by the target and by whatever else
    `function` reads, so far as `function` can be differentiated by it. Without, it has none.

    Bisection halves the interval: where x spans many orders of magnitude, invert in log x.

    Args:
        function: Takes a tensor of the shape of the solution, and returns one; increasing, or
            decreasing, elementwise.
        target: The values: a tensor.
        low: Lower ends of the brackets: finite, broadcast against `target`.
        high: Upper ends of the brackets: finite, broadcast against `target`.
        derivative: The derivative of `function`.
        steps: How often the bracket is halved; None is 32 in float32 and 64 in float64.

    Returns:
        A tensor of the broadcast shape; at `low` or `high` where the target is outside of the
        function's values there.

    Example:
        >>> from kelbo import ops
        >>> x = ops.invert_monotone(ops.tanh, 0.5, 0.0, 2.0)
        >>> round(float(x), 4)  # log(3) / 2
        0.5493
    """
    target, low, high = together(target, low, high)
    low, high = ops.stop_gradient(low), ops.stop_gradient(high)
    fixed = ops.stop_gradient(target)
    rising = ops.stop_gradient(function(low) <= function(high))
    if steps is None:
        steps = 64 if "64" in keras.backend.standardize_dtype(target.dtype) else 32

    def halve(_, bracket):
        low, high = bracket
        middle = 0.5 * low + 0.5 * high
        above = ops.equal(ops.stop_gradient(function(middle)) < fixed, rising)
        return ops.where(above, middle, low), ops.where(above, high, middle)

    low_end, high_end = ops.fori_loop(0, steps, halve, (low, high))
    solution = ops.stop_gradient(0.5 * low_end + 0.5 * high_end)
    if derivative is None:
        return solution
    slope = ops.stop_gradient(derivative(solution))
    usable = ops.isfinite(slope) & (slope != 0.0)
    step = (target - function(solution)) / ops.where(usable, slope, 1.0)
    improved = solution + ops.where(usable, step, 0.0)
    # Where Newton's step leaves the bracket, it gives the gradient and not the value.
    inside = (improved >= low) & (improved <= high)
    return ops.where(inside, improved, solution + improved - ops.stop_gradient(improved))
