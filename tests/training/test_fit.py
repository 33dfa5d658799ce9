"""`fit`, `evaluate` and `predict` of arrays: what Keras documents, whatever the backend."""

import os
import signal

import keras
import numpy as np
import pytest

import kelbo as kb

pytestmark = pytest.mark.core


def test_same_seed_same_run(make_vae, digits, weights):
    first, second = make_vae(), make_vae()
    for model in (first, second):
        model.fit(digits, epochs=2, batch_size=100, verbose=0)
    np.testing.assert_array_equal(weights(first), weights(second))


@pytest.mark.slow
def test_another_seed_is_another_run(make_vae, digits, weights):
    first, second = make_vae(), make_vae(seed=2)
    np.testing.assert_array_equal(weights(first), weights(second))
    for model in (first, second):
        model.fit(digits, epochs=1, batch_size=100, verbose=0)
    assert not np.array_equal(weights(first), weights(second))


def test_a_second_fit_goes_on_where_the_first_ended(make_vae, digits, weights):
    whole, parts = make_vae(), make_vae()
    whole.fit(digits, epochs=3, batch_size=100, verbose=0)
    parts.fit(digits, epochs=1, batch_size=100, verbose=0)
    parts.fit(digits, epochs=2, batch_size=100, verbose=0)
    np.testing.assert_array_equal(weights(whole), weights(parts))
    assert int(parts.epochs_trained.value) == 3


def test_validation_is_evaluate(make_vae, digits):
    model = make_vae()
    history = model.fit(
        digits[:1000], validation_data=(digits[1000:],), epochs=1, batch_size=100, verbose=0
    ).history
    evaluated = model.evaluate(digits[1000:], batch_size=100, verbose=0, return_dict=True)
    for name, value in evaluated.items():
        assert history[f"val_{name}"][-1] == pytest.approx(value, rel=1e-6)


@pytest.mark.slow
def test_validation_split_takes_the_last_examples(make_vae, digits, weights):
    split, given = make_vae(), make_vae()
    first = split.fit(digits, validation_split=0.25, epochs=1, batch_size=100, verbose=0)
    at = int(len(digits) * 0.75)
    second = given.fit(
        digits[:at], validation_data=digits[at:], epochs=1, batch_size=100, verbose=0
    )
    np.testing.assert_array_equal(weights(split), weights(given))
    assert first.history == second.history


def test_evaluate_draws_the_same_noise_every_time(make_vae, digits):
    model = make_vae()
    first, second = (model.evaluate(digits, batch_size=100, verbose=0) for _ in range(2))
    assert first == second


def test_loss_is_reconstruction_plus_divergence(make_vae, digits):
    logs = make_vae().evaluate(digits, batch_size=100, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + logs["kl"], rel=1e-5)


def test_an_example_of_weight_zero_does_not_count(make_vae, digits):
    model = make_vae()
    x = np.concatenate([digits[:100], np.full((100, 64), 0.5, "float32")])
    half = np.repeat([2.0, 0.0], 100).astype("float32")
    weighted = model.evaluate(x, sample_weight=half, batch_size=200, verbose=0, return_dict=True)
    terms = model.predict(x, batch_size=200, verbose=0)
    expected = (terms["kl"] - terms["log_likelihood"][:, 0])[:100].mean()
    assert weighted["loss"] == pytest.approx(expected, rel=1e-4)
    assert weighted["loss"] == pytest.approx(weighted["reconstruction"] + weighted["kl"], rel=1e-5)


def test_predict_returns_the_terms_of_every_example(make_vae, digits):
    model = make_vae(objective=kb.objectives.ELBO(samples=3))
    terms = model.predict(digits[:250], batch_size=100, verbose=0)
    assert terms["log_likelihood"].shape == (250, 3)
    assert terms["kl"].shape == (250,)
    again = model.predict(digits[:250], batch_size=100, verbose=0)
    np.testing.assert_array_equal(terms["log_likelihood"], again["log_likelihood"])


@pytest.mark.parametrize("examples", [1, 7, 100, 101])
@pytest.mark.slow
def test_any_number_of_examples(make_vae, digits, examples):
    model = make_vae()
    model.fit(digits[:examples], epochs=2, batch_size=100, verbose=0)
    logs = model.evaluate(digits[:examples], batch_size=100, verbose=0, return_dict=True)
    assert np.isfinite(logs["loss"])
    assert model.predict(digits[:examples], batch_size=100, verbose=0)["kl"].shape == (examples,)


def test_other_kinds_of_data_go_through_keras(make_vae, digits):
    class Pairs(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return (digits[index * 50 : (index + 1) * 50],)

    model = make_vae()
    history = model.fit(Pairs(), epochs=2, verbose=0, validation_data=Pairs())
    assert len(history.history["val_loss"]) == 2
    assert np.isfinite(model.evaluate(Pairs(), verbose=0)[0])


@pytest.mark.slow
def test_train_on_batch_between_fits(make_vae, digits):
    model = make_vae()
    model.fit(digits, epochs=1, batch_size=100, verbose=0)
    before = model.evaluate(digits, batch_size=100, verbose=0)[0]
    for _ in range(20):
        model.train_on_batch(digits[:500])
    assert model.evaluate(digits, batch_size=100, verbose=0)[0] < before
    model.fit(digits, epochs=1, batch_size=100, verbose=0)


def test_a_loss_that_is_not_finite_stops_and_is_located(make_vae, digits):
    x = digits.copy()
    x[250] = 2.0  # outside of the support; what a preprocessing makes of data is not checked
    vae = make_vae(preprocessing=keras.layers.Rescaling(1.0))
    with pytest.raises(kb.training.NonFiniteLossError, match="epoch 1 at step 3") as caught:
        vae.fit(x, epochs=2, batch_size=100, shuffle=False, verbose=0)
    assert (caught.value.epoch, caught.value.step) == (1, 3)
    with pytest.raises(kb.training.NonFiniteLossError, match="in this step"):
        vae.train_on_batch(x[245:255])


def test_interrupted_between_two_calls_with_the_model_whole(make_vae, digits, weights):
    class PressCtrlC(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGINT)

    model = make_vae()
    with pytest.raises(KeyboardInterrupt):
        model.fit(digits, epochs=5, batch_size=100, verbose=0, callbacks=[PressCtrlC()])
    assert int(model.epochs_trained.value) == 1
    assert np.isfinite(weights(model)).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(digits, epochs=1, batch_size=100, verbose=0)


def test_no_examples_is_an_error(make_vae, digits):
    with pytest.raises(ValueError, match="no examples"):
        make_vae().fit(digits[:0], verbose=0)


def test_arrays_of_different_lengths_are_an_error(make_vae, digits):
    with pytest.raises(ValueError, match="same number of examples"):
        make_vae().fit(digits, sample_weight=np.ones(3, "float32"), verbose=0)


@pytest.mark.parametrize("fraction", [1.0, -0.5, 0.999])
def test_a_split_that_leaves_nothing_is_an_error(make_vae, digits, fraction):
    with pytest.raises(ValueError, match="validation_split"):
        make_vae().fit(digits[:50], validation_split=fraction, verbose=0)
