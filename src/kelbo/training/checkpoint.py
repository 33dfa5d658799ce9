"""A checkpoint from which a fit goes on as if it had never stopped."""

import inspect
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kelbo.errors import InputError
from kelbo.files import replacing
from kelbo.training.checkpoint_file import FORMAT, read_checkpoint
from kelbo.training.watch import first_non_finite


class Checkpoint(keras.callbacks.Callback):
    """Saves all that a fit needs to go on with the same bits, in one file, atomically.

    The file holds the weights, the optimizer's state, the seeds, the running metrics, the
    history, and the counters of the other callbacks (`EarlyStopping`, `ReduceLROnPlateau`). It is
    written after epochs, when the fit ends, and, for a model that runs fused, also when Ctrl-C
    stops it within an epoch. Epochs whose loss is not finite are not saved, so the last good
    state stays. It is a `.npz` of plain arrays: loading it runs no code.

    It is for models of Kelbo (of the class `FusedTrainer`). Put it last in the list of callbacks.

    Args:
        path: The file, ending in ".npz". Its folder must exist.
        every: Seconds that pass at least between two saves, of a model that runs fused; the last
            epoch is saved in any case.
        run: A name of the fit, kept in the file: the checkpoint of a fit with another name is
            refused. None restores any.
        settings: What the fit was set up with, as JSON can hold it: kept in the file for whoever
            goes on with it.

    Attributes:
        history: Metric name to list of values per epoch, from the first epoch on.
        finished: Whether the fit that was saved ended by itself.

    Example:
        >>> import kelbo as kb
        >>> x = kb.datasets.load("digits").x_train.reshape(-1, 64)
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalContinuousBernoulli((64,)),
        ...     posterior=kb.layers.ConditionalNormal((2,)),
        ... )
        >>> vae.compile("adam")
        >>> checkpoint = Checkpoint("run.npz")
        >>> history = vae.fit(x, epochs=2, batch_size=100, verbose=0, callbacks=[checkpoint])
        >>> Checkpoint("run.npz").restore(vae)  # the `initial_epoch` of the next fit
        2
    """

    def __init__(
        self,
        path: str | os.PathLike,
        every: float = 1.0,
        run: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.path = Path(path)
        self.every = every
        self.run = run
        self.settings = settings
        self.history: dict[str, list[float]] = {}
        self.finished = False
        self.siblings: list[keras.callbacks.Callback] = []
        self._epoch = 0
        self._saved_at = -math.inf
        self._restored = None

    def restore(self, model: keras.Model) -> int:
        """Puts `model` into the saved state.

        Args:
            model: A compiled and built model, made as the one that was saved.

        Returns:
            The `initial_epoch` to give to `fit`: the number of whole epochs that are done, or 0
            where there is no file.

        Raises:
            InputError: The file is damaged, no checkpoint, or that of another model or fit.
        """
        if not self.path.exists() and not self.path.is_symlink():
            return 0
        meta, arrays = read_checkpoint(self.path)
        self.run = self.run or meta["run"]
        if None not in (self.run, meta["run"]) and self.run != meta["run"]:
            raise InputError(
                f"{self.path} is the checkpoint of another fit. Put back that of this one."
            )
        model.optimizer.build(model.trainable_variables)
        variables = _variables(model)
        given = [[list(v.shape), str(v.dtype)] for v in variables]
        if meta["variables"] != given:
            raise InputError(
                f"{self.path} is the checkpoint of another model: its variables have other shapes. "
                "Build the model with the settings that it was saved with."
            )
        for index, variable in enumerate(variables):
            variable.assign(arrays[f"variable_{index}"])
        self.history = {name: list(values) for name, values in meta["history"].items()}
        self.finished = meta["finished"]
        self._restored = (meta, arrays)
        return meta["epochs"]

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.finished = False
        self._saved_at = -math.inf
        if self._restored is not None:
            # The other callbacks were reset when the fit began: set them back now. A fit that was
            # killed after its last epoch has no other epoch in which to do so.
            meta, arrays = self._restored
            pairs = zip(self.siblings, meta["callbacks"], strict=False)
            for index, (callback, state) in enumerate(pairs):
                if type(callback).__name__ == state["class"]:
                    _set_callback_state(callback, state, arrays, index)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch
        if self._restored is None:
            return
        meta, arrays = self._restored
        self._restored = None
        self.model.history.history = {name: list(v) for name, v in self.history.items()}
        self.model.history.epoch = list(range(epoch))
        if meta["step"] is not None:
            self._enter_epoch(meta["step"], arrays)

    def _enter_epoch(self, step, arrays):
        """Goes to `step` of the epoch that has just begun, with its seeds and running metrics."""
        batches = self.model.train_batches
        if batches is None:
            raise InputError(
                f"{self.path} was saved within an epoch of a fused fit; it can only go on in one."
            )
        for index, variable in enumerate(_variables(self.model)):
            variable.assign(arrays[f"variable_{index}"])
        if step > batches.steps:
            raise InputError(
                f"{self.path} was saved after step {step} of an epoch of {batches.steps}: is it of "
                "other data?"
            )
        batches.next_step = step

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        batches = self.model.train_batches
        if self.model.interrupted and batches is not None and self._is_finite(logs):
            self.model.jax_state_sync()
            self._save(self._epoch, step=batches.next_step)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self._epoch = epoch + 1
        waited = time.monotonic() - self._saved_at >= self.every
        due = waited or self.model.interrupted or self.model.train_batches is None
        if self._is_finite(logs) and due:
            self._save(self._epoch)

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._restored is not None:
            self._epoch, self._restored = self._restored[0]["epochs"], None
        if self._is_finite(logs):
            self.finished = True
            self._save(self._epoch)

    def _is_finite(self, logs):
        return first_non_finite(logs, self.model.loss_names) is None

    def _save(self, epochs, step=None):
        variables = _variables(self.model)
        arrays = {f"variable_{i}": _as_array(v) for i, v in enumerate(variables)}
        meta = {
            "format": FORMAT,
            "run": self.run,
            "settings": None if self.settings is None else dict(self.settings),
            "epochs": epochs,
            "step": step,
            "finished": self.finished,
            "history": self.history,
            "variables": [(list(v.shape), str(v.dtype)) for v in variables],
            "callbacks": [
                _callback_state(callback, arrays, index)
                for index, callback in enumerate(self.siblings)
            ],
        }
        with replacing(self.path) as temporary, open(temporary, "wb") as file:
            np.savez(file, meta=np.array(json.dumps(meta)), **arrays)
        self._saved_at = time.monotonic()


def _variables(model):
    variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return list({id(variable): variable for variable in variables}.values())


def _as_array(variable):
    array = keras.ops.convert_to_numpy(variable.value)
    # NumPy's files know no bfloat16.
    return array.astype("float32") if array.dtype.kind == "V" else array


def _callback_state(callback, arrays, index):
    """The counters of a callback: its numbers, and its lists of arrays (such as best weights).

    What the constructor takes is how the callback was set up, not how far it has come.
    """
    state = {"class": type(callback).__name__, "values": {}, "lists": {}}
    settings = inspect.signature(type(callback).__init__).parameters
    for name, value in vars(callback).items():
        if name in settings:
            continue
        if isinstance(value, np.generic):
            value = value.item()
        if not _is_state(value):
            continue
        if not isinstance(value, list):
            state["values"][name] = value
        else:
            state["lists"][name] = len(value)
            for i, array in enumerate(value):
                arrays[f"callback_{index}_{name}_{i}"] = array
    return state


def _set_callback_state(callback, state, arrays, index):
    # Only what this version of the callback has, and what is a counter in it.
    own = {name for name, value in vars(callback).items() if _is_state(value)}
    for name, value in state["values"].items():
        if name in own:
            setattr(callback, name, value)
    for name, length in state["lists"].items():
        if name not in own:
            continue
        values = [arrays[f"callback_{index}_{name}_{i}"] for i in range(length)]
        setattr(callback, name, values)


def _is_state(value):
    return value is None or isinstance(value, bool | int | float) or _is_list_of_arrays(value)


def _is_list_of_arrays(value):
    # TensorFlow gives a single number as a NumPy scalar.
    kinds = (np.ndarray, np.generic)
    return isinstance(value, list) and value and all(isinstance(v, kinds) for v in value)
