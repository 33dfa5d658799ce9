"""Numerical inverse of maps whose entries can be found one after another."""

from collections.abc import Callable
from typing import Any

from keras.backend import standardize_dtype

from kelbo import ops
from kelbo.ops.autodiff.derivatives import with_derivatives_up_to
from kelbo.typing import ArrayLike, Tensor

# Halvings of the bracket; one step of Newton's method doubles the digits that they find.
_HALVINGS = {"float32": 20, "float64": 40}
# The first makes first derivatives exact, and each one more doubles their order and adds 1.
_NEWTON_STEPS = 2
_EXACT_ORDER = 2**_NEWTON_STEPS - 1
_BEYOND = (
    "The inverse of a bijector that is solved numerically has derivatives up to the third order "
    "only, and a fourth one was asked for: use the direction that has a closed form (`invert=True` "
    "turns a flow around)."
)


def solve_monotone_system(
    function: Callable[[Any], tuple[Any, Any]],
    y: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    last_first: bool = False,
) -> Tensor:
    r"""The x with $f(x) = y$, where entry i of f depends on the entries of x up to i.

    And increases in entry i itself. Each entry is found by bisection, those before it being known,
    and polished by two steps of Newton's method, through which derivatives are exact up to the
    third order (each step doubles the order up to which an error of x is gone). A fourth derivative
    is refused: NotImplementedError.

    **Cost.** For D entries the function is called 22 D times in float32, 42 D times in float64, in
    a compiled loop.

    Args:
        function: From x, of shape (..., D), to the values and the derivatives of each by its own
            entry, both of that shape.
        y: Values of shape (..., D), of the full batch.
        low: Below the entries of x, of the shape of y.
        high: Above them.
        last_first: Whether entry i depends on the entries from i on instead.

    Returns:
        A tensor of the shape of y.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.bijectors.monotone_system import solve_monotone_system
        >>> y = ops.convert_to_tensor([[8.0, 27.0]])
        >>> root = solve_monotone_system(lambda x: (x**3, 3 * x**2), y, 0.0 * y, y)
        >>> ops.round(root, 4)
        [[2., 3.]]
    """
    size = y.shape[-1]
    places = ops.arange(size, dtype="int32")
    halvings = _HALVINGS[standardize_dtype(y.dtype)]
    low, high, goal = (ops.stop_gradient(bound) for bound in (low, high, y))

    def solve_entry(x, place):
        here = ops.equal(places, place)
        known = ops.stop_gradient(x)

        def halve(_, bracket):
            below, above = bracket
            middle = 0.5 * (below + above)
            value = ops.stop_gradient(function(ops.where(here, middle, known))[0])
            is_below = value < goal
            return ops.where(is_below, middle, below), ops.where(is_below, above, middle)

        below, above = ops.fori_loop(0, halvings, halve, (low, high))
        middle = ops.stop_gradient(0.5 * (below + above))
        root = middle
        for _ in range(_NEWTON_STEPS):
            value, slope = function(ops.where(here, root, x))
            # Nothing of the other entries, which may not be found yet.
            root = root - ops.where(here, value - y, 0.0) / ops.where(here, slope, 1.0)
        return ops.where(here, root, x), None

    order = ops.flip(places, axis=0) if last_first else places
    if size == 1:
        x = solve_entry(ops.zeros_like(y), order[0])[0]
    else:
        x = ops.scan(solve_entry, ops.zeros_like(y), order)[0]
    return with_derivatives_up_to(_EXACT_ORDER, x, _BEYOND)


def vector_times_matrix(x: ArrayLike, matrix: ArrayLike) -> Tensor:
    """The product of each vector with its matrix; a matrix without a batch serves all.

    Args:
        x: A tensor of shape (..., d).
        matrix: A tensor of shape (..., d, k).

    Returns:
        A tensor of shape (..., k).

    Example:
        >>> from kelbo import ops
        >>> from kelbo.bijectors.monotone_system import vector_times_matrix
        >>> vector_times_matrix(ops.ones((5, 2)), ops.ones((5, 2, 3))).shape
        (5, 3)
    """
    if len(matrix.shape) == 2:
        return ops.matmul(x, matrix)
    return ops.matmul(x[..., None, :], matrix)[..., 0, :]
