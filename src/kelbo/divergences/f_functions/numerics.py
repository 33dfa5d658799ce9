"""Functions of log u that neither overflow nor cancel where their values do not."""

from collections.abc import Callable
from typing import Any

from kelbo import ops
from kelbo.typing import Tensor


def log_mean_with_one(log_u: Tensor) -> Tensor:
    r"""$\log\big((1 + u) / 2\big)$, also for a $u$ close to 1 or too large to be held.

    Args:
        log_u: A tensor.

    Returns:
        A tensor of its shape.

    Example:
        >>> from kelbo.divergences.f_functions.numerics import log_mean_with_one
        >>> float(log_mean_with_one(0.0))
        0.0
    """
    # The smaller of log u and 0 is a difference: at 0 their slopes have to add up to 1.
    larger = ops.maximum(log_u, 0.0)
    return larger + ops.log1p(0.5 * ops.expm1(log_u - 2.0 * larger))


def u_times(log_u: Tensor, factor: Tensor) -> Tensor:
    """The product of u and a factor, 0 where u is 0 and the factor infinite.

    Args:
        log_u: A tensor.
        factor: A tensor of its shape.

    Returns:
        A tensor of its shape.

    Example:
        >>> from kelbo.divergences.f_functions.numerics import u_times
        >>> float(u_times(-float("inf"), -float("inf")))
        0.0
    """
    return ops.exp(log_u) * ops.where(log_u == -float("inf"), 0.0, factor)


def power_minus_one(power: float, log_u: Tensor) -> Tensor:
    r"""$(u^a - 1) / a$, and its limit $\log u$ for the power 0.

    Args:
        power: $a$.
        log_u: A tensor.

    Returns:
        A tensor of its shape.

    Example:
        >>> from kelbo.divergences.f_functions.numerics import power_minus_one
        >>> float(power_minus_one(0.0, 3.0))
        3.0
    """
    log_u = ops.convert_to_tensor(log_u)
    return log_u if power == 0 else ops.expm1(power * log_u) / power


def within(
    t: Tensor, is_within: Tensor, function: Callable[[Any], Any], safe: float, other: Any
) -> Tensor:
    """A function where it is defined, with gradients that know nothing of it elsewhere.

    Args:
        t: A tensor.
        is_within: Where the function is defined.
        function: Of a tensor.
        safe: A number at which it is defined.
        other: What is returned where it is not.

    Returns:
        A tensor of the shape of `t`.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.divergences.f_functions.numerics import within
        >>> t = ops.convert_to_tensor(-1.0)
        >>> float(within(t, t > 0, ops.log, 1.0, -2.0))
        -2.0
    """
    return ops.where(is_within, function(ops.where(is_within, t, safe)), other)
