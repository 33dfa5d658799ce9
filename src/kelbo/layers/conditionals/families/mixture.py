"""The mixture density network: a mixture whose weights and components depend on the context."""

from typing import Any

import keras

from kelbo.distributions import Categorical, Distribution, MixtureSameFamily
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.precision import dtype_of_pieces
from kelbo.parameters import whole_number
from kelbo.parts import size_of_batch
from kelbo.registration import registered

_WEIGHTS = "mixture_logits"


@registered
class ConditionalMixture(Conditional):
    r"""A mixture of a family, whose weights and parameters all depend on the context.

    $$p(y \mid c) = \sum_{k=1}^K \pi_k(c)\, p_k(y; \theta_k(c))$$

    The mixture density network of Bishop (1994): regression where one context has several likely
    answers. Any conditional without a network can be the component; it has K times the outputs.

    Args:
        component: A conditional without a network: the family of the components, with its links and
            the event shape.
        network: Keras layer from the context $c$ to features, or None.
        components: Number $K$ of components.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The component has a network or is no conditional with heads, or `components` is
            not a whole number of at least 1.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalMixture, ConditionalNormal
        >>> network = keras.layers.Dense(16, "tanh")
        >>> layer = ConditionalMixture(ConditionalNormal((1,)), network, components=5)
        >>> layer.given(np.zeros((5, 3), "float32")).log_prob([0.0]).shape
        (5,)
    """

    def __init__(
        self,
        component: Conditional,
        network: keras.layers.Layer | None = None,
        *,
        components: int,
        **kwargs: Any,
    ):
        if not isinstance(component, Conditional) or not component.heads:
            raise ValueError(
                "ConditionalMixture: component must be a conditional such as ConditionalNormal((1,)"
                f"), got {component!r}."
            )
        if component.network is not None:
            raise ValueError(
                "ConditionalMixture: the component must have no network of its own; give the "
                "network to the mixture."
            )
        kwargs = dtype_of_pieces([component], kwargs)
        super().__init__(component.event_shape, network, **kwargs)
        self.component = component
        self.components = whole_number("ConditionalMixture", "components", components)
        self._weights = self._head(_WEIGHTS, (self.components,))
        self._raw = {
            name: self._head(name, (self.components, *head.shape), head.activation)
            for name, head in component.heads.items()
        }

    @property
    def heads(self) -> dict[str, keras.layers.Layer]:
        return {_WEIGHTS: self._weights, **self._raw}

    def parameters_from(self, **raw: Any) -> dict[str, Any]:
        weights = raw.pop(_WEIGHTS)
        return {_WEIGHTS: weights, **self.component.parameters_from(**raw)}

    def compute_output_shape(self, input_shape: Any) -> dict[str, tuple]:
        batch = size_of_batch(input_shape)
        shapes = self.component.compute_output_shape(input_shape)
        stacked = {n: (batch, self.components, *shape[1:]) for n, shape in shapes.items()}
        return {_WEIGHTS: (batch, self.components), **stacked}

    def distribution(self, **parameters: Any) -> Distribution:
        weights = Categorical(logits=parameters.pop(_WEIGHTS), validate=False)
        return MixtureSameFamily(weights, self.component.distribution(**parameters))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("event_shape")
        component = keras.saving.serialize_keras_object(self.component)
        return {**config, "component": component, "components": self.components}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ConditionalMixture":
        """The layer that `get_config` described."""
        component = keras.saving.deserialize_keras_object(config["component"])
        return super().from_config({**config, "component": component})
