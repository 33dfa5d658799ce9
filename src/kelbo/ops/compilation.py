"""Compile a function that reads Keras variables, on whichever backend runs."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kelbo.ops.pytrees import Pytree

# A function whose every trace makes variables anew would be compiled for ever.
_MOST_TRIES = 5
_NUMBERS = (bool, int, float, complex, np.ndarray, np.generic, keras.Variable)


def compile(
    function: Callable[..., Any], reads: Sequence[Any] | Callable[[], Sequence[Any]] = ()
) -> Callable[..., Any]:
    """A compiled version of `function`, for inference: no gradients, no state changes kept.

    The current values of the variables are arguments of what is compiled, so the function follows
    them as they train, and nothing is baked in: neither those that are listed, nor those that are
    only found when the function is traced, such as the weights that a layer makes at its first
    call. Give `reads` as a function where the variables may be exchanged for others (a layer that
    is quantised, a network that is replaced): it is asked at each call, and the function compiled
    again where the answer has changed.

    On JAX the function is jitted, on TensorFlow it becomes a `tf.function`, on PyTorch it runs
    under `no_grad` as it stands.

    Args:
        function: Takes tensors, or nests of them, as positional arguments and returns a nest of
            them; None may stand in the place of one. Distributions and bijectors are taken and
            returned like tensors, of which they are made; functions and layers in them are
            constants. Python values that choose the shape belong into a closure, not here.
        reads: What the function reads, or a function that returns it: variables, and any other
            objects (tensors, layers) whose exchange for others is a reason to compile again.

    Returns:
        A function of the same positional arguments.

    Raises:
        TypeError: When called, if `function` returns something else than tensors and objects that
            are made of them.
        ValueError: When called, if every call of `function` makes variables anew.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> layer = keras.layers.Dense(2); layer.build((None, 3))
        >>> fast = ops.compile(layer, lambda: layer.variables)
        >>> fast(ops.ones((4, 3))).shape
        (4, 2)
    """
    backend = keras.backend.backend()
    if backend == "torch":
        return _without_gradients(function)
    return functools.wraps(function, updated=())(_Compiled(function, reads, _MAKERS[backend]))


def are_identical(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Whether two lists hold the very same objects, in the same order.

    Args:
        a: A list. It must have been kept: an object that is gone may have left its identity to
            another.
        b: Another.

    Returns:
        The truth of it.

    Example:
        >>> from kelbo.ops.compilation import are_identical
        >>> x = [1.0]
        >>> are_identical([x, None], [x, None]), are_identical([x], [[1.0]])
        (True, False)
    """
    return len(a) == len(b) and all(one is other for one, other in zip(a, b, strict=True))


class _Compiled:
    """A function that is compiled again when what it reads has been exchanged."""

    def __init__(self, function, reads, make):
        self._function = function
        self._reads = reads if callable(reads) else lambda: reads
        self._make = make
        self._known = None
        self._further = []  # variables that are read although they are not in `reads`
        self._run = None

    def __call__(self, *arguments):
        for _ in range(_MOST_TRIES):
            reads = list(self._reads())
            if self._known is None or not are_identical(self._known, reads):
                self._known = reads
                self._run = self._make(self._function, self._variables())
            result, found = self._run(*arguments)
            if not found:
                return result
            self._further += found
            self._known = None
        raise ValueError(
            f"{getattr(self._function, '__name__', 'The function')} makes variables at every call, "
            "so it cannot be compiled: make the layers once, in a constructor, and call them."
        )

    def _variables(self):
        items = {id(item): item for item in [*self._known, *self._further]}
        return [item for item in items.values() if isinstance(item, keras.Variable)]


def _require_tensors(function, result):
    for leaf in keras.tree.flatten(result):
        if isinstance(leaf, Pytree):
            _require_no_enclosed(function, leaf)
        elif leaf is not None and not isinstance(leaf, _NUMBERS) and not keras.ops.is_tensor(leaf):
            raise TypeError(
                f"{getattr(function, '__name__', 'The function')} returns a "
                f"{type(leaf).__name__}; what is compiled returns tensors, and distributions and "
                "bijectors, which are made of them: hand out the numbers that are wanted, and make "
                "other objects of them outside."
            )
    return result


def _require_no_enclosed(function, value):
    """Refuses an object in which a function encloses a tensor that exists while it is traced."""
    for owner, name in value.enclosing():
        raise TypeError(
            f"{getattr(function, '__name__', 'The function')} returns a {type(value).__name__} in "
            f"which the function {owner} holds {name!r}, a tensor of the compiled code: it cannot "
            "leave it. Give a Coupling or Autoregressive map its `context` rather than the "
            "conditioner, or write a Bijector with `parameters`."
        )


def _make_jax(function, variables):
    import jax

    unlisted = {}

    @jax.jit
    def run(values, *arguments):
        # Only a trace comes here.
        mapping = list(zip(variables, values, strict=True))
        with _RecordingScope(mapping, unlisted):
            return _require_tensors(function, function(*arguments))

    def call(*arguments):
        unlisted.clear()
        result = run([variable.value for variable in variables], *arguments)
        if unlisted:
            # The scope in the trace left new variables without a value, which would have been a
            # tracer; leaving one outside of it gives them theirs.
            with keras.StatelessScope():
                pass
        return result, list(unlisted.values())

    return call


class _RecordingScope(keras.StatelessScope):
    """A stateless scope that notes which variables are read although they are not arguments."""

    def __init__(self, mapping, unlisted):
        super().__init__(mapping, initialize_variables=False)
        self._unlisted = unlisted

    def get_current_value(self, variable):
        value = super().get_current_value(variable)
        if value is None:
            self._unlisted[id(variable)] = variable
            if self.original_scope is not None:
                value = self.original_scope.get_current_value(variable)
        return value


def _make_tensorflow(function, variables):
    import tensorflow as tf

    def traced(*arguments):
        return _require_tensors(function, function(*arguments))

    graph = tf.function(traced, reduce_retracing=True)

    def as_tensor(value):
        return None if value is None else tf.convert_to_tensor(value)

    def call(*arguments):
        # A Python number would be compiled in, and each new one compiled again. Variables are
        # captured by reference.
        return graph(*tf.nest.map_structure(as_tensor, arguments)), ()

    return call


_MAKERS = {"jax": _make_jax, "tensorflow": _make_tensorflow}


def _without_gradients(function):
    import torch

    @functools.wraps(function, updated=())
    def run(*arguments):
        with torch.no_grad():
            return _require_tensors(function, function(*arguments))

    return run


def is_concrete(x: Any) -> bool:
    """Whether the values of `x` can be looked at now: true outside compiled code.

    Args:
        x: A tensor, an array or a number.

    Returns:
        False for a tensor that is being traced, for a `KerasTensor`, and inside a
        `keras.StatelessScope` on JAX under `jit`; True otherwise.
    """
    if isinstance(x, keras.KerasTensor):
        return False
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return not isinstance(x, jax.core.Tracer)
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.executing_eagerly() or not tf.is_tensor(x) or hasattr(x, "numpy")
    return getattr(getattr(x, "device", None), "type", "cpu") != "meta"
