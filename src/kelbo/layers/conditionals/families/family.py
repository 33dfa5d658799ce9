"""A conditional for any family of distributions: links from raw numbers to its parameters."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from kelbo import ops
from kelbo.bijectors import Bijector
from kelbo.distributions import Distribution, Independent
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.links import head_link
from kelbo.parts import size_of_batch


class FamilyConditional(Conditional):
    r"""A conditional that is a family of distributions, and a link for each of its parameters.

    One head per parameter returns raw numbers $r$; the parameter's link, a bijector onto the values
    that it may take, makes the parameter of them. A family of numbers is independent in each entry
    of the event; one of vectors (`value_rank` 1) has them along the last axis of the event, which
    is independent along the others.

    A subclass names its `family` and which of the family's parameters are learned, `learned`; and
    where they are not of the shape of the event, writes `parameter_shape`.

    Args:
        event_shape: Shape of the value $y$.
        network: Keras layer from the context to features, or None.
        links: Bijectors by the name of a parameter, in the place of the usual ones (which are an
            identity for what may be any number, `1e-3 + softplus(r)` for what must be positive,
            and `bijectors.onto` for all else): `{"rate": bijectors.Exp()}`.
        fixed: Values by the name of a parameter that is not learned: `{"df": 4.0}`.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The event shape does not suit the family, a name in `links` or `fixed` is no
            parameter of it, a link is no bijector, a fixed value breaks the parameter's rule, or
            nothing is left to learn.

    Example:
        >>> import numpy as np
        >>> from kelbo.distributions import Gumbel
        >>> from kelbo.layers import FamilyConditional
        >>> class ConditionalGumbel(FamilyConditional):
        ...     family = Gumbel
        ...     learned = ("loc", "scale")
        >>> ConditionalGumbel((2,)).given(np.zeros((5, 3), "float32")).batch_shape
        (5,)
    """

    family: ClassVar[type[Distribution]]
    learned: ClassVar[tuple[str, ...]]
    value_rank: ClassVar[int] = 0
    # Links that are the family's own choice; others follow from the constraints.
    usual_links: ClassVar[Mapping[str, Bijector]] = {}

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        *,
        links: Mapping[str, Bijector] | None = None,
        fixed: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(event_shape, network, **kwargs)
        owner = type(self).__name__
        if len(self.event_shape) < self.value_rank:
            raise ValueError(
                f"{owner} is a distribution of vectors: event_shape must be (..., d), got "
                f"{self.event_shape}."
            )
        self._own_links = _checked_links(owner, self.learned, links)
        self._fixed = _checked_values(owner, self.family, self.learned, fixed)
        names = [name for name in self.learned if name not in self._fixed]
        if not names:
            raise ValueError(f"{owner}: all of {', '.join(self.learned)} are fixed.")
        self._links = {name: self._link(name) for name in names}
        for name, link in self._links.items():
            raw_shape = link.inverse_event_shape(self.parameter_shape(name))
            # An attribute each: the weights in a file are found by its name.
            setattr(self, f"_{name}", self._head(name, raw_shape))

    def _link(self, name):
        constraint = self.family.parameters[name]
        usual = self.usual_links.get(name) or head_link(constraint)
        return self._own_links.get(name, usual)

    def parameter_shape(self, name: str) -> tuple:
        """Shape of a parameter of one value: that of the event, unless a subclass says otherwise.

        Args:
            name: Name of the parameter.

        Returns:
            A tuple, without the batch.
        """
        return self.event_shape

    @property
    def heads(self) -> dict[str, keras.layers.Layer]:
        return {name: getattr(self, f"_{name}") for name in self._links}

    def parameters_from(self, **raw: Any) -> dict[str, Any]:
        return {name: self._links[name].forward(value) for name, value in raw.items()}

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> dict[str, tuple]:
        batch = size_of_batch(input_shape)
        return {name: (batch, *self.parameter_shape(name)) for name in self._links}

    def distribution(self, **parameters: Any) -> Distribution:
        dtype = next(iter(parameters.values())).dtype
        fixed = {n: ops.convert_to_tensor(v, dtype=dtype) for n, v in self._fixed.items()}
        distribution = self.family(**parameters, **fixed, **self._settings(), validate=False)
        return Independent(distribution, len(self.event_shape) - self.value_rank)

    def _settings(self) -> dict[str, Any]:
        """Arguments of the family that are no parameters."""
        return {}

    def get_config(self) -> dict[str, Any]:
        links = {n: keras.saving.serialize_keras_object(b) for n, b in self._own_links.items()}
        fixed = {name: value.tolist() for name, value in self._fixed.items()}
        return {**super().get_config(), "links": links, "fixed": fixed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FamilyConditional":
        """The layer that `get_config` described."""
        links = config.get("links") or {}
        links = {n: keras.saving.deserialize_keras_object(b) for n, b in links.items()}
        return super().from_config({**config, "links": links})


def _checked_links(owner, names, links):
    links = dict(links or {})
    for name, link in links.items():
        _require_name(owner, "links", name, names)
        if not isinstance(link, Bijector):
            raise ValueError(
                f"{owner}: links[{name!r}] must be a kelbo.bijectors.Bijector, got {link!r}."
            )
    return links


def _checked_values(owner, family, names, fixed):
    values = {}
    for name, value in (fixed or {}).items():
        _require_name(owner, "fixed", name, names)
        values[name] = np.asarray(ops.convert_to_numpy(value), "float64")
        constraint = family.parameters[name]
        if not bool(ops.all(constraint.contains(values[name]))):
            raise ValueError(f"{owner}: fixed[{name!r}] must be {constraint.rule}, got {value!r}.")
    return values


def _require_name(owner, argument, name, names):
    if name not in names:
        raise ValueError(
            f"{owner}: {argument} names {name!r}, but the parameters are {', '.join(names)}."
        )
