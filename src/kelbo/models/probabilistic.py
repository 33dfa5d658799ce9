"""What the models of this package share: seeds, compiled verbs, a loss per example, files."""

import abc
import contextlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import keras

from kelbo import ops
from kelbo.intake import as_array, as_parts
from kelbo.keras_internals import own_layers, set_own_layers, unlocked
from kelbo.layers import Conditional, Flow
from kelbo.models.data_checks import require_finite, require_support
from kelbo.models.observed import observed_entries, require_mask, with_zeros
from kelbo.networks import takes_whole_numbers
from kelbo.parameters import whole_number
from kelbo.parts import (
    has_parts,
    is_shape,
    map_parts,
    named_parts,
    named_shapes,
    require_same_parts,
    shapes_of,
    with_batch,
    without_batch,
)
from kelbo.training import FusedTrainer, map_rows
from kelbo.training.loop.batches import count_examples
from kelbo.training.state import model_state
from kelbo.training.weights import weighted

# Arguments of `compile` that are about one tensor for each example.
_OF_OUTPUTS = ("metrics", "weighted_metrics", "loss_weights")

# Variables that are the model's own, and what to do in place of setting others.
_KEPT = {
    "seed_generator": "it follows seed, which may be set",
    "epochs_trained": "it is a weight of the model: give it a value by its assign(...)",
    "training_examples": "it is a weight of the model: give it a value by its assign(...)",
}


