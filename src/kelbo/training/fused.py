"""The fused trainer: Keras' own `fit`, with many steps per compiled call on JAX."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kelbo.training.batches import Batches
from kelbo.training.checkpoint import Checkpoint
from kelbo.training.clock import EpochClock, seed_states, set_seeds
from kelbo.training.handover import Handover, Remembered, attach
from kelbo.training.memory import Memory
from kelbo.training.mode import run_in_training
from kelbo.training.watch import Watch

# A compiled call takes about this long: the progress bar moves, and Ctrl-C is heard.
_SECONDS_PER_CALL = 0.5


class FusedTrainer(Handover):
    """Mixin for `keras.Model`: `fit`, `evaluate` and `predict` of arrays in few compiled calls.

    On JAX the data go to the device once, and one compiled call runs a loop over many steps that
    gathers its batches there. As Keras documents for `steps_per_execution`, batch callbacks are
    called once per compiled call, with the logs of its last step. A call takes about half a
    second; compile with a `steps_per_execution` above 1 to set the number of steps yourself, or
    set the attribute `fused` to False for Keras' plain loop. On TensorFlow and PyTorch, and for
    data that are not arrays, Keras' plain loop runs.

    On every backend the order of the examples and the seeds of all layers are functions of the
    model's `seed` and the number of epochs trained so far, so that a fit which is stopped and
    resumed from a `Checkpoint` ends with the same weights. `evaluate` and `predict` draw the same
    noise at every call. A loss that is not finite stops the fit with a `NonFiniteLossError`.
    Ctrl-C stops after the compiled call at hand, with the model whole, and raises
    `KeyboardInterrupt`; a second one stops at once.

    The model sets, in its constructor, `seed` (an integer), and calls `init_trainer()`.
    """

    fused: bool = True

    def init_trainer(self) -> None:
        """Makes what the trainer keeps in the model; called once, in the constructor."""
        self.epochs_trained = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="epochs_trained"
        )
        self.remembered = Remembered()
        self.interrupted = False
        self.first_broken_step = None
        self._on_device = {}
        self._memory = {}

    def stateless_call(self, *args: Any, **kwargs: Any) -> Any:
        """`call` with the values of all variables as arguments, in Keras' loops on JAX."""
        call = super().stateless_call
        if kwargs.get("training"):
            return run_in_training(lambda: call(*args, **kwargs))
        return call(*args, **kwargs)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> keras.callbacks.History:
        """Trains the model: `keras.Model.fit`, whose documentation holds for every argument.

        Raises:
            NonFiniteLossError: The loss became NaN or infinite.
            KeyboardInterrupt: Ctrl-C. The model holds the state after the last compiled call.
        """
        self._assert_compile_called("fit")
        batch_size = batch_size or 32
        shared = {
            "epochs": epochs,
            "verbose": verbose,
            "initial_epoch": initial_epoch,
            "validation_freq": validation_freq,
        }
        plain = class_weight is not None or steps_per_epoch or validation_steps
        if plain or not _are_arrays((x, y, sample_weight)):
            return super().fit(
                x,
                y,
                batch_size=batch_size if _are_arrays((x, y, sample_weight)) else None,
                callbacks=callbacks,
                validation_split=validation_split,
                validation_data=validation_data,
                shuffle=shuffle,
                class_weight=class_weight,
                sample_weight=sample_weight,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                **shared,
            )
        data = _as_arrays((x, y, sample_weight))
        if validation_split and validation_data is None:
            data, validation_data = _split(data, validation_split)
        train = Batches(_pack(*data), batch_size)
        test = _validation_batches(validation_data, validation_batch_size or batch_size)
        offset = int(self.epochs_trained.value) - initial_epoch
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._interruptible())
            train_on_device = stack.enter_context(self._placed("train", train))
            if isinstance(test, Batches):
                stack.enter_context(self._placed("test", test))
            stack.enter_context(self._steps_per_call("train"))
            fused = {}
            if train_on_device:
                fused = {"rewind": train_on_device.rewind, "assign": attach}
            clock = EpochClock(train, shuffle, offset, **fused)
            return super().fit(
                train,
                callbacks=_around(clock, callbacks, Watch()),
                validation_data=test,
                shuffle=False,
                **shared,
            )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Loss and metrics on data: `keras.Model.evaluate`. Same data, same noise, same result."""
        self._assert_compile_called("evaluate")
        set_seeds(seed_states(self), self.seed)
        shared = {"verbose": verbose, "callbacks": callbacks, "return_dict": return_dict, **kwargs}
        arrays = _are_arrays((x, y, sample_weight))
        if kwargs or steps or not arrays:
            if "test" in self._on_device:
                self._on_device["test"].rewind()
            return super().evaluate(
                x, y, batch_size=batch_size, sample_weight=sample_weight, steps=steps, **shared
            )
        test = Batches(_pack(*_as_arrays((x, y, sample_weight))), batch_size or 32)
        with self._placed("test", test), self._steps_per_call("test"):
            return super().evaluate(test, **shared)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """What `call` returns, for all of `x`: `keras.Model.predict`. Same noise at every call."""
        set_seeds(seed_states(self), self.seed)
        shared = {"verbose": verbose, "callbacks": callbacks}
        if steps or not _are_arrays((x, None, None)):
            return super().predict(x, batch_size=batch_size, steps=steps, **shared)
        batches = Batches(_pack(*_as_arrays((x, None, None))), batch_size or 32)
        with self._placed("predict", batches), self._steps_per_call("predict"):
            return super().predict(batches, **shared)

    def make_train_function(self, force: bool = False) -> None:
        """Makes the function that runs the steps of one call, as Keras does; fused on JAX."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self._fuse("train", self.train_step)

    def make_test_function(self, force: bool = False) -> None:
        """See `make_train_function`."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self._fuse("test", self.test_step)

    def make_predict_function(self, force: bool = False) -> Any:
        """See `make_train_function`."""
        if self.predict_function is None or force:
            super().make_predict_function(force)
            self._fuse("predict", self.predict_step)
        return self.predict_function

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
        )

    def _fuse(self, kind, step):
        if not self._runs_fused:
            return
        from kelbo.training import scan

        loop = scan.PredictLoop(step) if kind == "predict" else scan.StepLoop(step)
        name = f"{kind}_function"
        setattr(self, name, FusedFunction(self, kind, getattr(self, name), loop))

    @contextlib.contextmanager
    def _placed(self, kind: str, batches: Batches) -> Iterator[Any]:
        """Keeps the data of `batches` on the device for functions of this kind."""
        if not self._runs_fused:
            yield None
            return
        from kelbo.training import scan

        if not self.built or (kind == "train" and not self.optimizer.built):
            self._symbolic_build(data_batch=batches.rows(np.arange(min(2, batches.examples))))
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
            self.steps_per_execution = self._measured_steps(kind) if self._runs_fused else 1
        try:
            yield
        finally:
            self.steps_per_execution = given

    def _measured_steps(self, kind):
        batches = self._on_device[kind]
        if kind == "predict":
            return batches.steps
        getattr(self, f"make_{kind}_function")()
        state = self._get_jax_state(
            trainable_variables=True,
            non_trainable_variables=True,
            optimizer_variables=kind == "train",
            metrics_variables=True,
        )
        seconds = getattr(self, f"{kind}_function").loop.measure(state, batches)
        return int(np.clip(_SECONDS_PER_CALL / max(seconds, 1e-9), 1, batches.steps))

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Turns the first Ctrl-C into a request to stop, heard between two compiled calls."""
        self.interrupted = False
        in_main_thread = threading.current_thread() is threading.main_thread()
        if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return

        def request(signum: int, frame: Any) -> None:
            self.interrupted = True
            signal.signal(signal.SIGINT, signal.default_int_handler)

        signal.signal(signal.SIGINT, request)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)


