"""Compile a function that reads Keras variables, on whichever backend runs."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras


def compile(
    function: Callable[..., Any], variables: Sequence[keras.Variable] = ()
) -> Callable[..., Any]:
    """A compiled version of `function`, for inference: no gradients, no state changes kept.

    The current values of `variables` are arguments of what is compiled, so the function follows
    them as they train, and nothing is baked in. On JAX the function is jitted, on TensorFlow it
    becomes a `tf.function`, on PyTorch it runs under `no_grad` as it stands.

    Args:
        function: Takes tensors (or nests of them) as positional arguments and returns a nest of
            tensors. Python values that choose the shape belong into a closure, not here.
        variables: Every `keras.Variable` that the function reads.

    Returns:
        A function of the same positional arguments.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> layer = keras.layers.Dense(2); layer.build((None, 3))
        >>> fast = ops.compile(layer, layer.variables)
        >>> fast(ops.ones((4, 3))).shape
        (4, 2)
    """
    return _COMPILERS[keras.backend.backend()](function, list(variables))


def _compile_jax(function, variables):
    import jax

    @jax.jit
    def run(values, *arguments):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*arguments)

    @functools.wraps(function, updated=())
    def compiled(*arguments):
        return run([variable.value for variable in variables], *arguments)

    return compiled


def _compile_tensorflow(function, variables):
    import tensorflow as tf

    graph = tf.function(function, reduce_retracing=True)

    @functools.wraps(function, updated=())
    def compiled(*arguments):
        # A Python number would be compiled in, and each new one compiled again.
        return graph(*tf.nest.map_structure(tf.convert_to_tensor, arguments))

    return compiled


def _compile_torch(function, variables):
    import torch

    @functools.wraps(function, updated=())
    def run(*arguments):
        with torch.no_grad():
            return function(*arguments)

    return run


_COMPILERS = {"jax": _compile_jax, "tensorflow": _compile_tensorflow, "torch": _compile_torch}


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
