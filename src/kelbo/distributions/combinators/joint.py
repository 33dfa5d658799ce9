"""Several named random variables together, each given the ones before it."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions.combinators.expanded import Expanded
from kelbo.distributions.distribution import Distribution
from kelbo.ops.seeds import several_seeds
from kelbo.parameters import Constraint, Shape, as_shape, broadcast_shapes
from kelbo.parameters.slicing import BatchIndex, EachRow, FullRank
from kelbo.parts import map_parts, parts_in_order
from kelbo.registration import registered

_Draw = Callable[[str, Distribution, tuple, Any], Any]


@dataclass(frozen=True)
class Dependent:
    """A part of a `Joint` that is a function of other parts.

    Args:
        parents: Names of the parts that it depends on.
        function: Takes their values, a dict, and returns the distribution of this part.
        context: Tensors by name, or dicts of them, that are handed to the function among the
            values; their leading axes are the batch of the `Joint`, which can be indexed with them.
        batch_rank: How many of these axes there are; None where the parts that are fixed say it.
    """

    parents: tuple[str, ...]
    function: Callable[[dict[str, Any]], Distribution]
    context: dict[str, Any] = field(default_factory=dict)
    batch_rank: int | None = None

    def leading(self) -> list[Any]:
        """Tensors of the context whose first axes are known to be the batch."""
        return parts_in_order(self.context) if self.batch_rank else []


@registered
class Joint(Distribution):
    r"""The joint distribution of named random variables, by the chain rule.

    $$p(z_1, \dots, z_K) = \prod_{k=1}^K p(z_k \mid z_{<k})$$

    A value is a dict of tensors by name. `sample`, `log_prob` and `sample_and_log_prob` are as of
    any distribution; `event_shape` and `support` are dicts by name. A Joint of functions is not
    saved: one whose parts are conditionals, with networks and variables, is
    `layers.ConditionalJoint`.

    (Koller and Friedman, 2009, "Probabilistic graphical models", ch. 3.)

    Args:
        parts: In an order in which each part comes after those that it depends on, by name: a
            distribution, or a function of parts before it that returns one; the names of its
            arguments say which (`lambda z: Normal(z, 1.0)`); `**parts` are all before it.

    Raises:
        TypeError: A part is neither.
        ValueError: There are none, or one depends on what does not come before it.

    Example:
        >>> from kelbo.distributions import Joint, Normal
        >>> joint = Joint({"level": Normal(0.0, 1.0), "value": lambda level: Normal(level, 0.1)})
        >>> draws = joint.sample((5,), seed=0)
        >>> draws["value"].shape, joint.log_prob(draws).shape
        ((5,), (5,))
    """

    def __init__(self, parts: Mapping[str, Distribution | Callable[..., Distribution]]):
        if not isinstance(parts, Mapping) or not parts:
            raise ValueError(
                "Joint: parts must be a dict of distributions, or functions that return one, by "
                f"name, with at least one in it, got {parts!r}."
            )
        self._parts = {}
        for name, part in parts.items():
            self._parts[name] = _as_part(name, part, tuple(self._parts))
        fixed = [part for part in self._parts.values() if isinstance(part, Distribution)]
        dependent = [part for part in self._parts.values() if isinstance(part, Dependent)]
        of_contexts = [tuple(t.shape[: p.batch_rank]) for p in dependent for t in p.leading()]
        self._batch_shape = broadcast_shapes(*(part.batch_shape for part in fixed), *of_contexts)
        self.dtype = max((part.dtype for part in fixed), default="float32")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts, in their order."""
        return tuple(self._parts)

    def parents(self, name: str) -> tuple[str, ...]:
        """Names of the parts that a part depends on.

        Args:
            name: Of the part.
        """
        part = self._parts[name]
        return part.parents if isinstance(part, Dependent) else ()

    def part(self, name: str, values: Mapping[str, Any] | None = None) -> Distribution:
        """The distribution of one part, given the values of the parts that it depends on.

        Args:
            name: Of the part.
            values: At least those of its parents, by name; None for a part without.

        Returns:
            A distribution.
        """
        part = self._parts[name]
        if not isinstance(part, Dependent):
            return part
        given = {parent: values[parent] for parent in part.parents}
        found = part.function({**part.context, **given})
        if not isinstance(found, Distribution):
            raise TypeError(
                f"Joint: the function of the part {name!r} must return a distribution, got a "
                f"{type(found).__name__}."
            )
        return found.astype(self.dtype)

    def kinds(self) -> dict[str, Distribution]:
        """Distributions of the kinds of the parts, by name: at ancestors that were drawn once."""
        found = {}
        self.draw(lambda name, part, shape, seed: _kept(found, name, part, shape, seed), (), 0)
        return found

    def with_each(self, change: Callable[[Distribution], Distribution]) -> "Joint":
        """The Joint whose parts are changed, one after another.

        Args:
            change: Takes a distribution and returns another one over values of the same shape.
        """

        def changed(part):
            if not isinstance(part, Dependent):
                return change(part)
            function = functools.partial(_changed, change, part.function)
            return Dependent(part.parents, function, part.context, part.batch_rank)

        return Joint({name: changed(part) for name, part in self._parts.items()})

    @property
    def event_shape(self) -> dict[str, Shape]:
        """Shape of one value of each part, by name."""
        return {name: part.event_shape for name, part in self._each_kind()}

    @property
    def support(self) -> dict[str, Constraint]:
        """The support of each part, by name."""
        return {name: part.support for name, part in self._each_kind()}

    @property
    def regular_support(self) -> dict[str, Constraint]:
        """The regular support of each part, by name."""
        return {name: part.regular_support for name, part in self._each_kind()}

    @property
    def reparameterized(self) -> bool:
        """Whether gradients flow through `sample`: whether they do in every part."""
        return all(part.reparameterized for _, part in self._each_kind())

    def _each_kind(self):
        if all(isinstance(part, Distribution) for part in self._parts.values()):
            return self._parts.items()
        return self.kinds().items()

    def draw(self, by: _Draw, sample_shape: int | Sequence[int] = (), seed: Any = None) -> dict:
        """Draws of all parts, each made by a function: an estimator's own draws, say.

        Args:
            by: Called as `by(name, distribution, sample shape, seed)` for each part in turn, the
                distribution given what was returned for the parts before it; returns a value.
            sample_shape: Shape of the set of draws.
            seed: As in `sample`.

        Returns:
            The values by name.
        """
        leading = (*as_shape(sample_shape, "Joint: sample_shape"), *self._known_batch_shape())
        seeds, values = several_seeds(seed), {}
        for name in self._parts:
            part = self._expanded(self.part(name, values))
            own = leading[: len(leading) - len(part.batch_shape)]
            values[name] = by(name, part, own, seeds)
        return values

    def _expanded(self, part):
        """A part that has one parameter for a whole axis of the batch, with one draw for each."""
        sizes = part.batch_shape[len(part.batch_shape) - len(self.batch_shape) :]
        whole = self.batch_shape[len(self.batch_shape) - len(sizes) :]
        if any(size == 1 and all_of_it not in (1, None) for size, all_of_it in zip(sizes, whole)):  # noqa: B905
            return Expanded(part, whole)
        return part

    def _known_batch_shape(self):
        if None not in self.batch_shape:
            return self.batch_shape
        for part in self._parts.values():
            if isinstance(part, Dependent) and part.leading():
                return tuple(ops.shape(part.leading()[0])[: part.batch_rank])
        longest = max(self._fixed_parts().values(), key=lambda part: len(part.batch_shape))
        return longest._shape_of_sample(())[: len(self.batch_shape)]

    def sample(self, sample_shape: int | Sequence[int] = (), seed: Any = None) -> dict[str, Any]:
        """Draws by name, each of shape `sample_shape + batch_shape + event_shape[name]`.

        Args:
            sample_shape: Shape of the set of independent draws, or their number.
            seed: As in every distribution.

        Returns:
            A dict of tensors.
        """
        return self.draw(lambda _, part, shape, seed: part.sample(shape, seed), sample_shape, seed)

    def sample_and_log_prob(
        self, sample_shape: int | Sequence[int] = (), seed: Any = None
    ) -> tuple[dict[str, Any], Any]:
        """Draws with their log densities, without inverting what made them.

        Args:
            sample_shape: Shape of the set of independent draws, or their number.
            seed: As in every distribution.

        Returns:
            What `sample` returns for that seed, and `log_prob` of it.
        """
        densities = []

        def by(_, part, shape, seed):
            value, log_prob = part.sample_and_log_prob(shape, seed)
            densities.append(log_prob)
            return value

        return self.draw(by, sample_shape, seed), sum(densities)

    def log_prob(self, value: Mapping[str, Any]) -> Any:
        """Log density of a value of all parts, in nats.

        Args:
            value: Values by name.

        Returns:
            A tensor.

        Raises:
            ValueError: The names are not those of the parts, or a value has another shape.
        """
        return sum(self.log_prob_of_parts(value).values())

    def log_prob_of_parts(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The log density of each part given the ones before it, in nats, by name.

        Args:
            value: Values by name.

        Returns:
            A dict of tensors.

        Raises:
            ValueError: The names are not those of the parts, or a value has another shape.
        """
        given = sorted(value) if isinstance(value, Mapping) else type(value).__name__
        if given != sorted(self._parts):
            raise ValueError(
                f"Joint: a value is a dict of tensors by name, one for each of "
                f"{', '.join(self._parts)}; got {given}."
            )
        value = {name: ops.convert_to_tensor(v, dtype=self.dtype) for name, v in value.items()}
        return {name: self.part(name, value).log_prob(value[name]) for name in self._parts}

    def _sample(self, shape: tuple, seed: Any) -> Any:
        raise NotImplementedError  # `sample` itself is overridden

    def _log_prob(self, value: Any) -> Any:
        raise NotImplementedError  # `log_prob` itself is overridden

    def _of_fixed(self, what: str) -> dict[str, Any]:
        if any(isinstance(part, Dependent) for part in self._parts.values()):
            return self._missing(what)
        return {name: getattr(part, what)() for name, part in self._parts.items()}

    def mean(self) -> dict[str, Any]:
        """Expected values by name, where no part depends on another one."""
        return self._of_fixed("mean")

    def variance(self) -> dict[str, Any]:
        """Variances by name, where no part depends on another one."""
        return self._of_fixed("variance")

    def stddev(self) -> dict[str, Any]:
        """Standard deviations by name, where no part depends on another one."""
        return self._of_fixed("stddev")

    def mode(self) -> dict[str, Any]:
        """Most probable values by name, where no part depends on another one."""
        return self._of_fixed("mode")

    def entropy(self) -> Any:
        """Entropy in nats, where no part depends on another one."""
        return sum(self._of_fixed("entropy").values())

    def astype(self, dtype: str) -> "Joint":
        return self if dtype == self.dtype else self.with_each(lambda part: part.astype(dtype))

    def _state(self) -> dict[str, Any]:
        parts = self._parts.items()
        # A function is what it is; its context, and what a `functools.partial` holds, are tensors.
        return {
            n: (p.parents, p.function, p.context, p.batch_rank) if isinstance(p, Dependent) else p
            for n, p in parts
        }

    @classmethod
    def _from_state(cls, state: dict[str, Any], dtype: str) -> "Joint":
        return cls({n: Dependent(*p) if isinstance(p, tuple) else p for n, p in state.items()})

    def _fixed_parts(self) -> dict[str, Distribution]:
        return {n: part for n, part in self._parts.items() if isinstance(part, Distribution)}

    def _lacks_axes(self, index: FullRank) -> bool:
        return any(part._lacks_axes(index) for part in self._fixed_parts().values())

    def _with_all_axes(self, index: FullRank) -> "Joint":
        if isinstance(index, EachRow):
            return self._sliced(index)
        fixed = self._fixed_parts().items()
        return Joint({**self._parts, **{n: part._with_all_axes(index) for n, part in fixed}})

    def _sliced(self, index: BatchIndex) -> "Joint":
        return Joint({name: self._sliced_part(name, index) for name in self._parts})

    def _sliced_part(self, name, index):
        part = self._parts[name]
        if not isinstance(part, Dependent):
            return part._sliced(index)
        if not part.context and self.batch_shape:
            raise NotImplementedError(
                f"Joint: the part {name!r} is a function of others, whose batch is not known to be "
                "that of the Joint: index the context that it was made of."
            )
        rank = len(self.batch_shape)
        context = map_parts(lambda t: index.of_tensor(t, len(t.shape) - rank), part.context)
        return Dependent(part.parents, part.function, context, part.batch_rank)

    def get_config(self) -> dict[str, Any]:
        """The parts, serialised.

        Raises:
            ValueError: One is a function.
        """
        dependent = [name for name in self._parts if self.parents(name)]
        if dependent:
            raise ValueError(
                f"Joint: the part {dependent[0]!r} is a Python function, which no file holds: make "
                "the joint distribution of conditionals, layers.ConditionalJoint."
            )
        serialize = keras.saving.serialize_keras_object
        # A list: the keys of a dict are sorted in a file.
        return {"parts": [[name, serialize(part)] for name, part in self._parts.items()]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Joint":
        """The Joint that `get_config` described."""
        deserialize = keras.saving.deserialize_keras_object
        return cls({name: deserialize(part) for name, part in config["parts"]})

    def _description(self) -> str:
        def shown(name):
            parents = self.parents(name)
            return f"{name} | {', '.join(parents)}" if parents else f"{name}: {self._parts[name]!r}"

        return f"Joint({', '.join(map(shown, self._parts))})"


def _changed(change, function, values):
    return change(function(values))


def _kept(found, name, part, shape, seed):
    found[name] = part
    return part.sample(shape, seed)


def _by_name(function, values):
    return function(**values)


def _as_part(name, part, before):
    if not isinstance(name, str):
        raise TypeError(f"Joint: the name of a part must be a string, got {name!r}.")
    if isinstance(part, Distribution):
        return part
    if not isinstance(part, Dependent):
        if not callable(part):
            raise TypeError(
                f"Joint: the part {name!r} must be a distribution, or a function of parts before "
                f"it that returns one, got a {type(part).__name__}."
            )
        arguments = inspect.signature(part).parameters.values()
        takes_all = any(each.kind is each.VAR_KEYWORD for each in arguments)
        parents = before if takes_all else tuple(each.name for each in arguments)
        part = Dependent(parents, functools.partial(_by_name, part))
    unknown = [parent for parent in part.parents if parent not in before]
    if unknown:
        raise ValueError(
            f"Joint: the part {name!r} depends on {unknown[0]!r}, which is not among the parts "
            f"before it ({', '.join(before) or 'none'})."
        )
    return part