class ProbabilisticModel(FusedTrainer, keras.Model, abc.ABC):
    """A `keras.Model` that is made of layers, distributions and objectives.

    A subclass names its parts in `parts`, each an argument of its constructor and an attribute that
    may be set at any time, and checks them in `checked_parts`. It says the shape of one example in
    `example_shape` and which of x and y has a density in `scored`, and writes `build`, `call` (to
    tensors with the batch first) and `loss_per_example`. It is compiled with an optimizer alone.

    The data of a model may have parts: a dict of "x", the examples, and what `data_parts` names
    beside it. `call` and the verbs then get a dict of tensors with the same keys. A part "mask", of
    the shape of x or one that broadcasts to it, says which entries of x are observed (1 or True);
    the others may be anything, NaN too, and are 0 in what the model gets. `build` asks
    `shape_in_networks`, and keeps the shapes of one example's parts in `data_shape`.

    Args:
        seed: Integer that decides the order of examples and all noise; not the initial weights,
            which belong to the layers: `keras.utils.set_random_seed`, called before these are
            made, decides them, and the seed too where it is None.
        name: Name of the model.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    scored: ClassVar[Literal["x", "y"]] = "x"
    data_parts: ClassVar[tuple[str, ...]] = ()

    def __init__(self, seed: int | None = None, name: str | None = None):
        super().__init__(name=name)
        # A log density is a sum of many terms: half precision is for the networks only.
        self.autocast = False
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(self.seed % 2**31)
        self.data_shape = None
        self._verbs = {}
        self.init_trainer()

    @abc.abstractmethod
    def checked_parts(self, **parts: Any) -> dict[str, Any]:
        """The parts as the model holds them, where they can be one model.

        Args:
            **parts: All of `parts` that are plain attributes, by name.

        Returns:
            The same, by name.

        Raises:
            TypeError: One is not what its place is for.
            ValueError: They do not fit together.
        """

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute; a part of a model that is made already is exchanged."""
        if name in self._plain_parts() and hasattr(self, name):
            self._exchange(name, value)
            return
        if name in _KEPT and hasattr(self, name):
            raise AttributeError(f"{type(self).__name__}: {name} cannot be set: {_KEPT[name]}.")
        super().__setattr__(name, ops.whole_seed(value, 32) if name == "seed" else value)

    @classmethod
    def _plain_parts(cls) -> list[str]:
        """The parts that are no properties."""
        return [name for name in cls.parts if not hasattr(cls, name)]

    def _exchange(self, name, value):
        """Gives the model another part, in the midst of a fit too, or leaves all as it is."""
        parts = {part: getattr(self, part) for part in self._plain_parts()}
        old, shape = parts[name], self._shape_of_data
        if value is old:
            return
        value = self.checked_parts(**{**parts, name: value})[name]
        self.jax_state_sync()  # in a callback, the variables may be empty
        with unlocked(self):
            self._put(name, value)
            try:
                if self.built:
                    # The shape of an example is what the parts say; else what it was.
                    now = self._shape_of_data
                    self.build(with_batch(shape if now is None else now))
                if self.compiled:
                    self.check_parts()
            except Exception:
                with unlocked(self):  # what was built has locked it again
                    self._put(name, old)
                raise
        self.renew(force=True)

    def _put(self, name, value):
        old = getattr(self, name)
        delattr(self, name)
        super().__setattr__(name, value)
        # The order of layers is that of a model made of these parts: files rely on it. What is no
        # part any more would stay a layer of the model.
        parts = [getattr(self, part) for part in self._plain_parts()]
        known = own_layers(self)
        others = [each for each in known if all(each is not part for part in (old, *parts))]
        set_own_layers(self, [*parts, *others])

    def shape_in_networks(self, input_shape: Any) -> Any:
        """The shape of a batch as the networks see it.

        Args:
            input_shape: Shape of a batch, or of its parts.

        Returns:
            The same, but that the size of the batch is None, and a mask has x's shape.

        Raises:
            ValueError: A part is missing, or not known.
        """
        shape = without_batch(input_shape)
        if not is_shape(shape):
            require_known_parts(type(self).__name__, shape, ("x", *self.data_parts))
        if not is_shape(shape) and "mask" in self.data_parts and "mask" in shape:
            shape = {**shape, "mask": shape["x"]}
        return with_batch(shape)

    def build_part(self, part: Conditional | Flow, input_shape: Any) -> None:
        """Builds a part that has contexts; one that is built must take such ones.

        Args:
            part: The part.
            input_shape: Shape of a batch of contexts, or of their parts by name.

        Raises:
            ValueError: It cannot be built for them, or was built for others.
        """
        if part.built:
            part.check_context(without_batch(input_shape))
        else:
            part.build(input_shape)

    @property
    @abc.abstractmethod
    def example_shape(self) -> tuple:
        """Shape of one example."""

    @property
    def _shape_of_data(self):
        """Shape of one example, or of its parts where the model was built for parts."""
        shape, built_for = self.example_shape, self.data_shape
        if built_for is None or is_shape(built_for):
            return shape
        return {**built_for, "x": built_for["x"] if shape is None else shape}

    @abc.abstractmethod
    def loss_per_example(self, outputs: Any) -> Any:
        """Loss in nats per example, of shape (batch,), from what `call` returned."""

    def check_parts(self) -> None:
        """Whether the parts can be trained together.

        Raises:
            ValueError: They cannot.
        """
        return

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Configures training, as `keras.Model.compile`: an optimizer is all that is needed.

        Raises:
            ValueError: The parts cannot be trained together: `check_parts`. A loss or metrics are
                given: a model of densities has its own.
        """
        given = inspect.signature(keras.Model.compile).bind(self, *args, **kwargs).arguments
        of_outputs = [name for name in _OF_OUTPUTS if given.get(name)]
        if of_outputs:
            raise ValueError(
                f"{type(self).__name__}.compile takes no {of_outputs[0]}, for the model makes "
                "distributions, of which Keras' metrics know nothing: leave it out, and compute "
                "what you want of the result, such as "
                "keras.metrics.MeanAbsoluteError()(y, model.predict(x).mean())."
            )
        if given.get("loss") is not None:
            raise ValueError(
                f"{type(self).__name__}.compile takes no loss, for the model has its own: leave it "
                "out; what a VAE minimises is set by `objective`."
            )
        self.check_parts()
        super().compile(*args, **kwargs)

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Saves the model, as `keras.Model.save`, in a `.keras` file.

        Raises:
            ValueError: The file is to be in HDF5, which Keras could not load again.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                f"{type(self).__name__}.save: {filepath} would be an HDF5 file, from which Keras "
                "does not load models such as this: save it as .keras, or its weights alone with "
                'save_weights("....weights.h5").'
            )
        super().save(filepath, *args, **kwargs)

    def get_build_config(self) -> dict[str, Any] | None:
        """What `build` needs: the shape of a batch; None for a model that is not built."""
        return {"input_shape": with_batch(self._shape_of_data)} if self.built else None

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds the model as `get_build_config` says."""
        self.build(with_batch(without_batch(config["input_shape"])))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Mean of `loss_per_example` over the batch, plus the layers' own losses (regularisers)."""
        loss = ops.mean(weighted(self.loss_per_example(y_pred), sample_weight))
        for extra in self.losses:
            loss = loss + ops.sum(ops.cast(extra, loss.dtype))
        return loss

    def check_examples(self, x: Any) -> None:
        """Refuses parts that the model does not know, and what has another shape than it takes."""
        if has_parts(x) and not self.data_parts:
            as_array(x)  # says what it is
        owner, examples = type(self).__name__, x
        name = "x"
        if has_parts(x):
            require_known_parts(owner, x, ("x", *self.data_parts))
            examples, name = x["x"], 'x["x"]'
        if self.built:
            require_same_parts(owner, "x", shapes_of(x), self._shape_of_data)
        if self.example_shape is not None:
            as_rows(examples, self.example_shape, name)
        if not has_parts(x):
            return
        if "mask" in x:
            require_mask(owner, 'x["mask"]', x["mask"], tuple(examples.shape))
        if self.built:
            self._require_shapes(x)

    def _require_shapes(self, x):
        """Refuses parts beside x that have other shapes than those the model was built for."""
        built_for = dict(named_shapes("x", self._shape_of_data))
        for name, values in named_parts("x", x):
            if name == 'x["mask"]' and "mask" in self.data_parts:
                continue  # it need only broadcast
            expected = built_for[name]
            given = tuple(values.shape[1:])
            fits = len(given) == len(expected) and all(
                size in (None, of_it) for of_it, size in zip(given, expected, strict=True)
            )
            if not fits:
                shown = ", ".join(map(str, ("n", *expected)))
                raise ValueError(
                    f"{type(self).__name__}: {name} has the shape {tuple(values.shape)}, but the "
                    f"model was built for ({shown}{',' if not expected else ''})."
                )

    def check_values(self, x: Any, y: Any, weights: Any) -> None:
        """Refuses values that are not finite, and those that have no density under the model."""
        for name, values in (("x", x), ("y", y), ("sample_weight", weights)):
            self._require_finite(name, values)
        conditional, name = self.scoring_part, self.scored
        values = {"x": x, "y": y}[name]
        observed = None
        if name == "x" and self.data_parts and has_parts(x):
            values, name, observed = x["x"], 'x["x"]', observed_entries(x)
        if conditional is None or values is None:
            return
        with contextlib.suppress(NotImplementedError):  # what it takes is not known
            template, owner = conditional.template(), type(self).__name__
            require_support(owner, name, values, template, type(conditional).__name__, observed)

    def _require_finite(self, name, values):
        if values is None:
            return
        owner, precision = type(self).__name__, self._precision
        for part, array in named_parts(name, values):
            is_masked = part == 'x["x"]' and "mask" in self.data_parts
            observed = observed_entries(values) if is_masked else None
            require_finite(owner, part, array, precision, observed)

    @property
    def scoring_part(self) -> Conditional | Flow | None:
        """The part whose support the data must lie in, or None."""
        return None

    @property
    def _precision(self):
        """The type that densities are computed in: float64 where a part is."""
        parts = (getattr(self, name) for name in self.parts)
        layers = [part for part in parts if isinstance(part, keras.layers.Layer)]
        return "float64" if any(p.compute_dtype == "float64" for p in layers) else "float32"

    def _floating(self, x, *networks):
        """Data as densities and networks take them: floating, and 0 where x is not observed.

        Whole numbers stay as they are where one of the networks looks them up.
        """
        keeps_whole = any(takes_whole_numbers(network) for network in networks)

        def cast(part):
            part = part if hasattr(part, "dtype") else as_array(part)
            is_whole = keras.backend.is_int_dtype(keras.backend.standardize_dtype(part.dtype))
            return part if is_whole and keeps_whole else ops.cast(part, self._precision)

        x = map_parts(cast, x)
        if "mask" in self.data_parts and has_parts(x):
            return with_zeros(x)
        return x

    def compiled_verb(self, verb: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, compiled once for a verb: it reads what it needs from the model anew.

        Args:
            verb: A name that says all that the function closes over beside the model.
            function: Takes and returns nests of tensors.

        Returns:
            The compiled function.
        """
        if verb not in self._verbs:
            self._verbs[verb] = ops.compile(function, self._state)
        return self._verbs[verb]

    def renew(self, force: bool = False) -> None:
        """Compiles anew what the model is no longer like; with `force`, all of it.

        Variables, layers, tensors and distributions are followed by themselves. A plain Python
        value of a layer (a rate, a flag) is a constant of what was compiled, as in Keras: after it
        has changed, `renew(force=True)` makes training and verbs follow.

        Args:
            force: Whether all is compiled anew.
        """
        if force:
            self._verbs.clear()
        super().renew(force)

    def _state(self):
        self.jax_state_sync()  # a callback may ask in the midst of an epoch
        return model_state(self)

    def compiled_draws(
        self, verb: str, n: int, batch_size: int, draw: Callable[[int, Any], Any], seed: int
    ) -> Any:
        """`n` rows of `draw(count, seeds)`, which is compiled for few counts."""
        import numpy as np

        n = whole_number(verb, "n", n)

        def run(index, count):
            def batch(seed, index):
                return draw(count, ops.SeedSequence(seed).fold_in(index))

            return self.compiled_verb(f"{verb} {count}", batch)(seed, index)

        return map_rows(
            lambda rows, index: run(index, len(rows)), np.zeros((n, 0), "float32"), batch_size
        )

    def examples(self, x: Any) -> Any:
        """The examples for a verb: their shape and values checked; the model is built.

        Args:
            x: See `kelbo.intake.as_parts`.

        Returns:
            An array or tensor of shape (n, *event shape), or a dict of the parts of the data.

        Raises:
            ValueError: A shape is another one, a part is missing or not known, or values are NaN or
                infinite.
        """
        x = as_parts(x)
        self.check_examples(x)
        if has_parts(x):
            count_examples((x,))
        self._require_finite("x", x)
        self.require_built(x)
        return x

    def require_built(self, x: Any = None) -> None:
        """Builds the model, if it is not built: for data such as x, or examples of its shape."""
        if not self.built:
            shape = self.example_shape if x is None else without_batch(shapes_of(x))
            self.build(with_batch(shape))

    def get_config(self) -> dict[str, Any]:
        parts = {name: getattr(self, name) for name in self.parts}
        serialized = {
            name: part and keras.saving.serialize_keras_object(part) for name, part in parts.items()
        }
        return {**serialized, "seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ProbabilisticModel":
        """The model that `get_config` described."""
        parts = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in cls.parts
            if config[name] is not None
        }
        return cls(**{**config, **parts})


def as_rows(x: Any, event_shape: Sequence[int], name: str) -> Any:
    """A batch of values, as an array or tensor whose shape has been checked.

    Args:
        x: What was given: see `kelbo.intake.as_array`.
        event_shape: Shape of one value.
        name: Name of the argument, for the error.

    Returns:
        A NumPy array, or a tensor of the backend that runs.

    Raises:
        ValueError: It is no array, or its shape is not (n, *event_shape).

    Example:
        >>> from kelbo.models.probabilistic import as_rows
        >>> as_rows([[1.0, 2.0]], (2,), "x").shape
        (1, 2)
    """
    x = as_array(x, name)
    given, expected = tuple(x.shape[1:]), tuple(event_shape)
    if given != expected:
        hint = {
            ((), (1,)): f" One column is {name}.reshape(-1, 1), or frame[['column']].",
            ((1,), ()): f" A number per row is {name}.reshape(-1), or frame['column'].",
        }.get((given, expected), "")
        raise ValueError(
            f"{name} has the shape {tuple(x.shape)}; expected "
            f"({', '.join(map(str, ('n', *expected)))}{',' if not expected else ''}).{hint}"
        )
    return x


def require_known_parts(owner: str, x: dict[str, Any], known: Sequence[str]) -> None:
    """Refuses data that lack "x", or have parts that are not known.

    Args:
        owner: Whose data they are, for the error.
        x: The parts, by name.
        known: Names of all parts that the model takes.

    Raises:
        ValueError: One is missing or not known.

    Example:
        >>> from kelbo.models.probabilistic import require_known_parts
        >>> require_known_parts("VAE", {"x": [1.0], "context": [0]}, ("x", "context", "mask"))
    """
    unknown = [name for name in x if name not in known]
    if unknown or "x" not in x:
        what = f"unknown parts {unknown}" if unknown else 'no part "x"'
        shown = ", ".join(f'"{name}"' for name in known)
        raise ValueError(
            f'{owner}: the data have {what}; expected one array, or a dict with "x" and none, some '
            f"or all of {shown}."
        )