class FusedFunction:
    """Stands in for a Keras train, test or predict function.

    Runs the loop where the trainer has placed data on the device for it, and Keras' own function
    otherwise (`train_on_batch`, data that are not arrays).
    """

    def __init__(self, model: FusedTrainer, kind: str, plain: Any, loop: Any):
        self._model = model
        self._kind = kind
        self._plain = plain
        self.loop = loop

    def __call__(self, state: Any, iterator: Any) -> tuple[Any, Any]:
        batches = self._model._on_device.get(self._kind)
        if batches is None:
            self._model.forget_reset()
            return self._plain(state, iterator)
        if self._kind == "predict":
            return self.loop.run(state, batches)
        runs_a_step = batches.next_step < batches.steps
        logs, broken, state = self.loop.run(state, batches, self._model.steps_per_execution)
        self._model.first_broken_step = broken
        self._model.remembered.logs_are_results = runs_a_step
        return logs, state


def _are_arrays(nest):
    leaves = [leaf for leaf in keras.tree.flatten(nest) if leaf is not None]
    return bool(leaves) and all(
        hasattr(leaf, "shape") and hasattr(leaf, "dtype") and len(leaf.shape) for leaf in leaves
    )


def _as_arrays(nest):
    def convert(leaf):
        if leaf is None or keras.backend.backend() == "jax":
            return leaf
        return keras.ops.convert_to_numpy(leaf)

    return keras.tree.map_structure(convert, nest)


def _pack(x, y=None, sample_weight=None):
    if sample_weight is not None:
        # Keras drops the weights of examples that come without targets.
        return (x, np.zeros(len(sample_weight), "float32") if y is None else y, sample_weight)
    return (x,) if y is None else (x, y)


def _split(data, fraction):
    """Keras' rule: the last examples are for validation."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split must lie between 0 and 1; got {fraction}.")
    leaves = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
    at = int(len(leaves[0]) * (1.0 - fraction))
    if at in (0, len(leaves[0])):
        raise ValueError(
            f"validation_split={fraction} of {len(leaves[0])} examples leaves none for training "
            "or none for validation."
        )

    def part(rows):
        return keras.tree.map_structure(lambda a: None if a is None else a[rows], data)

    return part(slice(None, at)), part(slice(at, None))


def _validation_batches(validation_data, batch_size):
    if validation_data is None or not _are_arrays(validation_data):
        return validation_data
    data = validation_data if isinstance(validation_data, tuple | list) else (validation_data,)
    return Batches(_pack(*_as_arrays(tuple(data))), batch_size)


def _around(first, callbacks, last):
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks.callbacks.insert(0, first)
        callbacks.append(last)
        first.set_model(callbacks.model)
        return callbacks
    callbacks = [] if callbacks is None else callbacks
    given = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in given:
        if isinstance(callback, Checkpoint):
            callback.siblings = [other for other in given if other is not callback]
    return [first, *given, last]
