"""The fused trainer: Keras' own `fit`, with many steps per compiled call on JAX."""

import contextlib
from typing import Any

import keras

from kelbo.intake import is_array_like
from kelbo.keras_internals import attach, metrics_in_order
from kelbo.training.checkpoint import Checkpoint
from kelbo.training.clock import EpochClock, seed_states, set_seeds
from kelbo.training.loop.arrays import TakesArrays, first_batches, packed, split_off
from kelbo.training.loop.batches import Batches
from kelbo.training.loop.examples import CountsExamples
from kelbo.training.loop.fusion import Fusion
from kelbo.training.loop.handover import Handover, Remembered
from kelbo.training.loop.interrupts import Interruptible
from kelbo.training.mode import run_in_training
from kelbo.training.renewal import MadeOf, Renew, Renewal
from kelbo.training.watch import NonFiniteLossError, Watch, first_non_finite


class FusedTrainer(Fusion, TakesArrays, CountsExamples, Interruptible, Renewal, Handover):
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
                data, validation_data = split_off(data, validation_split)
            train = Batches(packed(*data), batch_size, steps_per_epoch)
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
            test = Batches(packed(*first_batches(data, steps, batch_size or 32)), batch_size or 32)
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
            batches = Batches(
                packed(*first_batches(data, steps, batch_size or 32)), batch_size or 32
            )
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
        logs = super().train_on_batch(*packed(*data), return_dict=True)
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
        return super().test_on_batch(*packed(*data), return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """What `call` returns for one batch: `keras.Model.predict_on_batch`."""
        return super().predict_on_batch(self._arrays(x, needs_targets=False)[0])

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
