"""How an unconstrained output becomes a scale."""

from typing import Any

from kelbo import ops

FORMS = ("softplus", "log_variance", "log_scale")
_DEFAULT_MINIMUM = {"softplus": 1e-3, "log_variance": 0.0, "log_scale": 0.0}


def default_minimum(form: str) -> float:
    """The floor of the scale where none is given: 1e-3 for softplus, 0 for the exponentials.

    Raises:
        ValueError: `form` is not one of `FORMS`.
    """
    if form not in FORMS:
        raise ValueError(f"scale must be one of {', '.join(FORMS)}; got {form!r}.")
    return _DEFAULT_MINIMUM[form]


def positive(raw: Any, form: str, minimum: float) -> Any:
    r"""A scale $> 0$ from an unconstrained number $r$.

    softplus: $m + \log(1 + e^r)$; log_variance: $m + e^{r / 2}$; log_scale: $m + e^r$.
    """
    if form == "softplus":
        scale = ops.softplus(raw)
    else:
        scale = ops.exp(0.5 * raw if form == "log_variance" else raw)
    return scale + minimum if minimum else scale
