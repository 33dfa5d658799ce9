"""Keras' private names. Each is used here and nowhere else, with what is done where it is gone.

Keras promises nothing of what begins with an underscore or lies in `keras.src`. Where a later
version has a name no more, there is another way here, slower or by public names alone; where there
is none, the error says which version of Keras lacks what.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras


def _lacking(name, purpose):
    return RuntimeError(
        f"{purpose} needs {name} of Keras, which is private and which Keras {keras.__version__} "
        "does not have: take a version of Keras that Kelbo is tested with (3.12 to 3.15), or a "
        "newer version of Kelbo."
    )


def random_seed_dtype() -> str:
    """The dtype of seeds on the backend that runs.

    Example:
        >>> from kelbo.keras_internals import random_seed_dtype
        >>> "int" in random_seed_dtype()
        True
    """
    try:
        from keras.src.backend import random_seed_dtype as of_keras
    except ImportError:
        return keras.backend.standardize_dtype(keras.random.SeedGenerator(0).state.dtype)
    return of_keras()


def replace_narrowing(rule: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Replaces the table by which Keras' type promotion makes 64 bits 32.

    Where Keras has no such table any more nothing is replaced, and `tests/ops/test_float64.py` says
    which functions lose float64.

    Args:
        rule: From the table to the one in its place.
    """
    try:
        from keras.src.backend.common import dtypes
    except ImportError:
        return
    if hasattr(dtypes, "BIT64_TO_BIT32_DTYPE"):
        dtypes.BIT64_TO_BIT32_DTYPE = rule(dtypes.BIT64_TO_BIT32_DTYPE)


def layers_within(layer: keras.layers.Layer, include_self: bool = True) -> list[keras.layers.Layer]:
    """A layer and all layers within it, each once.

    Args:
        layer: A layer or model.
        include_self: Whether the layer itself is among them.

    Returns:
        A list.

    Example:
        >>> import keras
        >>> from kelbo.keras_internals import layers_within
        >>> model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(3)])
        >>> len(layers_within(model)), len(layers_within(model, include_self=False))
        (3, 2)
    """
    if hasattr(layer, "_flatten_layers"):
        return list(layer._flatten_layers(include_self=include_self))
    found, waiting = {id(layer): layer}, [layer]
    while waiting:
        for leaf in _leaves(vars(waiting.pop(0))):
            if isinstance(leaf, keras.layers.Layer) and id(leaf) not in found:
                found[id(leaf)] = leaf
                waiting.append(leaf)
    return [each for each in found.values() if include_self or each is not layer]


def seed_generators(layer: keras.layers.Layer) -> list[keras.random.SeedGenerator]:
    """The seed generators that a layer itself owns.

    Args:
        layer: A layer or model.

    Returns:
        A list.

    Example:
        >>> import keras
        >>> from kelbo.keras_internals import seed_generators
        >>> len(seed_generators(keras.layers.Dropout(0.5)))
        1
    """
    if hasattr(layer, "_seed_generators"):
        return list(layer._seed_generators)
    return [x for x in _leaves(vars(layer)) if isinstance(x, keras.random.SeedGenerator)]


def _leaves(value):
    """What containers hold; not by `keras.tree`, which sorts the keys of dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list | tuple | set):
        return [value]
    return [leaf for each in value for leaf in _leaves(each)]


def own_variables(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The variables that are a layer's own, not those of layers within, in the order of files.

    Args:
        layer: A layer or model.

    Returns:
        A list.

    Example:
        >>> import keras
        >>> from kelbo.keras_internals import own_variables
        >>> layer = keras.layers.Dense(2)
        >>> layer.build((None, 3))
        >>> len(own_variables(layer)), len(own_variables(keras.Sequential([layer])))
        (2, 0)
    """
    if hasattr(layer, "_trainable_variables") and hasattr(layer, "_non_trainable_variables"):
        return [*layer._trainable_variables, *layer._non_trainable_variables]
    within = layers_within(layer, include_self=False)
    others = {id(variable) for each in within for variable in each.variables}
    return sorted(
        (variable for variable in layer.variables if id(variable) not in others),
        key=lambda variable: not variable.trainable,
    )


