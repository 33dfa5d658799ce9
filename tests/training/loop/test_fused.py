"""The fused loop on JAX against Keras' own loop: same numbers, same callbacks."""

import csv

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="only on JAX does the fused loop run"
)


def test_fused_is_plain_to_the_last_bits(make_vae, digits, weights):
    fused, plain = make_vae(), make_vae()
    plain.fused = False
    histories = [
        model.fit(digits, validation_split=0.1, epochs=3, batch_size=100, verbose=0).history
        for model in (fused, plain)
    ]
    np.testing.assert_allclose(weights(fused), weights(plain), rtol=1e-5, atol=1e-6)
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.optimized
@pytest.mark.parametrize("steps", [2, 5, 17, 18, 50])
def test_every_split_into_calls_gives_the_same_bits(make_vae, digits, weights, steps):
    whole, split = make_vae(), make_vae()
    split.steps_per_execution = steps
    for model in (whole, split):
        model.fit(digits, epochs=2, batch_size=100, verbose=0)
    np.testing.assert_array_equal(weights(whole), weights(split))
    assert split.steps_per_execution == steps


def test_batch_callbacks_are_called_once_per_call(make_vae, digits):
    calls = []
    model = make_vae()
    model.steps_per_execution = 7
    model.fit(
        digits,
        batch_size=100,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: calls.append(batch)
            )
        ],
    )
    assert calls == [6, 13, 20]  # 18 steps, reported as Keras documents


@pytest.mark.slow
def test_callbacks_behave_as_in_the_plain_loop(make_vae, digits, tmp_path):
    def run(fused):
        model = make_vae()
        model.fused = fused
        folder = tmp_path / str(fused)
        folder.mkdir()
        history = model.fit(
            digits,
            validation_split=0.2,
            epochs=8,
            batch_size=100,
            verbose=0,
            callbacks=[
                keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.003 * 0.9**epoch),
                keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=50.0),
                keras.callbacks.EarlyStopping("val_loss", patience=2, min_delta=30.0),
                keras.callbacks.CSVLogger(str(folder / "log.csv")),
                keras.callbacks.ModelCheckpoint(
                    str(folder / "{epoch}.weights.h5"), save_weights_only=True
                ),
                keras.callbacks.TerminateOnNaN(),
            ],
        ).history
        with open(folder / "log.csv") as file:
            rows = list(csv.DictReader(file))
        return history, rows, sorted(p.name for p in folder.glob("*.h5"))

    (fused, fused_rows, fused_files), (plain, plain_rows, plain_files) = run(True), run(False)
    assert fused.keys() == plain.keys()
    for name in fused:
        np.testing.assert_allclose(fused[name], plain[name], rtol=1e-4)
    assert len(fused["loss"]) < 8, "early stopping must have its say"
    assert len(fused_rows) == len(plain_rows) == len(fused["loss"])
    assert fused_files == plain_files


def test_nothing_is_compiled_again_in_a_second_fit(make_vae, digits):
    import jax

    model = make_vae()
    arguments = {"validation_split": 0.1, "epochs": 2, "batch_size": 100, "verbose": 0}
    model.fit(digits, **arguments)
    compiled = []

    def listen(name, seconds, **_):
        if name == "/jax/core/compile/backend_compile_duration":
            compiled.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(listen)
    model.fit(digits, **arguments)
    assert not compiled


def test_predict_is_that_of_the_plain_loop(make_vae, digits):
    fused, plain = make_vae(), make_vae()
    plain.fused = False
    a, b = (m.predict(digits, batch_size=100, verbose=0) for m in (fused, plain))
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-5)


@pytest.mark.slow
def test_data_that_are_on_the_device_already(make_vae, digits, weights):
    import jax.numpy as jnp

    first, second = make_vae(), make_vae()
    first.fit(digits, epochs=1, batch_size=100, verbose=0)
    second.fit(jnp.asarray(digits), epochs=1, batch_size=100, verbose=0)
    np.testing.assert_array_equal(weights(first), weights(second))


def test_plain_validation_inside_a_fused_fit(make_vae, digits):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return (digits[index * 50 : (index + 1) * 50],)

    history = (
        make_vae()
        .fit(digits, validation_data=Batches(), epochs=3, batch_size=100, verbose=0)
        .history
    )
    assert len(history["val_loss"]) == 3
    assert np.isfinite(history["val_loss"]).all()


@pytest.mark.slow
def test_the_input_array_may_be_of_any_layout(make_vae, digits, weights):
    first, second = make_vae(), make_vae()
    first.fit(digits, epochs=1, batch_size=100, verbose=0)
    second.fit(np.asfortranarray(digits.astype("float64")), epochs=1, batch_size=100, verbose=0)
    np.testing.assert_array_equal(weights(first), weights(second))
