"""Flow: a distribution pushed through bijectors, as a conditional like any other."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.bijectors import Bijector, Chain, Inline
from kelbo.bijectors.image import holds_all, image
from kelbo.distributions import Distribution, Transformed
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.flows.conditional_bijector import ConditionalBijector
from kelbo.layers.flows.use import parameters_of_use
from kelbo.layers.precision import dtype_of_pieces
from kelbo.parameters import Constraint
from kelbo.parts import map_shapes, size_of_batch, with_batch, without_batch
from kelbo.registration import registered


@registered
class Flow(Conditional):
    r"""A normalizing flow: $y = f_n(\cdots f_1(x))$ with $x$ from a base distribution.

    `given(context)` and `given()` return a `distributions.Transformed`. With a context every layer
    among the bijectors is conditioned on it, and the base if it is a conditional; without one all
    of them are plain trainable variables and networks. Whichever comes first decides what is built.

    Use it as the posterior of a VAE (with `ELBO(kl="monte_carlo")`: there is no closed divergence),
    as its prior (`given()`: a prior that trains), as a likelihood, or by itself in
    `models.DensityEstimator`. What a direction costs is said by each layer: densities of data need
    inverses, draws (and a posterior's log densities at its own draws) the maps themselves.

    The bijectors of a flow call networks whenever they map: outside of compiled code (what
    `VAE.encode` returned, say) they run operation by operation.

    Args:
        base: `Distribution` of $x$, or a `Conditional` that makes one of the context.
        bijectors: The maps, the first applied first: `ConditionalBijector` layers, and plain
            bijectors, whose parameters do not train.
        network: Keras layer from the context to features, which base and bijectors get in its
            place, or None.
        **kwargs: Passed to `keras.layers.Layer`. Where `dtype` is "float64" (the default where a
            layer of the flow has it), the base is taken in float64 too.

    Raises:
        ValueError: There are no bijectors, or one does not map values of the shape before it.

    Example:
        >>> import keras
        >>> from kelbo.distributions import Normal
        >>> from kelbo.layers import Flow, MaskedAutoregressive, Permutation
        >>> flow = Flow(
        ...     Normal.standard((2,)),
        ...     [MaskedAutoregressive((2,)), Permutation((2,)), MaskedAutoregressive((2,))],
        ... )
        >>> flow.given().sample((5,), seed=0).shape
        (5, 2)
    """

    def __init__(
        self,
        base: Distribution | Conditional,
        bijectors: Sequence[Bijector | ConditionalBijector],
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        bijectors = list(bijectors)
        if not bijectors:
            raise ValueError("Flow: bijectors is empty; give at least one.")
        event_shape = tuple(base.event_shape)
        for i, bijector in enumerate(bijectors):
            event_shape = _mapped_shape(i, bijector, event_shape)
        kwargs = dtype_of_pieces((base, *bijectors), kwargs)
        super().__init__(event_shape, network, **kwargs)
        self.base = base
        self.bijectors = bijectors

    def template(self) -> Distribution:
        """A distribution of the flow's support whose draws are as smooth, by a map without layers.

        Returns:
            A `Transformed` of the base's template, with the event shape of the base.
        """
        base = self.base if isinstance(self.base, Distribution) else self.base.template()
        # Functions of its own, so that it is the same map as no other one.
        reached = self._reached_from(base.support)
        same = Inline(
            lambda x: x, lambda y: y, ops.zeros_like, domain=base.support, codomain=reached
        )
        return Transformed(base, same)

    def _reached_from(self, support):
        """The values of the flow. Its layers map all vectors onto all vectors."""
        for bijector in self.bijectors:
            if isinstance(bijector, Bijector):
                support = image(support, bijector)
            elif not holds_all(support):
                support = Constraint("what the flow makes of its base", ops.isfinite)
        return support

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Builds base, network and bijectors for a context, or for none; once.

        Args:
            input_shape: Shape of a batch of contexts; None where there is no context.

        Raises:
            ValueError: There is no context, but a network or a conditional base, which need one.
        """
        if self.built:
            return
        if input_shape is not None:
            super().build(input_shape)
            return
        if self.network is not None or isinstance(self.base, Conditional):
            what = "its network" if self.network is not None else "its base, a conditional,"
            raise ValueError(
                f"Flow: no context is given, but {what} needs one: call given(context), or make "
                "the flow of a distribution and bijectors alone."
            )
        self.build_on(None)
        self.built = True

    def build_features(self, input_shape: Any) -> Any:
        """As of any conditional; without a network, base and bijectors get contexts as they are."""
        if self.network is not None:
            return super().build_features(input_shape)
        return with_batch(without_batch(input_shape))

    def build_on(self, features: Any | None) -> None:
        for piece in self._layers_of_flow().values():
            if not piece.built:
                piece.build(features)

    def _layers_of_flow(self):
        """The pieces that are layers, by the prefix of their parameters."""
        pieces = {"base": self.base, **{str(i): b for i, b in enumerate(self.bijectors)}}
        return {n: p for n, p in pieces.items() if isinstance(p, keras.layers.Layer)}

    def parameters_of(self, features: Any) -> dict[str, Any]:
        """Parameters of base and bijectors, as "base/loc" or "0/context".

        Args:
            features: Tensor of shape (batch, ...), or None.

        Returns:
            A dict of tensors by name, with the batch in front where there are features.
        """
        parameters = {}
        for prefix, piece in self._layers_of_flow().items():
            own = piece.parameters_of(None) if features is None else piece(features)
            parameters |= {f"{prefix}/{name}": value for name, value in own.items()}
        return parameters

    def distribution(self, **parameters: Any) -> Distribution:
        """The flow with these parameters: what calling the layer returned.

        Args:
            **parameters: Tensors by name.

        Returns:
            A `Transformed`.
        """

        def of(prefix):
            start = f"{prefix}/"
            return {n[len(start) :]: p for n, p in parameters.items() if n.startswith(start)}

        is_fixed = isinstance(self.base, Distribution)
        base = self.base if is_fixed else self.base.distribution(**of("base"))
        if self.compute_dtype == "float64":
            base = base.astype("float64")  # maps have the dtype of what they are given
        bijectors = [
            bijector if isinstance(bijector, Bijector) else bijector.bijector(**of(str(i)))
            for i, bijector in enumerate(self.bijectors)
        ]
        return Transformed(base, bijectors[0] if len(bijectors) == 1 else Chain(bijectors))

    def given(self, context: Any = None) -> Distribution:
        """The distribution for a context, or without one.

        Args:
            context: Tensor of shape (..., *context shape), whose leading axes become the batch of
                the distribution; None for a flow without context.

        Returns:
            A `Transformed`.

        Raises:
            ValueError: The flow was built with a context and none is given, or the other way
                round.
            TypeError: `context` is a symbolic tensor.
        """
        return self.distribution(**parameters_of_use(self, self.of_parents(context)))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> dict[str, tuple]:
        """Shapes of the parameters by name, which a flow that is built knows: it is built first."""
        self.build(input_shape)
        batch = size_of_batch(input_shape)
        features = map_shapes(lambda shape: (batch, *shape), self._features_shape)
        return {
            f"{prefix}/{name}": shape
            for prefix, piece in self._layers_of_flow().items()
            for name, shape in piece.compute_output_shape(features).items()
        }

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["event_shape"]
        return {
            **config,
            "base": keras.saving.serialize_keras_object(self.base),
            "bijectors": [keras.saving.serialize_keras_object(b) for b in self.bijectors],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Flow":
        """The layer that `get_config` described, its pieces included."""
        made = {
            "base": keras.saving.deserialize_keras_object(config["base"]),
            "bijectors": [keras.saving.deserialize_keras_object(b) for b in config["bijectors"]],
        }
        return super().from_config({**config, **made})


def _mapped_shape(place, bijector, shape):
    if isinstance(bijector, Bijector):
        return tuple(bijector.forward_event_shape(shape))
    if not isinstance(bijector, ConditionalBijector):
        raise ValueError(
            f"Flow: bijectors must hold bijectors and layers such as MaskedAutoregressive; the one "
            f"at place {place} is a {type(bijector).__name__}."
        )
    if bijector.event_shape != shape:
        raise ValueError(
            f"Flow: the bijector at place {place}, a {type(bijector).__name__}, maps values of "
            f"shape {bijector.event_shape}, but those that reach it have the shape {shape}."
        )
    return shape