def trained_variables(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """The variables that an optimizer was built for.

    Args:
        optimizer: An optimizer that is built.

    Returns:
        A list.

    Raises:
        RuntimeError: This version of Keras does not say.
    """
    if not hasattr(optimizer, "_trainable_variables"):
        raise _lacking("Optimizer._trainable_variables", "Training what was changed")
    return list(optimizer._trainable_variables)


def symbolic_build(model: keras.Model, batch: Any) -> None:
    """Builds what is not built of a model that is compiled: layers, metrics, optimizer.

    Args:
        model: The model.
        batch: What a train step takes, with as few examples as there may be.
    """
    if hasattr(model, "_symbolic_build"):
        model._symbolic_build(data_batch=batch)
        return
    # An evaluation of real numbers builds the layers and the metrics, which then are as they were.
    model.test_on_batch(*batch)
    model.reset_metrics()
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def metrics_in_order(model: keras.Model, logs: dict[str, Any]) -> Any:
    """Logs as a list, in the order of the metrics' names; one alone as it is.

    Args:
        model: The model whose logs they are.
        logs: Numbers by name.

    Returns:
        A list of numbers, or a number.
    """
    if hasattr(model, "_flatten_metrics_in_order"):
        return model._flatten_metrics_in_order(logs)
    names = [name for name in model.metrics_names if name in logs]
    values = [logs[name] for name in [*names, *sorted(set(logs) - set(names))]]
    return values[0] if len(values) == 1 else values


@contextlib.contextmanager
def unlocked(layer: keras.layers.Layer) -> Iterator[None]:
    """Lets parts with variables be exchanged: Keras locks a layer's parts when it is built.

    Args:
        layer: A layer or model.

    Yields:
        Nothing.

    Raises:
        RuntimeError: This version of Keras has no such lock that is known here.
    """
    tracker = _tracker(layer)
    was_locked = tracker.locked
    tracker.unlock()
    try:
        yield
    finally:
        if was_locked:
            tracker.lock()


def own_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers that are attributes of a layer, in the order in which they are saved.

    Args:
        layer: A layer or model.

    Returns:
        A list.

    Raises:
        RuntimeError: This version of Keras does not say.
    """
    if not hasattr(layer, "_layers"):
        raise _lacking("Layer._layers", "To exchange a part of a model")
    return list(layer._layers)


def set_own_layers(layer: keras.layers.Layer, layers: Sequence[keras.layers.Layer]) -> None:
    """Says which layers a layer has, and in which order they are saved.

    Args:
        layer: A layer or model, `unlocked`.
        layers: All that it is to have.
    """
    tracker = _tracker(layer)
    for each in own_layers(layer):
        tracker.untrack(each)
    for each in layers:
        tracker.track(each)


def _tracker(layer):
    if not hasattr(layer, "_tracker"):
        raise _lacking("Layer._tracker", "To exchange a part of a model")
    return layer._tracker


def attach(variable: keras.Variable, value: Any) -> None:
    """Sets a variable as it is: no check, no conversion, no trip to the device.

    Args:
        variable: A variable of a model on JAX.
        value: Array of the variable's shape and dtype; one of NumPy's goes to the device with the
            next compiled call.
    """
    if hasattr(variable, "_value"):
        variable._value = value
    else:
        variable.assign(value)


def states_are_handed_over() -> bool:
    """Whether Keras' fit on JAX takes its state from the model as it is known here.

    Where it does not, Keras' plain loop runs.
    """
    return hasattr(keras.Model, "_get_jax_state")


class StateOfSteps:
    """Mixin for `keras.Model` on JAX: where its fit takes the state of its steps, and leaves it.

    `state_of_step` and `logs_of_epoch` may be overridden; these are Keras' own.
    """

    def state_of_step(self, wanted: tuple[bool, ...]) -> tuple:
        """The values that a compiled call gets.

        Args:
            wanted: Which: trainable variables, others, those of the optimizer, of the metrics.

        Returns:
            A list of values for each kind that is wanted.
        """
        return super()._get_jax_state(*wanted, purge_model_variables=False)

    def logs_of_epoch(self, logs: Any) -> Any:
        """The metrics of an epoch, whose last logs are given."""
        return super()._get_metrics_result_or_logs(logs)

    def state_to_attach(self) -> dict[str, list] | None:
        """What the last compiled call returned, where the variables do not hold it yet."""
        state = getattr(self, "_jax_state", None)
        return None if not state or self._jax_state_synced else state

    def state_is_attached(self) -> None:
        """Says that the variables hold what the last compiled call returned."""
        self._jax_state_synced = True

    def forget_state(self) -> None:
        """Lets go of what the last compiled call returned."""
        self._jax_state = None

    def _get_jax_state(
        self,
        trainable_variables: bool = False,
        non_trainable_variables: bool = False,
        optimizer_variables: bool = False,
        metrics_variables: bool = False,
        purge_model_variables: bool = False,
    ) -> tuple:
        # Keras would take the values from the variables, and a model whose first batch then
        # fails, as one of a wrong shape does, would have none left. A compiled call frees them.
        return self.state_of_step(
            (trainable_variables, non_trainable_variables, optimizer_variables, metrics_variables)
        )

    def _get_metrics_result_or_logs(self, logs: Any) -> Any:
        return self.logs_of_epoch(logs)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_jax_state":
            # Keras looks for layers and variables in all that is set; there are none in here.
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)
