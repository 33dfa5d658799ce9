"""Baselines with a memory: what a loss is expected to be, before the draw is known."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.networks import as_network, build_network
from kelbo.registration import registered

_DECAY = 0.9


@registered
class RunningAverage(keras.layers.Layer):
    r"""The average of the losses seen in training, $b \leftarrow 0.9\, b + 0.1\, \bar L$.

    The first batch sets it. What is returned does not know the losses of this batch, so that the
    gradient stays unbiased.

    Args:
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import keras
        >>> from kelbo.estimators import RunningAverage
        >>> average = RunningAverage()
        >>> _ = average(keras.ops.convert_to_tensor([4.0, 6.0]), training=True)
        >>> float(average(keras.ops.convert_to_tensor([0.0])))
        5.0
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.average = self.add_weight(name="average", initializer="zeros", trainable=False)
        self.batches = self.add_weight(name="batches", initializer="zeros", trainable=False)

    def call(self, losses: Any, training: bool = False) -> Any:
        """The average so far, a number; in training the losses are added to it."""
        before = ops.copy(ops.convert_to_tensor(self.average))
        if training:
            loss = ops.mean(ops.cast(losses, self.average.dtype))
            decay = ops.where(ops.equal(self.batches, 0), 0.0, _DECAY)
            self.average.assign(decay * before + (1.0 - decay) * loss)
            self.batches.assign(self.batches + 1)
        return ops.cast(before, losses.dtype)


@registered
class LearnedBaseline(keras.layers.Layer):
    r"""A network that predicts the loss of an example, $b(x)$.

    (Mnih and Gregor, 2014, "Neural variational inference and learning in belief networks",
    section 2.3.) It is trained by squared error, beside the model, by the model's optimizer.

    Args:
        network: Keras layer or model from examples to features; None for the flat example itself. A
            dense layer to one number is put on it.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        TypeError: `network` is no Keras layer.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.estimators import LearnedBaseline
        >>> LearnedBaseline(keras.layers.Dense(8, "relu"))(np.zeros((5, 3), "float32")).shape
        (5,)
    """

    def __init__(self, network: keras.layers.Layer | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.network = as_network("LearnedBaseline", network)
        self.flat = keras.layers.Flatten(dtype=self.dtype_policy)
        self.head = keras.layers.Dense(1, dtype=self.dtype_policy)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Builds the network and the layer on it."""
        features = build_network("LearnedBaseline", self.network, input_shape)
        self.flat.build(features)
        self.head.build(self.flat.compute_output_shape(features))
        self.built = True

    def call(self, x: Any) -> Any:
        """The predicted losses, of shape (batch,)."""
        features = x if self.network is None else self.network(x)
        return ops.squeeze(self.head(self.flat(features)), -1)

    def get_config(self) -> dict[str, Any]:
        network = self.network and keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LearnedBaseline":
        """The layer that `get_config` described, its network included."""
        if config["network"] is not None:
            network = keras.saving.deserialize_keras_object(config["network"])
            config = {**config, "network": network}
        return cls(**config)
