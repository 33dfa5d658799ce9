"""The ratio of a parameter of two distributions, exact where the two are close."""

from typing import Any

from kelbo import ops
from kelbo.typing import ArrayLike, Tensor


def relative_change(q: Any, p: Any, name: str) -> Tensor:
    """The parameter of p over that of q, less 1.

    By the difference of the two numbers as they were given: of their logarithms, where one of
    them was given by its logarithm.

    Args:
        q: A distribution.
        p: Another one.
        name: The name of a positive parameter that both have; its logarithm is `log_` and the name.

    Returns:
        A tensor of the broadcast shape.
    """
    log_name = f"log_{name}"
    if log_name in q._given or log_name in p._given:
        logs = [
            getattr(d, log_name) if log_name in d._given else ops.log(getattr(d, name))
            for d in (p, q)
        ]
        return ops.expm1(logs[0] - logs[1])
    first, second = getattr(q, name), getattr(p, name)
    return ops.ratio(second - first, first)


def log_ratio(q: Any, p: Any, name: str) -> Tensor:
    """The logarithm of the parameter of p over that of q: see `relative_change`.

    Args:
        q: A distribution.
        p: Another one.
        name: The name of a positive parameter that both have.

    Returns:
        A tensor of the broadcast shape.
    """
    log_name = f"log_{name}"
    if log_name in q._given and log_name in p._given:
        return getattr(p, log_name) - getattr(q, log_name)
    return log_of_ratio(getattr(q, name), getattr(p, name))


def log_of_ratio(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The logarithm of y / x, exact where the two are close, and where they are far apart.

    Args:
        x: A positive tensor.
        y: A positive tensor.

    Returns:
        A tensor of the broadcast shape.
    """
    near = ops.abs(y - x) < 0.5 * x
    change = ops.ratio(ops.where(near, y - x, ops.zeros_like(y - x)), x)
    # By one logarithm each: the ratio may leave the dtype.
    return ops.where(near, ops.log1p(change), ops.log(y) - ops.log(x))
