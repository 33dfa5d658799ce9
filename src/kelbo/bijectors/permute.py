"""Permute: puts the entries of vectors in another order."""

from collections.abc import Sequence

import numpy as np

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered


@registered
class Permute(Bijector):
    r"""$y_i = x_{\pi(i)}$ for vectors $x$; the log-determinant is 0.

    Args:
        permutation: The places $\pi(0), \pi(1), \dots$ that the entries of y come from: each of
            0, ..., d - 1 once.
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing more is checked; taken for the sake of one signature.

    Raises:
        ValueError: `permutation` is not a permutation.

    Example:
        >>> from kelbo.bijectors import Permute
        >>> Permute([2, 0, 1]).forward([10.0, 20.0, 30.0])
        [30., 10., 20.]
    """

    is_affine = True
    event_rank = 1
    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(
        self, permutation: Sequence[int], *, dtype: str | None = None, validate: bool = True
    ):
        places = np.asarray(permutation)
        if places.ndim != 1 or sorted(places.tolist()) != list(range(len(places))):
            raise ValueError(
                "Permute: permutation must be a vector of whole numbers with each of "
                f"0, ..., d - 1 once, got {places.tolist()}."
            )
        super().__init__(dtype=dtype, validate=validate)
        self.permutation = tuple(int(place) for place in places)

    def _forward_and_log_det(self, x):
        return ops.take(x, np.array(self.permutation), axis=-1), ops.zeros_like(x[..., 0])

    def _inverse_and_log_det(self, y):
        return ops.take(y, np.argsort(self.permutation), axis=-1), ops.zeros_like(y[..., 0])

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        shape = super().forward_event_shape(shape)
        if shape[-1] not in (None, len(self.permutation)):
            raise ValueError(
                f"Permute: the permutation is one of {len(self.permutation)} entries, which does "
                f"not fit values of shape {shape}."
            )
        return shape

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self.forward_event_shape(shape)

    def _arguments(self, parameters):
        return {"permutation": self.permutation}
