"""How an unconstrained output becomes a scale."""

import math
from typing import Any

from kelbo import ops

FORMS = ("softplus", "log_variance", "log_scale")
_DEFAULT_MINIMUM = {"softplus": 1e-3, "log_variance": 0.0, "log_scale": 0.0}


def floor_of(form: str, minimum: float | None) -> float:
    """The floor of the scale: what was given, or 1e-3 for softplus and 0 for the exponentials.

    Args:
        form: One of `FORMS`.
        minimum: What was given; None for the default.

    Returns:
        The floor.

    Raises:
        ValueError: `form` is not one of `FORMS`, or the floor is negative.

    Example:
        >>> from kelbo.layers.scale import floor_of
        >>> floor_of("softplus", None)
        0.001
    """
    if form not in FORMS:
        raise ValueError(f"scale must be one of {', '.join(FORMS)}; got {form!r}.")
    if minimum is None:
        return _DEFAULT_MINIMUM[form]
    if not 0 <= minimum < math.inf:
        raise ValueError(f"minimum_scale must be a finite number of at least 0; got {minimum!r}.")
    return float(minimum)


def positive(raw: Any, form: str, minimum: float) -> Any:
    r"""A scale $> 0$ from an unconstrained number $r$.

    softplus: $m + \log(1 + e^r)$; log_variance: $m + e^{r / 2}$; log_scale: $m + e^r$.

    Args:
        raw: The number $r$, a tensor.
        form: One of `FORMS`.
        minimum: The floor $m$.

    Returns:
        A tensor of the shape of `raw`.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.layers.scale import positive
        >>> float(positive(ops.zeros(()), "log_scale", 0.5))
        1.5
    """
    if form == "softplus":
        scale = ops.softplus(raw)
    else:
        scale = ops.exp(0.5 * raw if form == "log_variance" else raw)
    return scale + minimum if minimum else scale
