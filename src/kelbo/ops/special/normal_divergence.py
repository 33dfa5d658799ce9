"""The divergence of two normal distributions."""

from kelbo.ops import elementary as ops
from kelbo.ops.special.bregman import excess
from kelbo.ops.special.ratio import ratio
from kelbo.typing import Tensor


def normal_divergence(distance: Tensor, scale: Tensor, other_scale: Tensor) -> Tensor:
    """The divergence of two normal distributions, as a sum of terms that are not negative.

    Args:
        distance: The mean of the first less that of the second.
        scale: Standard deviation of the first.
        other_scale: That of the second.

    Returns:
        A tensor of the broadcast shape.
    """
    # With t = 1 + c the ratio of the scales, (t² - 1) / 2 - log t is c² / 2 and t - 1 - log t.
    change = ratio(scale - other_scale, other_scale)
    squares = ops.square(change) + ops.square(ratio(distance, other_scale))
    return 0.5 * squares + excess(change, ratio(scale, other_scale))
