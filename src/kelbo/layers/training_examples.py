"""How many examples a model is trained on, as its layers learn it while a loss is computed."""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras

from kelbo import ops

_COUNT = contextvars.ContextVar("kelbo_training_examples", default=None)


@contextlib.contextmanager
def known_training_examples(count: keras.Variable) -> Iterator[None]:
    """Within, layers may ask for the number of examples that the model around them is trained on.

    A model enters this block around each step of training and evaluation, with a variable of its
    own. So nothing is kept in layers: one that two models share is told each time by the one that
    computes a loss, and what is compiled reads the variable, so that other data are no other
    program. A layer that asks says so by an attribute `needs_training_examples` that is True, at
    which the model looks before it computes a loss without knowing the number.

    Args:
        count: The number, as a variable of the model.

    Yields:
        Nothing.

    Example:
        >>> import keras
        >>> from kelbo.layers.training_examples import known_training_examples, training_examples
        >>> with known_training_examples(keras.Variable(1000, dtype="int32")):
        ...     print(int(training_examples()))
        1000
        >>> training_examples() is None
        True
    """
    token = _COUNT.set(count)
    try:
        yield
    finally:
        _COUNT.reset(token)


def training_examples() -> Any | None:
    """The number N of examples that the model is trained on, by which a global term is divided.

    A loss is a mean over examples; a term that stands once for all data (the divergence of weights,
    of inducing variables, of the parameters of a program) has the weight 1 / N beside it.

    Returns:
        A whole number, as a tensor; None where no model that knows it computes a loss.
    """
    count = _COUNT.get()
    return None if count is None else ops.convert_to_tensor(count)
