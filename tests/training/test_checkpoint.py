"""A fit that is stopped and resumed ends with the same weights."""

import os
import signal

import keras
import numpy as np
import pytest

from kelbo.errors import InputError
from kelbo.training import Checkpoint

pytestmark = pytest.mark.core

FIT = {"batch_size": 100, "verbose": 0, "validation_split": 0.1}
ON_JAX = keras.backend.backend() == "jax"


class PressCtrlC(keras.callbacks.Callback):
    """Presses Ctrl-C at the given batch of the given epoch."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.at, self.epoch = (epoch, batch), None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            os.kill(os.getpid(), signal.SIGINT)


def callbacks_with(checkpoint):
    return [
        keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=30.0, factor=0.5),
        checkpoint,
    ]


def test_resumed_from_the_end_of_an_epoch(make_vae, digits, weights, tmp_path):
    path = tmp_path / "checkpoint.npz"
    whole = make_vae()
    expected = whole.fit(
        digits, epochs=6, callbacks=callbacks_with(Checkpoint(tmp_path / "w.npz")), **FIT
    )
    make_vae().fit(digits, epochs=3, callbacks=callbacks_with(Checkpoint(path)), **FIT)

    keras.utils.set_random_seed(99)
    resumed, checkpoint = make_vae(), Checkpoint(path)
    start = checkpoint.restore(resumed)
    assert start == 3
    history = resumed.fit(
        digits, epochs=6, initial_epoch=start, callbacks=callbacks_with(checkpoint), **FIT
    )
    np.testing.assert_array_equal(weights(resumed), weights(whole))
    assert history.history == expected.history
    assert history.epoch == list(range(6))
    assert checkpoint.history == expected.history
    assert checkpoint.finished


@pytest.mark.slow
def test_killed_after_the_last_epoch_but_before_the_end(make_vae, digits, weights, tmp_path):
    path = tmp_path / "checkpoint.npz"
    whole = make_vae()
    stop = keras.callbacks.EarlyStopping("kl", mode="min", patience=9, restore_best_weights=True)
    whole.fit(digits, epochs=3, callbacks=[stop], **FIT)

    class Killed(Exception):
        pass

    class DieAtTheEnd(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise Killed

    def early_stopping():
        return keras.callbacks.EarlyStopping(
            "kl", mode="min", patience=9, restore_best_weights=True
        )

    killed = Checkpoint(path, every=0.0)
    with pytest.raises(Killed):
        make_vae().fit(digits, epochs=3, callbacks=[early_stopping(), killed, DieAtTheEnd()], **FIT)
    resumed, checkpoint = make_vae(), Checkpoint(path)
    start = checkpoint.restore(resumed)
    assert start == 3
    resumed.fit(
        digits, epochs=3, initial_epoch=start, callbacks=[early_stopping(), checkpoint], **FIT
    )
    np.testing.assert_array_equal(weights(resumed), weights(whole))
    assert Checkpoint(path).restore(make_vae()) == 3


@pytest.mark.slow
@pytest.mark.optimized
@pytest.mark.skipif(not ON_JAX, reason="within an epoch only a fused fit is saved")
@pytest.mark.parametrize("batch", [0, 5, 15])
def test_resumed_from_within_an_epoch(make_vae, digits, weights, tmp_path, batch):
    path = tmp_path / "checkpoint.npz"
    whole = make_vae()
    expected = whole.fit(digits, epochs=4, **FIT)

    stopped = make_vae()
    stopped.steps_per_execution = 5
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(digits, epochs=4, callbacks=[PressCtrlC(2, batch), Checkpoint(path)], **FIT)

    resumed, checkpoint = make_vae(), Checkpoint(path)
    start = checkpoint.restore(resumed)
    assert start == 2
    assert not checkpoint.finished
    history = resumed.fit(digits, epochs=4, initial_epoch=start, callbacks=[checkpoint], **FIT)
    np.testing.assert_array_equal(weights(resumed), weights(whole))
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-6)


@pytest.mark.slow
def test_interrupted_in_the_first_epoch(make_vae, digits, weights, tmp_path):
    path = tmp_path / "checkpoint.npz"
    whole = make_vae()
    whole.fit(digits, epochs=2, **FIT)
    with pytest.raises(KeyboardInterrupt):
        make_vae().fit(digits, epochs=2, callbacks=[PressCtrlC(0, 0), Checkpoint(path)], **FIT)
    resumed, checkpoint = make_vae(), Checkpoint(path)
    start = checkpoint.restore(resumed)
    assert start == 0
    resumed.fit(digits, epochs=2, initial_epoch=start, callbacks=[checkpoint], **FIT)
    np.testing.assert_array_equal(weights(resumed), weights(whole))


def test_a_broken_loss_does_not_replace_the_good_checkpoint(make_vae, digits, tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz")
    model = make_vae(preprocessing=keras.layers.Rescaling(1.0))
    model.fit(digits, epochs=2, callbacks=[checkpoint], **FIT)
    before = checkpoint.path.read_bytes()
    broken = digits.copy()
    broken[5] = 2.0  # outside of the support
    with pytest.raises(FloatingPointError):
        model.fit(broken, epochs=4, initial_epoch=2, callbacks=[checkpoint], **FIT)
    assert checkpoint.path.read_bytes() == before


def test_no_file_is_a_fresh_start(make_vae, tmp_path):
    assert Checkpoint(tmp_path / "none.npz").restore(make_vae()) == 0


@pytest.fixture(scope="module")
def saved(make_vae, digits, tmp_path_factory):
    """The bytes of a whole checkpoint."""
    path = tmp_path_factory.mktemp("saved") / "checkpoint.npz"
    make_vae().fit(digits, epochs=1, callbacks=[Checkpoint(path)], **FIT)
    return path.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"nonsense"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:2000]),
        lambda path: np.savez(path, other=np.zeros(3)),
        lambda path: np.savez(path, meta=np.array('{"format": "something else"}')),
        lambda path: np.savez(path, meta=np.array({"a": 1}, dtype=object)),
    ],
    ids=["nonsense", "empty", "truncated", "foreign", "other format", "pickled"],
)
@pytest.mark.few(2)
def test_a_damaged_file_is_refused(make_vae, saved, tmp_path, damage):
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz")
    checkpoint.path.write_bytes(saved)
    damage(checkpoint.path)
    with pytest.raises(InputError, match=r"checkpoint\.npz is not a whole Kelbo checkpoint"):
        Checkpoint(checkpoint.path).restore(make_vae())


def test_another_model_is_refused(make_vae, saved, tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz")
    checkpoint.path.write_bytes(saved)
    with pytest.raises(InputError, match="another model"):
        Checkpoint(checkpoint.path).restore(make_vae(hidden=17))
