"""Coupling layers: RealNVP, NICE and neural spline flows."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.bijectors import Bijector, Coupling
from kelbo.layers.conditionals.head import ParameterHead
from kelbo.layers.flows.conditional_bijector import ConditionalBijector
from kelbo.layers.flows.leading_axes import joined, joined_shape, on_rows
from kelbo.layers.flows.parametric import small_weights
from kelbo.layers.flows.transforms import (
    AffineTransform,
    ElementwiseTransform,
    ShiftTransform,
    SplineTransform,
)
from kelbo.layers.precision import to_full_precision
from kelbo.networks import as_network, build_network
from kelbo.registration import registered


@registered
class CouplingFlow(ConditionalBijector):
    r"""Some entries pass unchanged, and a network makes of them the map of the others.

    $$y_a = x_a, \qquad y_b = f_{\theta(x_a, c)}(x_b)$$

    Both directions take one call of the network. Alternate the masks "first" and "last" in
    successive layers, so that every entry is mapped. Vectors are split along their entries, images
    along their channels (with a convolutional network).

    Args:
        event_shape: Shape of the values that are mapped.
        network: Keras layer or model from the entries that pass, with the context behind them, to
            features; None for those themselves. The parameters' head is added to it: nobody counts
            outputs.
        transform: The family of maps of numbers; `AffineTransform()` by default.
        mask: Which places of the last axis pass unchanged: "first" or "last" (half of them, one
            more in the first half of an odd number), "even", "odd", or a boolean for each place.
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        TypeError: `network` is no Keras layer.
        ValueError: The mask is none of these, or does not both pass and move an entry.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import CouplingFlow, ShiftTransform
        >>> layer = CouplingFlow((3,), keras.layers.Dense(8, "tanh"), ShiftTransform())
        >>> layer.given().forward(np.zeros((5, 3), "float32")).shape
        (5, 3)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        transform: ElementwiseTransform | None = None,
        mask: str | Sequence[bool] = "first",
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, invert, **kwargs)
        self.network = as_network(type(self).__name__, network)
        self.transform = AffineTransform() if transform is None else transform
        self.mask = _as_mask(type(self).__name__, mask, self.event_shape[-1])
        moved = len(self.mask) - sum(self.mask)
        self._moved_shape = (*self.event_shape[:-1], moved)
        self._head = ParameterHead(
            (*self.event_shape[:-1], moved * self.transform.size),
            kernel_initializer=small_weights(),
            name="head",
            dtype=self.dtype_policy,
        )

    def parameter_shapes(self) -> dict[str, tuple]:
        return {} if self.context_shape is None else {"context": self.context_shape}

    def build_on(self, context_shape: tuple | None) -> None:
        passed = (*self.event_shape[:-1], sum(self.mask))
        features = (None, *joined_shape(passed, context_shape))
        self._head.build(build_network(type(self).__name__, self.network, features))

    def parameters_of(self, context: Any) -> dict[str, Any]:
        return {} if context is None else {"context": to_full_precision(context)}

    def forward_bijector(self, context: Any = None) -> Bijector:
        return Coupling(
            self._maps_of,
            self.mask,
            len(self.event_shape),
            context=context,
            context_rank=len(self.context_shape or ()),
        )

    def _maps_of(self, passed, context=None):
        """The maps of the entries that do not pass, by those that do."""
        context_rank = len(self.context_shape or ())
        raw = on_rows(self._raw, passed, len(self.event_shape), context, context_rank)
        return self.transform.bijector(raw)

    def _raw(self, passed, context):
        features = joined(passed, context)
        features = features if self.network is None else self.network(features)
        raw = to_full_precision(self._head(features))
        return ops.reshape(raw, (-1, *self._moved_shape, self.transform.size))

    def get_config(self) -> dict[str, Any]:
        network = self.network and keras.saving.serialize_keras_object(self.network)
        return {
            **super().get_config(),
            "network": network,
            "transform": keras.saving.serialize_keras_object(self.transform),
            "mask": self.mask,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CouplingFlow":
        """The layer that `get_config` described, its network included."""
        return cls(**with_parts(config))


@registered
class AffineCoupling(CouplingFlow):
    r"""An affine coupling layer, $y_b = a(x_a)\, x_b + b(x_a)$: RealNVP, and NICE.

    Dinh, Sohl-Dickstein and Bengio (2017); with `additive=True`, $y_b = x_b + b(x_a)$, which keeps
    volumes: Dinh, Krueger and Bengio (2015).

    Args:
        event_shape: Shape of the values that are mapped.
        network: Keras layer or model to features, or None; see `CouplingFlow`.
        mask: Which places of the last axis pass unchanged; see `CouplingFlow`.
        additive: Whether the scale $a$ is 1.
        minimum_scale: The floor of the scale; see `AffineTransform`.
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        TypeError: `network` is no Keras layer.
        ValueError: The mask or the floor is not one.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import AffineCoupling
        >>> layer = AffineCoupling((2,), keras.layers.Dense(8, "relu"), mask="last")
        >>> layer.given().forward(np.zeros((5, 2), "float32")).shape
        (5, 2)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        mask: str | Sequence[bool] = "first",
        additive: bool = False,
        minimum_scale: float = 1e-2,
        invert: bool = False,
        **kwargs: Any,
    ):
        transform = ShiftTransform() if additive else AffineTransform(minimum_scale)
        super().__init__(event_shape, network, transform, mask, invert, **kwargs)
        self.additive = bool(additive)
        self.minimum_scale = minimum_scale

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["transform"]
        return {**config, "additive": self.additive, "minimum_scale": self.minimum_scale}


@registered
class SplineCoupling(CouplingFlow):
    r"""A coupling layer of rational-quadratic splines: the neural spline flow.

    $x_b$ goes through a smooth increasing curve from -bound to bound that the network draws, and
    stays as it is outside (Durkan, Bekasov, Murray and Papamakarios, 2019).

    Args:
        event_shape: Shape of the values that are mapped.
        network: Keras layer or model to features, or None; see `CouplingFlow`.
        mask: Which places of the last axis pass unchanged; see `CouplingFlow`.
        bins: Number of bins of each spline.
        bound: Where the identity begins; scale the data so that nearly all lie inside.
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        TypeError: `network` is no Keras layer.
        ValueError: The mask, the number of bins or the bound is not one.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import SplineCoupling
        >>> layer = SplineCoupling((2,), keras.layers.Dense(8, "relu"))
        >>> layer.given().inverse(np.zeros((5, 2), "float32")).shape
        (5, 2)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        mask: str | Sequence[bool] = "first",
        bins: int = 8,
        bound: float = 4.0,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, network, SplineTransform(bins, bound), mask, invert, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["transform"]
        return {**config, "bins": self.transform.bins, "bound": self.transform.bound}


def with_parts(config: dict[str, Any]) -> dict[str, Any]:
    """A layer's config with its network and its transform as objects.

    Args:
        config: What `get_config` returned.

    Returns:
        Arguments of the constructor.
    """
    made = {
        name: keras.saving.deserialize_keras_object(config[name])
        for name in ("network", "transform")
        if config.get(name) is not None
    }
    return {**config, **made}


def _as_mask(owner, mask, size):
    by_name = {
        "first": [place < (size + 1) // 2 for place in range(size)],
        "last": [place >= (size + 1) // 2 for place in range(size)],
        "even": [place % 2 == 0 for place in range(size)],
        "odd": [place % 2 == 1 for place in range(size)],
    }
    if isinstance(mask, str):
        if mask not in by_name:
            raise ValueError(
                f'{owner}: mask must be "first", "last", "even", "odd" or a boolean for each '
                f"place, got {mask!r}."
            )
        mask = by_name[mask]
    mask = tuple(bool(passes) for passes in mask)
    if len(mask) != size or all(mask) or not any(mask):
        raise ValueError(
            f"{owner}: the mask must have one boolean for each of the {size} places of the last "
            f"axis, at least one True (passes unchanged) and one False (is mapped); got {mask}. "
            "A single entry cannot be split: use MaskedAutoregressive."
        )
    return mask
