"""The von Mises-Fisher distribution: what normalises it, and how far apart two of them are."""

import math
from typing import Any

from kelbo.ops import elementary as ops
from kelbo.ops.special.bessel_orders import log_normalized_bessel_ie, ratio_complement, ratio_slope
from kelbo.ops.special.bregman import bregman
from kelbo.typing import Tensor


def log_area(dimension: int) -> float:
    r"""The logarithm of the area of the unit sphere in d dimensions, $2 \pi^{d/2} / \Gamma(d/2)$.

    Args:
        dimension: $d$.

    Returns:
        A number.

    Example:
        >>> from kelbo.ops.special.von_mises_fisher import log_area
        >>> round(log_area(2), 4)  # log(2 pi)
        1.8379
    """
    half = 0.5 * dimension
    return math.log(2.0) + half * math.log(math.pi) - math.lgamma(half)


def concentration_divergence(q: Any, p: Any, order: float) -> Tensor:
    """The divergence of two of these distributions that have one mean direction.

    Args:
        q: The concentration of the first, a tensor.
        p: That of the second.
        order: Half the dimension, less 1.

    Returns:
        A tensor of the broadcast shape, at least 0.
    """
    near = ops.abs(p - q) <= ops.maximum(0.5 * ops.maximum(p, q), 2.0 + order)
    normalizers = [log_normalized_bessel_ie(k, order=order) for k in (q, p)]
    return bregman(
        lambda x, step: step * (step * ratio_slope(x, order)),
        q,
        p,
        near=near,
        far=(normalizers[1] - normalizers[0]) + (p - q) * ratio_complement(q, order),
    )
