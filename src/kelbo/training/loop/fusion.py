"""Many steps in one compiled call, in the place of the functions that Keras compiles, on JAX."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kelbo.keras_internals import states_are_handed_over, symbolic_build
from kelbo.training.loop.batches import Batches
from kelbo.training.loop.memory import Memory

# A compiled call takes about this long: the progress bar moves, and Ctrl-C is heard.
_SECONDS_PER_CALL = 0.5


class Fusion:
    """Mixin for the trainer: data are placed on the device, and loops over them run there.

    The model sets `_on_device` and `_memory` to empty dicts in its constructor.
    """

    fused: bool = True

    def make_train_function(self, force: bool = False) -> None:
        """Makes the function that runs the steps of one call, as Keras does; fused on JAX."""
        if not force:
            self.renew()
        if self.train_function is None or force:
            super().make_train_function(force)
            self._fuse("train", self.train_step)

    def make_test_function(self, force: bool = False) -> None:
        """See `make_train_function`."""
        if not force:
            self.renew()
        if self.test_function is None or force:
            super().make_test_function(force)
            self._fuse("test", self.test_step)

    def make_predict_function(self, force: bool = False) -> Any:
        """See `make_train_function`."""
        if not force:
            self.renew()
        if self.predict_function is None or force:
            super().make_predict_function(force)
            self._fuse("predict", self.predict_step)
        return self.predict_function

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the logs that a fit watches: it ends where one is not finite."""
        return ("loss",)

    @property
    def train_batches(self) -> Any:
        """The batches of the fused fit that is running, or None."""
        return self._on_device.get("train")

    @property
    def _runs_fused(self):
        return (
            self.fused
            and keras.backend.backend() == "jax"
            and not self.run_eagerly
            and bool(self.jit_compile)
            and keras.distribution.distribution() is None
            and states_are_handed_over()
        )

    def _fuse(self, kind, step):
        if not self._runs_fused:
            return
        from kelbo.training.loop import scan

        loop = scan.PredictLoop(step) if kind == "predict" else scan.StepLoop(step, self.loss_names)
        name = f"{kind}_function"
        setattr(self, name, FusedFunction(self, kind, getattr(self, name), loop))

    @contextlib.contextmanager
    def _placed(self, kind: str, batches: Batches) -> Iterator[Any]:
        """Keeps the data of `batches` on the device for functions of this kind."""
        if not self._runs_fused:
            yield None
            return
        from kelbo.training.loop import scan

        if not self.built or (kind == "train" and not self.optimizer.built):
            symbolic_build(self, batches.rows(np.arange(min(2, batches.examples))))
        memory = self._memory.setdefault(kind, Memory())
        self._on_device[kind] = scan.DeviceBatches(batches, memory)
        try:
            with self.cheap_handover():
                yield self._on_device[kind]
        finally:
            self._on_device.pop(kind).release()

    @contextlib.contextmanager
    def _steps_per_call(self, kind: str) -> Iterator[None]:
        """Sets `steps_per_execution` for the time of one `fit`, `evaluate` or `predict`."""
        given = self.steps_per_execution
        if given in (1, "auto"):
            fused = kind in self._on_device
            self.steps_per_execution = self._measured_steps(kind) if fused else 1
        try:
            yield
        finally:
            self.steps_per_execution = given

    def _measured_steps(self, kind):
        batches = self._on_device[kind]
        if kind == "predict":
            return batches.steps
        getattr(self, f"make_{kind}_function")()
        state = self.state_of_step((True, True, kind == "train", True))
        seconds = getattr(self, f"{kind}_function").loop.measure(state, batches)
        return int(np.clip(_SECONDS_PER_CALL / max(seconds, 1e-9), 1, batches.steps))


class FusedFunction:
    """Stands in for a Keras train, test or predict function.

    Runs the loop where the trainer has placed data on the device for it, and Keras' own function
    otherwise (`train_on_batch`, data that are not arrays).
    """

    def __init__(self, model: Fusion, kind: str, plain: Any, loop: Any):
        self._model = model
        self._kind = kind
        self._plain = plain
        self.loop = loop

    def __call__(self, state: Any, iterator: Any) -> tuple[Any, Any]:
        batches = self._model._on_device.get(self._kind)
        if batches is None:
            self._model.first_broken = None
            self._model.forget_reset()
            return self._plain(state, iterator)
        if self._kind == "predict":
            return self.loop.run(state, batches)
        runs_a_step = batches.next_step < batches.steps
        logs, broken, state = self.loop.run(state, batches, self._model.steps_per_execution)
        self._model.first_broken = broken
        self._model.remembered.logs_are_results = runs_a_step
        return logs, state
