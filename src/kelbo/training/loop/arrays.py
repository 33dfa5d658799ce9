"""What a person gives to `fit`, `evaluate` and `predict`, as arrays that belong together."""

from typing import Any

import keras
import numpy as np

from kelbo.intake import as_array, as_parts, is_array_like
from kelbo.parts import map_parts
from kelbo.training.loop.batches import Batches, count_examples
from kelbo.training.loop.streams import checked
from kelbo.training.weights import as_weights, weights_of_classes


class TakesArrays:
    """Mixin for the trainer: data through one door, and what a model says of them.

    A model says what it takes in `check_examples`, `check_targets` and `check_values`.
    """

    def check_examples(self, x: Any) -> None:
        """Whether these arrays of examples are what the model takes.

        Called before anything is traced, with all of x or with a batch that Python made.

        Args:
            x: Array of the examples, or a dict of arrays.

        Raises:
            ValueError: They are not.
        """
        return

    def check_targets(self, y: Any) -> None:
        """Whether these targets are what the model takes; see `check_examples`.

        Args:
            y: Array of targets, or None.

        Raises:
            ValueError: They are not.
        """
        return

    def check_values(self, x: Any, y: Any, weights: Any) -> None:
        """Whether the model can be trained on these values, and judged by them.

        Args:
            x: The examples, which `check_examples` has passed.
            y: Array of targets that `check_targets` has passed, or None.
            weights: Array of one weight per example, or None.

        Raises:
            ValueError: It cannot.
        """
        return

    def _arrays(self, x, y=None, sample_weight=None, class_weight=None, needs_targets=True):
        """x, y and weights as plain arrays that belong together."""
        x = map_parts(_on_host, as_parts(x))
        y = None if y is None else _on_host(as_array(y, "y"))
        weights = None if sample_weight is None else _on_host(as_weights(sample_weight))
        self.check_examples(x)
        if class_weight is not None:
            if weights is not None:
                raise ValueError("Give one of class_weight and sample_weight, not both.")
            weights = weights_of_classes(y, class_weight)
        if needs_targets:
            self.check_targets(y)
        count_examples((x, y, weights))
        self.check_values(x, y, weights)
        return x, y, weights

    def _stream(self, source, stack, class_weight=None, steps=None, needs_targets=True):
        """A stream of batches, each of them arrays that belong together.

        What is refused of it is said in our words until the stack is left.
        """

        def check(batch):
            data = parts_of_data(batch)
            if not needs_targets:
                data = data[:1]
            found = self._arrays(*data, class_weight=class_weight, needs_targets=needs_targets)
            return packed(*found)

        spec = getattr(source, "element_spec", None)
        if class_weight is not None and spec is not None and len(parts_of_data(spec)) < 2:
            weights_of_classes(None, class_weight)  # says what is missing
        stream = checked(source, check, steps)
        stack.enter_context(stream.speaking())
        return stream

    def _validation(self, data, stack, batch_size, steps):
        """Validation data as Keras takes them, and the steps that are left to Keras to count."""
        if data is None:
            return None, None
        if not is_array_like(data):
            return self._stream(data, stack).source, steps
        arrays = self._arrays(*parts_of_data(data))
        return Batches(packed(*first_batches(arrays, steps, batch_size)), batch_size), None


def _on_host(array):
    """Where batches are gathered: in host memory, but on the device for the loop on JAX."""
    if isinstance(array, np.ndarray) or keras.backend.backend() == "jax":
        return array
    return keras.ops.convert_to_numpy(array)


def parts_of_data(data: Any) -> tuple:
    """x, or (x, y), or (x, y, weights), as Keras tells them apart."""
    if isinstance(data, tuple):
        if not 1 <= len(data) <= 3:
            raise ValueError(
                f"Data are x, (x,), (x, y) or (x, y, sample_weight); got {len(data)} parts."
            )
        return data
    if isinstance(data, list) and 1 <= len(data) <= 3:
        is_part = [part is None or len(getattr(part, "shape", ())) > 0 for part in data]
        return tuple(data) if all(is_part) else (data,)
    return (data,)


def packed(x: Any, y: Any = None, sample_weight: Any = None) -> tuple:
    """x, y and weights as Keras takes them: no more than are given."""
    if sample_weight is not None:
        # Keras drops the weights of examples that come without targets.
        return (x, np.zeros(len(sample_weight), "float32") if y is None else y, sample_weight)
    return (x,) if y is None else (x, y)


def first_batches(data: Any, steps: int | None, batch_size: int) -> Any:
    """The examples of the first `steps` batches; all where `steps` is None."""
    if steps is None:
        return data
    return _rows(data, slice(steps * batch_size))


def split_off(data: Any, fraction: float) -> tuple[Any, Any]:
    """What is for training, and what for validation: the last examples, as Keras has it."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split must lie between 0 and 1; got {fraction}.")
    count = count_examples(data)
    at = int(count * (1.0 - fraction))
    if at in (0, count):
        raise ValueError(
            f"validation_split={fraction} of {count} examples leaves none for training or none "
            "for validation."
        )
    return _rows(data, slice(at)), _rows(data, slice(at, None))


def _rows(data, rows):
    return map_parts(lambda array: None if array is None else array[rows], data)
