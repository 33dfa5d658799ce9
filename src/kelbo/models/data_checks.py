"""Refuse data that a model cannot score, before a fit begins."""

from typing import Any

import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.latent.supports import has_fixed_ends
from kelbo.parameters import constraints
from kelbo.parameters.constraints import Interval
from kelbo.violations import find_violations

# A Bernoulli scores all between 0 and 1 too, by the binary cross-entropy.
_SCORED = {constraints.boolean: constraints.unit_interval}


def require_finite(
    owner: str, name: str, values: Any, dtype: str = "float64", observed: np.ndarray | None = None
) -> None:
    """Refuses NaN, infinite values, and those that would be infinite in the type of the model.

    Args:
        owner: Whose data they are, for the error.
        name: Name of the argument.
        values: An array of shape (n, ...).
        dtype: The floating-point type that the model computes in.
        observed: Booleans of the shape of `values`: those that are not observed are not looked at.

    Raises:
        ValueError: Some are not finite, or too large: how many, and where the first of them are.

    Example:
        >>> import numpy as np
        >>> from kelbo.models.data_checks import require_finite
        >>> require_finite("VAE", "x", np.zeros((3, 2)))
    """
    values = ops.convert_to_numpy(values)
    if values.dtype.kind in "biu":
        return
    limit = float(np.finfo(dtype).max) if values.dtype == "float64" else np.inf
    where = {} if observed is None else {"where": observed}
    with np.errstate(all="ignore"):
        total = np.sum(values, **where) if limit == np.inf else np.sum(np.abs(values), **where)
    if total <= limit and total > -np.inf:  # quick, and there is nothing to look for
        return
    count, first = find_violations(values, np.isfinite, observed)
    if count:
        raise ValueError(
            f"{owner}: {count} of the {values.size} values of {name} are NaN or infinite (first: "
            f"{_shown(values, first)}); remove these rows, or fill the values in."
        )
    count, first = find_violations(values, lambda rows: np.abs(rows) <= limit, observed)
    if count:
        raise ValueError(
            f"{owner}: {count} of the {values.size} values of {name} are too large for {dtype}, "
            f"which ends at {limit:.3g} (first: {_shown(values, first)}); rescale them, or compute "
            'in float64 (dtype="float64" in the layers).'
        )


def require_support(
    owner: str,
    name: str,
    values: Any,
    distribution: Distribution,
    of: str,
    observed: np.ndarray | None = None,
) -> None:
    """Refuses values at which a distribution has no density.

    Args:
        owner: Whose data they are, for the error.
        name: Name of the argument.
        values: An array of shape (n, *event shape), of finite numbers.
        distribution: One whose support the values must lie in.
        of: What the distribution is called, for the error.
        observed: Booleans of the shape of `values`: those that are not observed are not looked at,
            nor vectors or matrices of which an entry is not.

    Raises:
        ValueError: Some lie outside, or at an end where the density is 0 or infinite: how many,
            where the first of them are, and what to do.

    Example:
        >>> import numpy as np
        >>> from kelbo.distributions import Poisson
        >>> from kelbo.models.data_checks import require_support
        >>> counts = np.array([0.0, 3.0])
        >>> require_support("ConditionalDensity", "y", counts, Poisson(1.0), "Poisson")
    """
    support = _SCORED.get(distribution.support, distribution.support)
    regular = distribution.regular_support
    everywhere = support in (constraints.real, constraints.real_vector, constraints.real_matrix)
    if everywhere or not has_fixed_ends(support):
        return
    values = ops.convert_to_numpy(values)

    kind = {0: "values", 1: "vectors", 2: "matrices"}.get(support.event_rank, "values")
    count, first = _outside(values, support, distribution.dtype, observed)
    if not count:
        if regular is distribution.support:
            return
        count, first = _outside(values, regular, distribution.dtype, observed)
        if not count:
            return
        raise ValueError(
            f"{owner}: {count} {kind} of {name} lie at an end of what {of} takes, where its "
            "density is 0 or infinite for almost all parameters: each must be "
            f"{regular.rule} (first: {_shown(values, first)}). Move them inwards, or take a "
            "distribution that has a finite density, or mass, there."
        )
    seen = values if observed is None else values[observed]
    raise ValueError(
        f"{owner}: {count} {kind} of {name} lie outside of what {of} takes, {support.rule} (first: "
        f"{_shown(values, first)}; all of {name} reaches from {seen.min():g} to "
        f"{seen.max():g}). {_advice(seen, support)}"
    )


def _outside(values, support, dtype, observed):
    """How many values are not in a set, and where the first of them are."""

    def inside(rows):
        with np.errstate(over="ignore"):
            floats = rows.astype(dtype, copy=False)
        return ops.convert_to_numpy(support.contains(floats))

    # An interval holds all where it holds the least and the largest.
    is_interval = isinstance(support, Interval) and not support.is_discrete
    if is_interval and observed is None and inside(np.stack([values.min(), values.max()])).all():
        return 0, []
    if observed is not None and support.event_rank:
        observed = observed.all(axis=tuple(range(-support.event_rank, 0)))
    return find_violations(values, inside, observed)


def _shown(values, positions):
    def of(position):
        value = values[position]
        return f"{value:g}" if np.ndim(value) == 0 else np.array2string(value, threshold=6)

    return ", ".join(f"{of(p)} at [{', '.join(map(str, p))}]" for p in positions)


def _advice(values, support):
    low, high = (getattr(support, end, None) for end in ("low", "high"))
    if low == 0 and high == 1 and values.min() >= 0.0 and 1.0 < values.max() <= 255.0:
        return "If these are pixels, divide them by 255."
    if support.is_discrete:
        return "Round or count them anew, or take a distribution over such values."
    return "Rescale them, or take a distribution over such values."
