"""The mean of a distribution, also where it has no closed form."""

from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution


def mean_or_estimate(distribution: Distribution, seed: Any, samples: int = 100) -> Any:
    """The mean of a distribution, from draws where it has no closed form (a flow has none).

    Args:
        distribution: The distribution.
        seed: Where the draws come from, if they are needed.
        samples: How many draws are averaged then.

    Returns:
        A tensor of shape batch_shape + event_shape; of a `Joint` a dict of them by part.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.models.expectation import mean_or_estimate
        >>> float(mean_or_estimate(Normal(2.0, 1.0), seed=0))
        2.0
    """
    try:
        return distribution.mean()
    except NotImplementedError:
        draws = distribution.sample((samples,), seed=seed)
        return keras.tree.map_structure(lambda part: ops.mean(part, axis=0), draws)
