"""The negative log-likelihood of a family whose parameters a model's outputs are."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.layers import Conditional
from kelbo.layers.conditionals.families.lookup import conditional_of
from kelbo.layers.precision import to_full_precision
from kelbo.registration import registered


@registered
class NegativeLogLikelihood(keras.losses.Loss):
    r"""Negative log-likelihood $-\log p(y; \theta)$ in nats per example, $\theta$ from a model.

    For a functional model whose output is raw numbers, any real ones: the links of the family's
    conditional (see `layers.FamilyConditional`) make its parameters of them. The loss of an example
    is summed over the event, with every normalising constant.

    The outputs of a model are one of
    - a tensor of shape (batch, ..., `parameter_size`), whose last axis is cut into the parameters
      in the order of `parameter_shapes`, each of them flattened: what `compile(loss=...)` needs,
      since Keras hands a loss one output at a time. `join` makes it of one output per parameter;
    - where you call the loss yourself, also a dict of tensors by the name of the parameter, or a
      list of them in that order.

    Args:
        family: A class of distributions, such as `distributions.StudentT`; or a conditional without
            a network, such as `layers.ConditionalMixture(...)`, which brings its own event shape.
        event_shape: Shape of one target $y$: (1,) for targets of shape (n, 1), () for (n,). Left
            out where `family` is a conditional.
        reduction: As in `keras.losses.Loss`; by default the mean over the batch.
        name: Name of the loss.
        dtype: As in `keras.losses.Loss`.
        **options: Passed to the conditional of the family: `scale="log_scale"`, `classes=10`,
            `fixed={"df": 4.0}`.

    Raises:
        ValueError: There is no conditional of the family, it has a network, or the event shape is
            missing or given twice.

    Example:
        >>> import keras, numpy as np, kelbo as kb
        >>> loss = kb.losses.NegativeLogLikelihood(kb.distributions.StudentT, (1,))
        >>> loss.parameter_size, list(loss.parameter_shapes)
        (3, ['df', 'loc', 'scale'])
        >>> layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(loss.parameter_size)]
        >>> model = keras.Sequential(layers)
        >>> model.compile("adam", loss=loss)
        >>> x, y = np.zeros((5, 2), "float32"), np.zeros((5, 1), "float32")
        >>> history = model.fit(x, y, verbose=0)
        >>> loss.distribution(model.predict(x, verbose=0)).mean().shape
        (5, 1)
    """

    def __init__(
        self,
        family: type[Distribution] | Conditional,
        event_shape: int | Sequence[int] | None = None,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str = "negative_log_likelihood",
        dtype: str | None = None,
        **options: Any,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.family = _as_conditional(family, event_shape, options)

    @property
    def parameter_shapes(self) -> dict[str, tuple]:
        """Shape of the raw numbers of each parameter for one example, in the order of the cut."""
        return {name: tuple(head.shape) for name, head in self.family.heads.items()}

    @property
    def parameter_size(self) -> int:
        """How many outputs a model must have for one example."""
        return sum(math.prod(shape) for shape in self.parameter_shapes.values())

    def distribution(self, outputs: Any) -> Distribution:
        """The distribution of y that a model's outputs stand for.

        Args:
            outputs: What the model returned: a tensor, a dict or a list (see the class).

        Returns:
            A distribution whose batch shape is the leading axes of the outputs.

        Raises:
            ValueError: The outputs do not have the shapes that the family needs.
        """
        raw = {name: to_full_precision(value) for name, value in self._parts(outputs).items()}
        return self.family.distribution(**self.family.parameters_from(**raw))

    def join(self, outputs: Mapping[str, Any] | Sequence[Any]) -> Any:
        """One tensor of all raw parameters, of one tensor each; also of symbolic ones.

        The last step of a functional model with an output per parameter, which Keras would
        otherwise give to a loss one by one.

        Args:
            outputs: A dict of tensors by the name of the parameter, or a list of them in the order
                of `parameter_shapes`; each of shape (batch, ..., *shape of the parameter).

        Returns:
            A tensor of shape (batch, ..., parameter_size).

        Raises:
            ValueError: The outputs do not have the shapes that the family needs.

        Example:
            >>> import keras, kelbo as kb
            >>> loss = kb.losses.NegativeLogLikelihood(kb.distributions.Normal, (1,))
            >>> x = keras.Input((3,))
            >>> loc, scale = keras.layers.Dense(1)(x), keras.layers.Dense(1)(x)
            >>> loss.join({"loc": loc, "scale": scale}).shape
            (None, 2)
        """
        flat = []
        for name, value in self._parts(outputs).items():
            shape = self.parameter_shapes[name]
            leading = tuple(value.shape)[: len(value.shape) - len(shape)]
            inner = [-1 if size is None else size for size in leading[1:]]
            flat.append(ops.reshape(value, (-1, *inner, math.prod(shape))))
        return ops.concatenate(flat, axis=-1)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The negative log-likelihood of each example, in nats.

        Args:
            y_true: Targets, of shape (batch, ..., *event shape).
            y_pred: The model's outputs (see the class).

        Returns:
            A tensor of shape (batch, ...).

        Raises:
            ValueError: The outputs or targets do not have the shapes that the family needs.
        """
        distribution = self.distribution(y_pred)
        expected = (*distribution.batch_shape, *distribution.event_shape)
        if not _may_be(tuple(y_true.shape), expected):
            raise ValueError(
                f"{self._title}: the targets have the shape {tuple(y_true.shape)}, but the outputs "
                f"are distributions of values of shape {expected}, the batch included. Targets of "
                "shape (n,) belong to the event shape (), those of shape (n, 1) to (1,)."
            )
        return -distribution.log_prob(y_true)

    @property
    def _title(self):
        return f"NegativeLogLikelihood of {type(self.family).__name__}"

    @property
    def _needs(self):
        shapes = ", ".join(f"{name} {shape}" for name, shape in self.parameter_shapes.items())
        return f"{self.parameter_size} numbers per example: {shapes}"

    def _parts(self, outputs):
        """The raw numbers of each parameter by name, in their shapes."""
        shapes = self.parameter_shapes
        if isinstance(outputs, Mapping):
            if set(outputs) != set(shapes):
                given = ", ".join(map(str, outputs))
                raise ValueError(
                    f"{self._title}: the outputs are named {given}; expected {', '.join(shapes)}."
                )
            return self._checked({name: outputs[name] for name in shapes})
        if isinstance(outputs, list | tuple):
            if len(outputs) != len(shapes):
                raise ValueError(
                    f"{self._title}: there are {len(outputs)} outputs; expected {len(shapes)}, of "
                    f"{self._needs}."
                )
            return self._checked(dict(zip(shapes, outputs, strict=True)))
        outputs = ops.convert_to_tensor(outputs)
        if not outputs.shape or outputs.shape[-1] != self.parameter_size:
            raise ValueError(
                f"{self._title}: the outputs have the shape {tuple(outputs.shape)}; the last axis "
                f"must hold {self._needs}."
            )
        parts, start, leading = {}, 0, ops.shape(outputs)[:-1]
        for name, shape in shapes.items():
            end = start + math.prod(shape)
            parts[name] = ops.reshape(outputs[..., start:end], (*leading, *shape))
            start = end
        return parts

    def _checked(self, parts):
        for name, shape in self.parameter_shapes.items():
            if not hasattr(parts[name], "shape"):
                parts[name] = ops.convert_to_tensor(parts[name])
            given = tuple(parts[name].shape)
            if len(given) < len(shape) or not _may_be(given[len(given) - len(shape) :], shape):
                raise ValueError(
                    f"{self._title}: the output {name} has the shape {given}; expected "
                    f"(batch, ..., {', '.join(map(str, shape))})."
                    if shape
                    else f"{self._title}: the output {name} has the shape {given}; expected "
                    "(batch, ...)."
                )
        return parts

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        family = keras.saving.serialize_keras_object(self.family)
        return {**super().get_config(), "family": family, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NegativeLogLikelihood":
        """The loss that `get_config` described."""
        family = keras.saving.deserialize_keras_object(config["family"])
        return cls(**{**config, "family": family})


def _as_conditional(family, event_shape, options):
    owner = "NegativeLogLikelihood"
    if not isinstance(family, Conditional):
        conditional = conditional_of(family)
        if event_shape is None:
            raise ValueError(
                f"{owner}: give the shape of one target too, "
                f"{owner}({family.__name__}, event_shape): (1,) for targets of shape (n, 1), () "
                "for (n,)."
            )
        return conditional(event_shape, **options)
    name = type(family).__name__
    if event_shape is not None or options:
        given = ", ".join([*(["event_shape"] if event_shape is not None else []), *options])
        raise ValueError(f"{owner}: {name} brings its own settings; leave out {given}.")
    if family.network is not None:
        raise ValueError(
            f"{owner}: {name} has a network, but the model's outputs are the parameters already; "
            "give one without, or use models.ConditionalDensity."
        )
    if not family.heads:
        raise ValueError(
            f"{owner}: {name} has no parameters that a model could output; use "
            "models.ConditionalDensity."
        )
    return family


def _may_be(shape, expected):
    """Whether two shapes agree, as far as they are known."""
    return len(shape) == len(expected) and all(
        None in (a, b) or a == b for a, b in zip(shape, expected, strict=True)
    )
