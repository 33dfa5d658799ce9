"""One trainable weight that obeys a constraint: a scale, a lengthscale, a vector of shares."""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from kelbo import ops
from kelbo.bijectors import Bijector
from kelbo.bijectors.inclusion import leaves
from kelbo.distributions import Distribution
from kelbo.keras_internals import layers_within
from kelbo.layers.links import link_onto
from kelbo.layers.precision import full_precision, to_full_precision
from kelbo.parameters import Constraint, as_shape, broadcast_shapes, constraints
from kelbo.parameters.rules import broken_rule
from kelbo.typing import ArrayLike, Tensor

# Up to so many numbers are shown of a value.
_SHOWN = 16


class ConstrainedWeight:
    """A variable of a layer, seen through a bijector onto the values that it may take.

    Made by `constrained_weight`. What trains, and what is saved, is the variable: unconstrained
    numbers, of the layer that the weight belongs to. Calling the weight gives its value.

    Args:
        variable: The unconstrained numbers.
        link: The bijector from them onto the values.
        owner: What the weight is of, for errors.
        prior: A distribution of the value, or None.
    """

    def __init__(
        self,
        variable: keras.Variable,
        link: Bijector,
        owner: str,
        prior: Distribution | None = None,
    ):
        self._variable, self._link, self._owner, self._prior = variable, link, owner, prior

    @property
    def variable(self) -> keras.Variable:
        """The unconstrained numbers that train."""
        return self._variable

    @property
    def link(self) -> Bijector:
        """The bijector from the unconstrained numbers onto the values."""
        return self._link

    @property
    def prior(self) -> Distribution | None:
        """The distribution of the value that it was given, if any."""
        return self._prior

    @property
    def name(self) -> str:
        """Name of the variable."""
        return self._variable.name

    @property
    def shape(self) -> tuple:
        """Shape of the value."""
        return tuple(self._link.forward_event_shape(tuple(self._variable.shape)))

    @property
    def dtype(self) -> str:
        """Dtype of the value: that of the variable, but no half precision."""
        return full_precision(keras.backend.standardize_dtype(self._variable.dtype))

    @property
    def trainable(self) -> bool:
        """Whether it trains; may be set."""
        return self._variable.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._variable.trainable = value

    def _raw(self):
        return to_full_precision(ops.convert_to_tensor(self._variable))

    def __call__(self) -> Tensor:
        """The value: a tensor of `shape` that obeys the constraint."""
        return self._link.forward(self._raw())

    def assign(self, value: ArrayLike) -> None:
        """Sets the value.

        Args:
            value: Numbers that broadcast to `shape`.

        Raises:
            ValueError: They do not, or are none that the weight can take.
        """
        value = _broadcast(self._owner, self.name, value, self.shape, self.dtype)
        _require(self._owner, self.name, value, self._link.codomain, self._link)
        self._variable.assign(ops.cast(self._link.inverse(value), self._variable.dtype))

    def log_prior(self, jacobian: bool = False) -> Tensor:
        r"""The log density of the value under its prior, summed, in nats.

        Args:
            jacobian: Whether the density is that of the unconstrained numbers $r$, as samplers and
                posteriors over them need it: $\log p(w(r)) + \log \lvert\det w'(r)\rvert$. Without
                it the mode is that of the value itself, whatever the link is.

        Returns:
            A scalar tensor; 0 where there is no prior.
        """
        value, log_det = self._link.forward_and_log_det(self._raw())
        if self._prior is None:
            return ops.zeros((), dtype=value.dtype)
        prior = self._prior.astype(max(self.dtype, self._prior.dtype))
        total = ops.sum(prior.log_prob(value))
        return total + ops.sum(log_det) if jacobian else total

    def __repr__(self) -> str:
        value = self()
        settings = [f"shape={self.shape}", f"dtype={self.dtype}"]
        if ops.is_concrete(value) and np.prod(self.shape) <= _SHOWN:
            numbers = ops.convert_to_numpy(value)
            settings.append(f"value={np.array2string(numbers, precision=4, separator=', ')}")
        if not self.trainable:
            settings.append("trainable=False")
        return f"ConstrainedWeight({self.name}, {', '.join(settings)})"


