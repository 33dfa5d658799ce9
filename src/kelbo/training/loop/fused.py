"""The fused trainer: Keras' own `fit`, with many steps per compiled call on JAX."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kelbo.intake import as_array, as_parts, is_array_like
from kelbo.keras_internals import (
    attach,
    layers_within,
    metrics_in_order,
    own_variables,
    states_are_handed_over,
    symbolic_build,
)
from kelbo.layers.training_examples import known_training_examples
from kelbo.parameters import whole_number
from kelbo.parts import map_parts
from kelbo.training.checkpoint import Checkpoint
from kelbo.training.clock import EpochClock, seed_states, set_seeds
from kelbo.training.loop.batches import Batches, count_examples
from kelbo.training.loop.handover import Handover, Remembered
from kelbo.training.loop.memory import Memory
from kelbo.training.loop.streams import checked
from kelbo.training.mode import run_in_training
from kelbo.training.renewal import MadeOf, Renew, Renewal
from kelbo.training.watch import NonFiniteLossError, Watch, first_non_finite
from kelbo.training.weights import as_weights, weights_of_classes

# A compiled call takes about this long: the progress bar moves, and Ctrl-C is heard.
_SECONDS_PER_CALL = 0.5


class FusedTrainer(Renewal, Handover):
    """Mixin for `keras.Model`: `fit`, `evaluate` and `predict` of arrays in few compiled calls.

    On JAX the data go to the device once, and one compiled call runs a loop over many steps that
    gathers its batches there. As Keras documents for `steps_per_execution`, batch callbacks are
    called once per compiled call, with the logs of its last step. A call takes about half a
    second; compile with a `steps_per_execution` above 1 to set the number of steps yourself, or
    set the attribute `fused` to False for Keras' plain loop. On TensorFlow and PyTorch, and for
    data that come batch by batch (`PyDataset`, generators, `tf.data`, `DataLoader`), Keras' plain
    loop runs.

    On every backend and for all data the seeds of all layers are functions of the model's `seed`
    and the number of epochs trained so far, and so is the order of the examples (of the batches,
    for a `PyDataset`), so that a fit which is stopped and resumed from a `Checkpoint` ends with the
    same weights. `evaluate` and `predict` draw the same noise at every call. A loss that is not
    finite stops the fit with a `NonFiniteLossError`. Ctrl-C stops after the compiled call at hand,
    with the model whole, and raises `KeyboardInterrupt`; a second one stops at once.

    The model sets, in its constructor, `seed` (an integer), and calls `init_trainer()`. It may say
    what it takes in `check_examples`, `check_targets` and `check_values`.
    """

    fused: bool = True

    def init_trainer(self) -> None:
        """Makes what the trainer keeps in the model; called once, in the constructor."""
        self.epochs_trained = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="epochs_trained"
        )
        self.training_examples = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="training_examples"
        )
        self.remembered = Remembered()
        self.made_of = MadeOf()
        self.interrupted = False
        self.first_broken = None
        self._hears_interrupts = False
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
        examples: int | None = None,
    ) -> keras.callbacks.History:
        """Trains the model: `keras.Model.fit`, whose documentation holds for every argument.

        x, y and weights may be whatever `kelbo.intake.as_array` takes, and x a dict of it where the
        model takes parts. With `steps_per_epoch`, an epoch of arrays (or of a `PyDataset`) goes on
        where the epoch before ended.

        One argument more, `examples`, is the number of training examples, by which terms are
        divided that stand once for all data (`layers.DenseVariational`). Arrays are counted (what
        is held out for validation is not, and weights change nothing: a weight of 2 doubles the
        loss of an example); of data that come batch by batch it has to be said. The model keeps it,
        in its weight `training_examples`, for later fits of such data and for `evaluate`.

        Raises:
            NonFiniteLossError: The loss became NaN or infinite.
            KeyboardInterrupt: Ctrl-C. The model holds the state after the last compiled call.
            ValueError: The data are not what the model takes.
        """
        self._require_compiled()
        if self.optimizer is None:
            raise ValueError('fit needs an optimizer: give compile one, as in compile("adam").')
        batch_size = batch_size or 32
        of_arrays, stack = is_array_like(x), contextlib.ExitStack()
        if of_arrays:
            data = self._arrays(x, y, sample_weight, class_weight)
            if validation_split and validation_data is None:
                data, validation_data = _split(data, validation_split)
            train = Batches(_pack(*data), batch_size, steps_per_epoch)
            begin_epoch, given = train.begin_epoch, {}
        else:
            stream = self._stream(x, stack, class_weight, steps_per_epoch)
            train, begin_epoch = stream.source, stream.begin_epoch
            given = {
                "y": y,
                "sample_weight": sample_weight,
                "validation_split": validation_split,
                "steps_per_epoch": None if stream.counts_steps else steps_per_epoch,
                "class_weight": None if stream.checks else class_weight,
            }
        test, validation_steps = self._validation(
            validation_data, stack, validation_batch_size or batch_size, validation_steps
        )
        self._know_examples(train.examples if examples is None and of_arrays else examples)
        self.first_broken = None
        offset = int(self.epochs_trained.value) - initial_epoch
        with stack:
            stack.enter_context(self._interruptible())
            on_device, assign = None, keras.Variable.assign
            if of_arrays:
                on_device = stack.enter_context(self._placed("train", train))
                assign = assign if on_device is None else attach
            if isinstance(test, Batches):
                stack.enter_context(self._placed("test", test))
            stack.enter_context(self._steps_per_call("train"))

            def begin(epoch):
                begin_epoch(epoch, self.seed if shuffle else None)
                if on_device is not None:
                    on_device.rewind(train.passes)

            return super().fit(
                train,
                callbacks=_around(EpochClock(offset, begin, assign), callbacks, Watch()),
                validation_data=test,
                validation_steps=validation_steps,
                shuffle=False,
                epochs=epochs,
                verbose=verbose,
                initial_epoch=initial_epoch,
                validation_freq=validation_freq,
                **given,
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
        self._require_compiled()
        set_seeds(seed_states(self), self.seed)
        shared = {"verbose": verbose, "return_dict": return_dict, **kwargs}
        if kwargs:  # Keras evaluates within a fit, on what the fit has prepared
            if "test" in self._on_device:
                self._on_device["test"].rewind()
            return super().evaluate(
                x, y, sample_weight=sample_weight, steps=steps, callbacks=callbacks, **shared
            )
        self._know_examples()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._interruptible())
            shared["callbacks"] = _around(None, callbacks, Watch())
            if not is_array_like(x):
                given = {"y": y, "sample_weight": sample_weight, "steps": steps}
                return super().evaluate(self._stream(x, stack).source, **given, **shared)
            data = self._arrays(x, y, sample_weight)
            test = Batches(_pack(*_first(data, steps, batch_size or 32)), batch_size or 32)
            stack.enter_context(self._placed("test", test))
            stack.enter_context(self._steps_per_call("test"))
            return super().evaluate(test, **shared)

    def prediction(self, outputs: Any) -> Any:
        """What `predict` returns of what `call` returned; the batch is to stand in front.

        Args:
            outputs: Of one batch.

        Returns:
            A nest of tensors.
        """
        return outputs

    def predict_step(self, *args: Any) -> Any:
        """Keras' step of `predict`: of a batch, or on JAX of the state and a batch."""
        found = super().predict_step(*args)
        if len(args) == 1:
            return self.prediction(found)
        outputs, state = found
        return self.prediction(outputs), state

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """What `call` returns, for all of `x`: `keras.Model.predict`. Same noise at every call."""
        self.require_prepared()
        set_seeds(seed_states(self), self.seed)
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._interruptible())
            shared = {"verbose": verbose, "callbacks": _around(None, callbacks, Watch())}
            if not is_array_like(x):
                stream = self._stream(x, stack, needs_targets=False)
                return super().predict(stream.source, steps=steps, **shared)
            data = self._arrays(x, needs_targets=False)
            batches = Batches(_pack(*_first(data, steps, batch_size or 32)), batch_size or 32)
            stack.enter_context(self._placed("predict", batches))
            stack.enter_context(self._steps_per_call("predict"))
            return super().predict(batches, **shared)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on one batch: `keras.Model.train_on_batch`.

        Raises:
            NonFiniteLossError: The loss, its mean since the last `reset_metrics`, is NaN or
                infinite. The metrics are reset, so that they may be right again.
        """
        data = self._arrays(x, y, sample_weight, class_weight)
        self._know_examples()
        logs = super().train_on_batch(*_pack(*data), return_dict=True)
        broken = first_non_finite(logs, self.loss_names)
        if broken is not None:
            self.reset_metrics()
            raise NonFiniteLossError(loss=broken)
        return logs if return_dict else metrics_in_order(self, logs)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics of one batch: `keras.Model.test_on_batch`."""
        data = self._arrays(x, y, sample_weight)
        self._know_examples()
        return super().test_on_batch(*_pack(*data), return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """What `call` returns for one batch: `keras.Model.predict_on_batch`."""
        return super().predict_on_batch(self._arrays(x, needs_targets=False)[0])

    def train_step(self, *args: Any) -> Any:
        """One step of training, as Keras does it; layers may ask for `training_examples`."""
        with known_training_examples(self.training_examples):
            return super().train_step(*args)

    def test_step(self, *args: Any) -> Any:
        """One step of an evaluation; see `train_step`."""
        with known_training_examples(self.training_examples):
            return super().test_step(*args)

    def _know_examples(self, count=None):
        """Sets the number of training examples, or looks whether it is known where it is needed."""
        if count is not None:
            self.training_examples.assign(whole_number("fit", "examples", count))
            return
        asking = [
            each for each in layers_within(self) if getattr(each, "needs_training_examples", False)
        ]
        if not asking:
            return
        self.jax_state_sync()  # in a callback, the variables may be empty
        if int(self.training_examples.value) < 1:
            raise ValueError(
                f"{type(asking[0]).__name__} {asking[0].name!r} needs the number of training "
                f"examples, which this {type(self).__name__} does not know: no fit of arrays came "
                "before, and data that come batch by batch are not counted. Give it to fit, as in "
                "fit(data, examples=60000), or to the model, which keeps it: "
                "model.training_examples.assign(60000)."
            )

    def load_own_variables(self, store: Any) -> None:
        """Loads the model's own weights, as Keras does; older files hold no number of examples."""
        own = own_variables(self)
        if len(store.keys()) == len(own) - 1:
            own = [variable for variable in own if variable is not self.training_examples]
            for place, variable in enumerate(own):
                variable.assign(store[f"{place}"])
            return
        super().load_own_variables(store)

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
            data = _parts(batch)
            if not needs_targets:
                data = data[:1]
            found = self._arrays(*data, class_weight=class_weight, needs_targets=needs_targets)
            return _pack(*found)

        spec = getattr(source, "element_spec", None)
        if class_weight is not None and spec is not None and len(_parts(spec)) < 2:
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
        arrays = self._arrays(*_parts(data))
        return Batches(_pack(*_first(arrays, steps, batch_size)), batch_size), None

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

    def require_prepared(self) -> None:
        """Refuses a model whose constructor did not do what the trainer asks of it.

        Raises:
            ValueError: There is no `seed`, or `init_trainer` was not called.
        """
        missing = [] if hasattr(self, "epochs_trained") else ["calls self.init_trainer()"]
        if getattr(self, "seed", None) is None:
            missing.insert(0, "sets self.seed, an integer")
        if missing:
            raise ValueError(
                f"{type(self).__name__} is not prepared for training: its constructor, after "
                f"super().__init__(), {' and '.join(missing)}."
            )

    def _require_compiled(self):
        self.require_prepared()
        if not self.compiled:
            raise ValueError("You must call `compile()` before using the model.")

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

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Turns the first Ctrl-C into a request to stop, heard between two compiled calls.

        Whatever ends the call, the model is left with the state of the last compiled call.
        """
        if self._hears_interrupts:  # an evaluation that a callback of a fit asks for
            yield
            return
        self.interrupted = False
        in_main_thread = threading.current_thread() is threading.main_thread()
        if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            with self._kept_whole():
                yield
            return

        def request(signum: int, frame: Any) -> None:
            self.interrupted = True
            signal.signal(signal.SIGINT, signal.default_int_handler)

        signal.signal(signal.SIGINT, request)
        self._hears_interrupts = True
        try:
            with self._kept_whole():
                yield
            if self.interrupted:  # after the last call
                raise KeyboardInterrupt
        finally:
            self._hears_interrupts = False
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextlib.contextmanager
    def _kept_whole(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if keras.backend.backend() == "jax":
                # Keras does so after a fit, but not after an evaluation.
                self.jax_state_sync()
                self.forget_state()
            raise


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


def _on_host(array):
    """Where batches are gathered: in host memory, but on the device for the loop on JAX."""
    if isinstance(array, np.ndarray) or keras.backend.backend() == "jax":
        return array
    return keras.ops.convert_to_numpy(array)


def _parts(data):
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


def _pack(x, y=None, sample_weight=None):
    if sample_weight is not None:
        # Keras drops the weights of examples that come without targets.
        return (x, np.zeros(len(sample_weight), "float32") if y is None else y, sample_weight)
    return (x,) if y is None else (x, y)


def _first(data, steps, batch_size):
    """The examples of the first `steps` batches; all where `steps` is None."""
    if steps is None:
        return data
    return _rows(data, slice(steps * batch_size))


def _rows(data, rows):
    return map_parts(lambda array: None if array is None else array[rows], data)


def _split(data, fraction):
    """Keras' rule: the last examples are for validation."""
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


def _around(first, callbacks, last):
    if isinstance(callbacks, keras.callbacks.CallbackList):
        renew = Renew()
        renew.set_model(callbacks.model)
        callbacks.append(renew)
        callbacks.append(last)
        if first is not None:
            callbacks.callbacks.insert(0, first)
            first.set_model(callbacks.model)
        return callbacks
    callbacks = [] if callbacks is None else callbacks
    given = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in given:
        if isinstance(callback, Checkpoint):
            callback.siblings = [other for other in given if other is not callback]
    renew = [Renew()] if given and first is not None else []
    return [*([] if first is None else [first]), *given, *renew, last]
