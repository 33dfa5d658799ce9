"""What a person gives for inducing features."""

from typing import Any

from kelbo.gp.inducing.features import InducingFeatures
from kelbo.gp.inducing.points import InducingPoints


def as_features(inducing: Any, **kwargs: Any) -> InducingFeatures:
    """Inducing features; an array is taken for the start of inducing points.

    Args:
        inducing: Features, or an array of shape (M, d).
        **kwargs: Passed to `InducingPoints`.

    Returns:
        The features.

    Raises:
        ValueError: It is neither.

    Example:
        >>> from kelbo import gp
        >>> gp.inducing.as_features([[0.0], [1.0]]).count
        2
    """
    return (
        inducing if isinstance(inducing, InducingFeatures) else InducingPoints(inducing, **kwargs)
    )
