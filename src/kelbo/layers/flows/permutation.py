"""A fixed permutation between two layers of a flow."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from kelbo.bijectors import Bijector, Permute
from kelbo.layers.flows.parametric import ParametricBijector
from kelbo.registration import registered


@registered
class Permutation(ParametricBijector):
    """The entries along the last axis in another order; nothing is trained.

    Between two autoregressive layers, so that the entries which came first come last.

    Args:
        event_shape: Shape of the values that are mapped.
        order: "reverse"; "random"; or for each place of the result, the place before.
        seed: Integer that decides a random order. None draws one (which
            `keras.utils.set_random_seed` decides).
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: `order` is neither of the words nor a permutation.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import Permutation
        >>> Permutation((3,)).given().forward(np.array([1.0, 2.0, 3.0], "float32"))
        [3., 2., 1.]
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        order: str | Sequence[int] = "reverse",
        seed: int | None = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, invert, **kwargs)
        size = self.event_shape[-1]
        if isinstance(order, str) and order not in ("reverse", "random"):
            raise ValueError(
                'Permutation: order must be "reverse", "random" or a sequence of places, got '
                f"{order!r}."
            )
        if order == "reverse":
            order = range(size)[::-1]
        elif order == "random":
            seed = random.randrange(2**31) if seed is None else seed
            order = np.random.default_rng(seed).permutation(size)
        self.order = tuple(int(place) for place in order)
        if sorted(self.order) != list(range(size)):
            raise ValueError(
                f"Permutation: order must hold each of 0, ..., {size - 1} once, got {self.order}."
            )

    def raw_parameters(self) -> dict[str, tuple[tuple, Any]]:
        return {}

    def forward_bijector(self) -> Bijector:
        return Permute(self.order)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "order": self.order}
