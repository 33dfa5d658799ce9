"""Estimators by name."""

import keras

from kelbo.estimators.control_variates import DisARM, Rebar
from kelbo.estimators.estimator import Estimator
from kelbo.estimators.pathwise import DoublyReparameterized, Pathwise, StickingTheLanding
from kelbo.estimators.per_part import PerPart
from kelbo.estimators.reinmax import ReinMax
from kelbo.estimators.relaxation import GumbelSoftmax, StraightThrough
from kelbo.estimators.score_function import ScoreFunction, Vimco
from kelbo.estimators.wake import DoublyReparameterizedWakePhase, ModelOnly, WakePhase

_GENERAL = (
    Pathwise,
    StickingTheLanding,
    DoublyReparameterized,
    ScoreFunction,
    Vimco,
    StraightThrough,
    ReinMax,
    GumbelSoftmax,
    Rebar,
    DisARM,
)
ESTIMATORS = {estimator.name: estimator for estimator in _GENERAL}
_BY_NAME = {e.name: e for e in (*_GENERAL, ModelOnly, WakePhase, DoublyReparameterizedWakePhase)}


def as_estimator(owner: str, estimator: str | Estimator | dict) -> Estimator:
    """The estimator that an argument names.

    Args:
        owner: Name of the class that has the argument, for the error.
        estimator: A name, an estimator, the serialised config of one, or a dict of them by part of
            the latent value.

    Returns:
        An estimator.

    Raises:
        ValueError: There is none of that name.

    Example:
        >>> from kelbo.estimators import as_estimator
        >>> as_estimator("IWELBO", "vimco")
        Vimco()
    """
    if isinstance(estimator, dict) and "class_name" in estimator:
        estimator = keras.saving.deserialize_keras_object(estimator)
    if isinstance(estimator, dict):
        return PerPart({part: as_estimator(owner, each) for part, each in estimator.items()})
    if isinstance(estimator, str) and estimator in _BY_NAME:
        return _BY_NAME[estimator]()
    if not isinstance(estimator, Estimator):
        raise ValueError(
            f"{owner}: estimator must be one of {', '.join(map(repr, ESTIMATORS))}, or an "
            f"Estimator, got {estimator!r}."
        )
    return estimator
