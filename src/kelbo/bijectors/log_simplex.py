"""LogSimplex: from vectors onto logarithms of probabilities."""

from collections.abc import Sequence

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered


@registered
class LogSimplex(Bijector):
    r"""From $d - 1$ numbers to the logarithms of $d$ probabilities, whose log ratios they are.

    $$y_i = x_i - \log\Bigl(1 + \sum_j e^{x_j}\Bigr), \qquad
      y_d = -\log\Bigl(1 + \sum_j e^{x_j}\Bigr), \qquad x_i = y_i - y_d$$

    Nothing underflows: it is a log-softmax. 0 is mapped to the centre, $y_i = -\log d$. Densities
    of such $y$ are with respect to the log ratios $y_i - y_d$, as that of
    `ExpRelaxedOneHotCategorical` is (which of the entries is the last makes no difference to them),
    so the log-determinant is 0.

    TensorFlow Probability's `SoftmaxCentered` is its exponential. Source: J. Aitchison, "The
    statistical analysis of compositional data" (1982), section 4: the additive log-ratio map.

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import LogSimplex
        >>> [round(float(y), 4) for y in LogSimplex().forward([0.0, 0.0, 0.0])]
        [-1.3863, -1.3863, -1.3863, -1.3863]
    """

    event_rank = 1
    domain = constraints.real_vector
    codomain = constraints.log_simplex

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        zero = ops.zeros_like(x[..., :1])
        return ops.log_softmax(ops.concatenate([x, zero], axis=-1), axis=-1), zero[..., 0]

    def _inverse_and_log_det(self, y):
        return y[..., :-1] - y[..., -1:], ops.zeros_like(y[..., 0])

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        shape = super().forward_event_shape(shape)
        if shape[-1] == 0:
            raise ValueError("LogSimplex: maps vectors of at least 1 entry, got none.")
        return (*shape[:-1], shape[-1] and shape[-1] + 1)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        shape = super().inverse_event_shape(shape)
        if shape[-1] is not None and shape[-1] < 2:
            raise ValueError(
                f"LogSimplex: gives vectors of at least 2 logarithms, not the shape {shape}."
            )
        return (*shape[:-1], shape[-1] and shape[-1] - 1)
