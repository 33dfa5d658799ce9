"""Inverses of monotone functions that have no closed one, as quantiles are of distributions."""

from collections.abc import Callable

import keras
from keras import ops

from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.backends import backend
from kelbo.ops.floats import together


def invert_monotone(
    function: Callable, logarithm: Callable | None = None, steps: int | None = None
) -> Callable:
    r"""The inverse of an elementwise monotone function, by bisection in a compiled loop.

    Its derivatives are those of the implicit function theorem, of any order so far as `function`
    has them: from $f(x, \theta) = t$ follow $\partial x / \partial t = 1 / f'$ and
    $\partial x / \partial \theta = -(\partial f / \partial \theta) / f'$, with $f'$ the derivative
    by x. They are 0 where the target is outside of what the function takes on in the bracket, and
    none goes to the bracket.

    Bisection halves the interval: where x spans many orders of magnitude, invert in log x. Where
    the values do, as the mass in a tail, its logarithm is differentiated in its place: so neither
    $f'$ nor a cotangent divided by it is out of range.

    Args:
        function: Takes a tensor x and parameters of its shape, and returns a tensor of the shape;
            increasing, or decreasing, in x. It reads nothing else that is differentiated. Best made
            once, in a module: on JAX what is made of it is compiled.
        logarithm: That of `function`, where its values are positive and may be tiny.
        steps: How often the bracket is halved; None is 32 in float32 and 64 in float64.

    Returns:
        A function of (target, low, high, *parameters), tensors or numbers that broadcast; `low` and
        `high` are the ends of the brackets, finite. It returns x, of the broadcast shape; `low` or
        `high` where the target is outside of the function's values there.

    Example:
        >>> from kelbo import ops
        >>> cube_root = ops.invert_monotone(lambda x: x**3)
        >>> round(float(cube_root(8.0, 0.0, 5.0)), 4)
        2.0
    """

    def solve(target, low, high, *parameters):
        rising = function(low, *parameters) <= function(high, *parameters)

        def halve(_, bracket):
            low, high = bracket
            middle = 0.5 * low + 0.5 * high
            above = ops.equal(function(middle, *parameters) < target, rising)
            return ops.where(above, middle, low), ops.where(above, high, middle)

        halvings = steps
        if halvings is None:
            halvings = 64 if "64" in keras.backend.standardize_dtype(target.dtype) else 32
        low, high = ops.fori_loop(0, halvings, halve, (low, high))
        return ops.where(ops.isnan(target), target, 0.5 * low + 0.5 * high)

    def solved(target, low, high, *rest):
        """Where the target is inside of the bracket; there x, and elsewhere the middle."""
        *parameters, x = rest
        first, last = (function(end, *parameters) for end in (low, high))
        within = ops.equal(first < target, target < last)
        return within, ops.where(within, x, 0.5 * low + 0.5 * high), parameters

    differentiable = logarithm or function

    def inverse_slope(within, x, parameters):
        value, slope = backend.values_and_gradients(lambda x: differentiable(x, *parameters), x)
        usable = within & ops.isfinite(slope) & (slope != 0.0)
        return value, ops.where(usable, 1.0 / ops.where(usable, slope, 1.0), 0.0)

    def by_target(*args):
        value, inverse = inverse_slope(*solved(*args))
        return inverse * ops.exp(-value) if logarithm else inverse

    def by_parameter(index):
        def rule(*args):
            within, x, parameters = solved(*args)

            def of_one(parameter):
                return differentiable(x, *parameters[:index], parameter, *parameters[index + 1 :])

            _, change = backend.values_and_gradients(of_one, parameters[index])
            return -change * inverse_slope(within, x, parameters)[1]

        return rule

    inverses = {}

    def inverse(target, low, high, *parameters):
        count = len(parameters)
        if count not in inverses:
            rules = [by_target, None, None, *map(by_parameter, range(count))]
            inverses[count] = with_derivatives(solve, rules)
        target, low, high, *parameters = together(target, low, high, *parameters)
        ends = ops.stop_gradient(low), ops.stop_gradient(high)
        return inverses[count](target, *ends, *parameters)

    return inverse