def constrained_weight(
    layer: keras.layers.Layer,
    name: str,
    shape: int | Sequence[int] = (),
    constraint: Constraint = constraints.real,
    initial: ArrayLike | Callable[..., Tensor] | None = None,
    *,
    floor: float | None = None,
    prior: Distribution | None = None,
    link: Bijector | None = None,
    trainable: bool = True,
) -> ConstrainedWeight:
    r"""Adds a weight to a layer whose value obeys a constraint, however it is trained.

    The layer gets one variable of unconstrained numbers, by `add_weight`: it is trained, counted,
    frozen and saved as any other. The weight is read by calling it, in full precision: half
    precision is for networks, not for parameters of distributions and kernels.

    Args:
        layer: The layer, after its `super().__init__`; in its constructor or in its `build`.
        name: Name of the variable.
        shape: Shape of the value.
        constraint: What the value must be: any that `bijectors.onto` reaches.
        initial: Where the value starts: numbers that obey the constraint and broadcast to `shape`,
            or a function of a shape and a dtype, as a Keras initializer. None is the value of
            unconstrained zeros: equal shares, say.
        floor: How far above a lower end values stay, 0 or more. Of what has a lower end and no
            upper one.
        prior: Distribution of the value, for `ConstrainedWeight.log_prior`; its batch and event
            shape broadcast to `shape`. It adds no loss by itself.
        link: Bijector from unconstrained numbers, in the place of the usual one: a softplus above
            the end of what has a lower end alone, else `bijectors.onto(constraint)`. It reaches
            nothing that breaks the constraint, and keeps its own distance from an end: no `floor`.
        trainable: Whether it trains.

    Returns:
        The weight. Keep it as an attribute of the layer.

    Raises:
        ValueError: No bijector onto the constraint is known, or the link that is given reaches
            other values too; a floor is negative, of a set that has none, or beside a link;
            `initial` breaks the constraint, is below the floor or has no density under the prior;
            or a shape does not fit.

    Example:
        >>> import keras
        >>> from kelbo.distributions import LogNormal
        >>> from kelbo.layers import constrained_weight
        >>> from kelbo.parameters import constraints
        >>> class Lengthscale(keras.layers.Layer):
        ...     def __init__(self, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.lengthscale = constrained_weight(
        ...             self, "lengthscale", (2,), constraints.positive, initial=0.5,
        ...             floor=1e-6, prior=LogNormal(0.0, 1.0),
        ...         )
        >>> Lengthscale().lengthscale
        ConstrainedWeight(lengthscale, shape=(2,), dtype=float32, value=[0.5, 0.5])
    """
    owner, shape = type(layer).__name__, as_shape(shape, f"{name}: shape")
    try:
        link = link_onto(constraint, floor) if link is None else _own_link(link, constraint, floor)
        raw_shape = tuple(link.inverse_event_shape(shape))
    except ValueError as error:
        raise ValueError(f"{owner}: {name}: {error}") from error
    if prior is not None:
        _require_shape(owner, name, shape, prior)

    def start(_, dtype=None):
        raw = ops.zeros(raw_shape, dtype=full_precision(dtype))
        if initial is None:
            value = link.forward(raw)
        else:
            value = _starting_value(owner, name, initial, shape, raw.dtype)
            _require(owner, name, value, constraint, link)
            raw = link.inverse(value)
        if prior is not None:
            _require_density(owner, name, value, prior)
        return ops.cast(raw, dtype)

    variable = layer.add_weight(
        shape=raw_shape, initializer=start, name=name, trainable=trainable, autocast=False
    )
    return ConstrainedWeight(variable, link, owner, prior)


def constrained_weights(layer: keras.layers.Layer) -> list[ConstrainedWeight]:
    """The constrained weights of a layer or model, and of all layers within it.

    Args:
        layer: The layer, which is built.

    Returns:
        A list, each weight once: those that are attributes of a layer.

    Example:
        >>> from kelbo.layers import LearnedNormal, constrained_weights
        >>> prior = LearnedNormal((2,))
        >>> prior.build()
        >>> [weight.shape for weight in constrained_weights(prior)]
        [(2,)]
    """
    found = {
        id(value): value
        for each in layers_within(layer)
        for value in vars(each).values()
        if isinstance(value, ConstrainedWeight)
    }
    return list(found.values())


def log_prior(layer: keras.layers.Layer, jacobian: bool = False) -> Tensor:
    """The log density of all constrained weights of a layer under their priors, in nats.

    With the log-likelihood of all examples it makes the log density of the posterior, up to a
    constant: a fit to its mode minimises the mean loss of an example less `log_prior(layer) / N`.

    Args:
        layer: A layer or model, which is built.
        jacobian: As in `ConstrainedWeight.log_prior`.

    Returns:
        A scalar tensor; 0 where no weight has a prior.

    Example:
        >>> from kelbo.layers import LearnedNormal, log_prior
        >>> float(log_prior(LearnedNormal((2,))))
        0.0
    """
    priors = [w.log_prior(jacobian) for w in constrained_weights(layer) if w.prior is not None]
    return sum(priors[1:], start=priors[0]) if priors else ops.zeros(())


def _own_link(link, constraint, floor):
    if floor is not None:
        raise ValueError(
            f"a floor of {floor!r} and a link are given, and the link alone says how near to an "
            "end values come: leave the floor out, or put it into the link, as in "
            "bijectors.Chain([bijectors.Exp(), bijectors.Shift(floor)])."
        )
    if leaves(link.codomain, constraint):
        raise ValueError(
            f"the link {link!r} reaches what is {link.codomain.rule}, but the value must be "
            f"{constraint.rule}: give a link onto such values, or leave it out."
        )
    return link


def _starting_value(owner, name, initial, shape, dtype):
    value = initial(shape, dtype=dtype) if callable(initial) else initial
    return _broadcast(owner, name, value, shape, dtype)


def _broadcast(owner, name, value, shape, dtype):
    value = ops.convert_to_tensor(value, dtype=dtype)
    try:
        return ops.broadcast_to(value, shape)
    except Exception as error:  # each backend has its own
        raise ValueError(
            f"{owner}: {name} has the shape {shape}; a value of shape {tuple(value.shape)} does "
            "not broadcast to it."
        ) from error


def _require(owner, name, value, constraint, link):
    wrong = broken_rule(name, value, constraint)
    if wrong is not None:
        raise ValueError(f"{owner}: {wrong}. Give a value that is.")
    wrong = broken_rule(name, value, link.codomain)
    if wrong is not None:
        raise ValueError(
            f"{owner}: {wrong}. The link reaches nothing else: give another value, or lower the "
            "floor."
        )


def _require_shape(owner, name, shape, prior):
    own = (*prior.batch_shape, *prior.event_shape)
    try:
        fits = broadcast_shapes(own, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{owner}: {name} has the shape {shape}, but its prior {prior!r} is one of values of "
            f"shape {own}, which does not broadcast to it."
        )


def _require_density(owner, name, value, prior):
    log_prob = prior.log_prob(value)
    if ops.is_concrete(log_prob) and not bool(ops.all(log_prob > -np.inf)):
        raise ValueError(
            f"{owner}: {name} starts where its prior {prior!r} has no density: its values are "
            f"{prior.support.rule}."
        )
