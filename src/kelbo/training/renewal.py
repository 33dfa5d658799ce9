"""Train, test and predict functions that are made anew when the model has become another."""

from dataclasses import dataclass, field
from typing import Any

import keras

from kelbo.keras_internals import trained_variables
from kelbo.ops.compilation import are_identical
from kelbo.training.state import model_state

_KINDS = ("train", "test", "predict")


@dataclass
class MadeOf:
    """What the functions were made of; Keras does not look into a plain object."""

    state: list[Any] = field(default_factory=list)


class Renewal:
    """Mixin for `keras.Model`: what is compiled for training follows the model.

    Keras compiles the steps of training once, for the layers and variables that the model then has,
    and asks for a new `compile` when they have changed. Here the functions are made anew: at the
    next `fit`, `evaluate` or `predict`, and at the next epoch of a fit whose callbacks changed the
    model. The optimizer goes on with its moments where the same variables train; where others do,
    it starts anew with the settings it had.

    The model sets `made_of` to `MadeOf()` in its constructor.
    """

    def renew(self, force: bool = False) -> None:
        """Makes the functions anew, if the model is no longer what they were made of.

        It may be called at any time, also by callbacks in the midst of a fit.

        Args:
            force: Whether they are made anew in any case.
        """
        state = model_state(self)
        if not force and are_identical(self.made_of.state, state):
            return
        self.jax_state_sync()
        made = self._made_kinds()
        self._let_the_optimizer_know()
        self.made_of.state = model_state(self)
        self._make_again(made)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """`keras.Model.compile`, also for callbacks in the midst of a fit."""
        self.jax_state_sync()
        made = self._made_kinds()
        optimizer = getattr(self, "optimizer", None)
        if not made:
            super().compile(*args, **kwargs)
            return
        steps, stop = self.steps_per_execution, self.stop_training
        super().compile(*args, **kwargs)
        if self.remembered.variables is not None:  # a fit that is cut into calls of so many steps
            self.steps_per_execution, self.stop_training = steps, stop
        if optimizer is not None and optimizer.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)
        self._make_again(made)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the model as `get_compile_config` says."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def _made_kinds(self):
        return [kind for kind in _KINDS if getattr(self, f"{kind}_function", None) is not None]

    def _make_again(self, kinds):
        for kind in kinds:
            getattr(self, f"make_{kind}_function")(force=True)
        self.remember_variables()

    def _let_the_optimizer_know(self):
        optimizer = getattr(self, "optimizer", None)
        if optimizer is None or not optimizer.built:
            return
        known = {id(variable) for variable in trained_variables(optimizer)}
        if known != {id(variable) for variable in self.trainable_variables}:
            self.compile_from_config(self.get_compile_config())


class Renew(keras.callbacks.Callback):
    """Begins each epoch with functions for what the callbacks before it have made of the model."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.model.renew()
