"""Joint conditionals: a latent value with parts, each given the ones before it."""

import functools
from collections.abc import Mapping
from typing import Any

import keras

from kelbo.distributions import Dependent, Distribution, Joint
from kelbo.layers.conditionals import Conditional
from kelbo.layers.flows import Flow
from kelbo.layers.flows.use import parameters_of_use
from kelbo.layers.precision import dtype_of_pieces
from kelbo.layers.priors import Prior
from kelbo.parts import map_shapes, named_parts, named_shapes, with_batch, without_batch
from kelbo.registration import registered

# What a context is called that has no parts.
_CONTEXT = "context"
# How the names of its parts begin among those of the parameters.
_OF_CONTEXT = "/"


@registered
class ConditionalJoint(Conditional):
    r"""A conditional over several named parts, $\prod_k p(z_k \mid z_{<k}, \text{context})$.

    `given(context)` and `given()` return a `distributions.Joint`. The posterior of a hierarchy with
    a context, its prior without one. Each part is a distribution, a layer that makes one without a
    context (`Flow`, `LearnedNormal`), or a conditional, whose context is a dict of the parts before
    it and of the context: by its own names if it has parts, else called "context". A conditional
    says by `parents` which of these it depends on; one that has only one thing to depend on gets
    that tensor.

    (Sønderby, Raiko, Maaløe, Sønderby and Winther, 2016, "Ladder variational autoencoders"; Koller
    and Friedman, 2009, "Probabilistic graphical models", ch. 3.)

    Args:
        parts: Distributions and layers by name, in the order in which they are drawn.
        network: Keras layer from the context to features, which the parts get in its place, or
            None.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        TypeError: A part is nothing of that.
        ValueError: There are no parts.

    Example:
        >>> import keras
        >>> from kelbo.distributions import Normal
        >>> from kelbo.layers import ConditionalJoint, ConditionalNormal
        >>> dense = lambda: keras.layers.Dense(16, "relu")
        >>> prior = ConditionalJoint(  # p(z2) p(z1 | z2)
        ...     {"z2": Normal.standard((2,)), "z1": ConditionalNormal((4,), dense())}
        ... )
        >>> posterior = ConditionalJoint(  # q(z1 | x) q(z2 | z1)
        ...     {
        ...         "z1": ConditionalNormal((4,), dense()),
        ...         "z2": ConditionalNormal((2,), dense(), parents="z1"),
        ...     }
        ... )
        >>> draws = prior.given().sample((5,), seed=0)
        >>> draws["z1"].shape, draws["z2"].shape
        ((5, 4), (5, 2))
    """

    def __init__(
        self,
        parts: Mapping[str, Distribution | Conditional | Prior],
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        if not isinstance(parts, Mapping) or not parts:
            raise ValueError(
                "ConditionalJoint: parts must be a dict of distributions and conditionals by name, "
                f"with at least one in it, got {parts!r}."
            )
        for name, part in parts.items():
            if not isinstance(part, Distribution | Conditional | Prior):
                raise TypeError(
                    f"ConditionalJoint: the part {name!r} must be a distribution, a conditional of "
                    f"kelbo.layers, or a prior that trains, got a {type(part).__name__}."
                )
        kwargs = dtype_of_pieces(tuple(parts.values()), kwargs)
        super().__init__({n: part.event_shape for n, part in parts.items()}, network, **kwargs)
        self.names = tuple(parts)
        # A list: its order is that of the weights in a file.
        self.pieces = list(parts.values())

    def _checked_event_shape(self, event_shape):
        return event_shape

    @property
    def parts(self) -> dict[str, Distribution | Conditional | Prior]:
        """The parts by name, in their order."""
        return dict(zip(self.names, self.pieces, strict=True))

    def template(self) -> Distribution:
        """A `Joint` of the templates of the parts, with the same parents.

        Returns:
            The distribution.
        """

        def made(name, part):
            found = part if isinstance(part, Distribution) else part.template()
            before = self._before(name)
            return Dependent(before, lambda _: found) if before else found

        return Joint({name: made(name, part) for name, part in self.parts.items()})

    def _before(self, name):
        """The parts before a conditional that it depends on, or may depend on."""
        part, before = self.parts[name], self.names[: self.names.index(name)]
        if not isinstance(part, Conditional) or _is_without_context(part):
            return ()
        if part.parents is None:
            return before
        parents = (part.parents,) if isinstance(part.parents, str) else part.parents
        return tuple(parent for parent in before if parent in parents)

    def build(self, input_shape: Any = None) -> None:
        """Builds the network and the parts for a context, or for none; once.

        Args:
            input_shape: Shape of a batch of contexts, or of its parts; None for no context.

        Raises:
            ValueError: A part cannot take what it depends on, or depends on what there is not.
        """
        if self.built:
            return
        if input_shape is not None:
            if self.network is None and isinstance(input_shape, Mapping):
                self._build_parts(dict(input_shape))
                self.context_shape = without_batch(input_shape)
                self.built = True
                return
            super().build(input_shape)
            return
        if self.network is not None:
            raise ValueError(
                "ConditionalJoint: no context is given, but its network needs one: call "
                "given(context), or leave the network out."
            )
        self._build_parts({})
        self.built = True

    def build_on(self, features: Any) -> None:
        self._build_parts({_CONTEXT: features})

    def _build_parts(self, available):
        available = dict(available)
        for name in self.names:
            if name in available:
                raise ValueError(
                    f"ConditionalJoint: {name!r} is the name of a part and of what the parts are "
                    f"given ({', '.join(available)}): give the part another name."
                )
        for name, part in self.parts.items():
            if isinstance(part, keras.layers.Layer) and not part.built:
                offered = _offered(part, available)
                if offered is None and not isinstance(part, Flow | Prior):
                    raise ValueError(
                        f"ConditionalJoint: the part {name!r} is a conditional, a "
                        f"{type(part).__name__}, but there is nothing that it could depend on: put "
                        "a distribution first, or give a context."
                    )
                part.build(offered)
            available[name] = (None, *part.event_shape)

    def parameters_of(self, features: Any) -> dict[str, Any]:
        """The context under its names, and parameters of parts that depend on it alone.

        Args:
            features: A tensor of shape (batch, ...), or a dict of them; None for no context.

        Returns:
            A dict of tensors by name, such as "/context" and "z1/loc".
        """
        if features is None:
            return {}
        context = dict(features) if isinstance(features, Mapping) else {_CONTEXT: features}
        parameters = dict(named_parts(_OF_CONTEXT, context))
        for name, part in self.parts.items():
            if self._depends_on_context_alone(name):
                own = part(_offered(part, context))
                parameters |= {f"{name}/{key}": value for key, value in own.items()}
        return parameters

    def _depends_on_context_alone(self, name):
        part = self.parts[name]
        return (
            isinstance(part, Conditional)
            and not self._before(name)
            and not _is_without_context(part)
            and part.built
        )

    def distribution(self, **parameters: Any) -> Distribution:
        """The Joint with these parameters: what calling the layer returned.

        Args:
            **parameters: Tensors by name.

        Returns:
            A `distributions.Joint`.
        """

        def of(prefix):
            start = f"{prefix}/"
            return {n[len(start) :]: p for n, p in parameters.items() if n.startswith(start)}

        context = self._context_in(parameters)
        return Joint({n: self._made(n, part, context, of(n)) for n, part in self.parts.items()})

    def _context_in(self, parameters):
        """The context that is among the parameters, in its own form."""
        if not any(name.startswith(_OF_CONTEXT) for name in parameters):
            return {}
        shapes = self._shapes_of_context()
        names = iter([name for name, _ in named_shapes(_OF_CONTEXT, shapes)])
        return map_shapes(lambda _: parameters[next(names)], shapes)

    def _shapes_of_context(self):
        """Shapes of what the parts depend on, without the batch, by name."""
        shapes = self.context_shape if self._features_shape is None else self._features_shape
        return dict(shapes) if isinstance(shapes, Mapping) else {_CONTEXT: shapes}

    def _made(self, name, part, context, parameters):
        if isinstance(part, Distribution):
            return part
        if parameters:
            return part.distribution(**parameters)
        if not self._before(name):
            offered = None if isinstance(part, Prior) else _offered(part, context)
            return part.given() if offered is None else part.given(offered)

        rank = self._batch_rank(context)
        return Dependent(self._before(name), functools.partial(_given, part), context, rank)

    def _batch_rank(self, context):
        """How many axes of the context are those of the batch; None where there is none."""
        if not context:
            return None
        (_, shape), *_ = named_shapes("", self._shapes_of_context())
        (_, tensor), *_ = named_parts("", context)
        return len(tensor.shape) - len(shape)

    def given(self, context: Any = None) -> Distribution:
        """The distribution for a context, or without one.

        Args:
            context: As in `Conditional.given`; None for none.

        Returns:
            A `distributions.Joint`.

        Raises:
            ValueError: The layer was built with a context and none is given, or the other way
                round.
        """
        return self.distribution(**parameters_of_use(self, self.of_parents(context)))

    def compute_output_shape(self, input_shape: Any) -> dict[str, tuple]:
        """Shapes of what `call` returns, by name, which a layer that is built knows."""
        self.build(input_shape)
        batch = with_batch(self._shapes_of_context())
        found = dict(named_shapes(_OF_CONTEXT, batch))
        for name, part in self.parts.items():
            if self._depends_on_context_alone(name):
                shapes = part.compute_output_shape(_offered(part, batch))
                found |= {f"{name}/{key}": shape for key, shape in shapes.items()}
        return found

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["event_shape"]
        serialize = keras.saving.serialize_keras_object
        # A list: the keys of a dict are sorted in a file.
        return {**config, "parts": [[name, serialize(part)] for name, part in self.parts.items()]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ConditionalJoint":
        """The layer that `get_config` described, its parts included."""
        deserialize = keras.saving.deserialize_keras_object
        parts = {name: deserialize(part) for name, part in config["parts"]}
        return super().from_config({**config, "parts": parts})


def _given(part, values):
    """The distribution of a part, given the context and values of the parts before it."""
    return part.given(_offered(part, values))


def _is_without_context(part):
    """Whether it is a layer that was built without a context."""
    return isinstance(part, Prior) or (
        isinstance(part, Flow) and part.built and part.context_shape is None
    )


def _offered(part, available):
    """What a part is given of the context and of the parts before it; None where there is none."""
    if not available:
        return None
    if getattr(part, "parents", None) is None and len(available) == 1:
        return next(iter(available.values()))
    return part.of_parents(available) if isinstance(part, Conditional) else available
