"""Layers whose variables are held fixed for a while."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

import keras

from kelbo import ops
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.typing import Tensor


@contextlib.contextmanager
def frozen(*layers: keras.layers.Layer) -> Iterator[None]:
    """Within, no gradient flows to the variables of these layers; through them it does.

    Only these layers may be called within, with tensors that were made before: on JAX other
    variables would be read as they were before the compiled step. What the layers change of their
    own state is forgotten.

    Args:
        *layers: Built Keras layers.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> from kelbo.layers.frozen import frozen
        >>> layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        >>> x = keras.Variable([[2.0]])
        >>> _ = layer(x)
        >>> def loss():
        ...     value = ops.convert_to_tensor(x)
        ...     with frozen(layer):
        ...         return ops.sum(layer(value))
        >>> _, slopes = ops.value_and_grad(loss, [x, layer.kernel])()
        >>> [float(slope[0, 0]) for slope in slopes]
        [1.0, 0.0]
    """
    variables = {id(v): v for layer in layers for v in layer.variables}
    fixed = [
        (variable, ops.stop_gradient(variable.value) if variable.trainable else variable.value)
        for variable in variables.values()
    ]
    with keras.StatelessScope(state_mapping=fixed):
        yield


def stopped_log_prob(
    conditional: Conditional, parameters: Mapping[str, Tensor]
) -> Callable[[Tensor], Tensor]:
    """The log density of a conditional as a function of the value alone.

    Args:
        conditional: A built conditional.
        parameters: What it returned for a context.

    Returns:
        A function of values. Of its results gradients flow to the values, and neither to the
        parameters nor to the variables of the conditional.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalNormal
        >>> from kelbo.layers.frozen import stopped_log_prob
        >>> conditional = ConditionalNormal((2,))
        >>> parameters = conditional(np.ones((5, 3), "float32"))
        >>> tuple(stopped_log_prob(conditional, parameters)(np.zeros((5, 2), "float32")).shape)
        (5,)
    """
    stopped = {name: ops.stop_gradient(value) for name, value in parameters.items()}

    def log_prob(value):
        with frozen(conditional):
            return conditional.distribution(**stopped).log_prob(value)

    return log_prob
