"""Batch normalization in flows: moments of the batch in training, moving ones elsewhere."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import layers as kl
from kelbo import ops

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

RANDOM = np.random.default_rng(0)
DATA = (RANDOM.normal(size=(400, 2)) * [0.5, 4.0] + [3.0, -20.0]).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def trained_layer(event_shape=(2,), **more):
    """With moments, gamma and beta that are not those at the start."""
    layer = kl.BatchNormalization(event_shape, **more)
    layer.build(None)
    random = np.random.default_rng(1)
    layer.set_weights([random.uniform(0.5, 2.0, w.shape) for w in layer.get_weights()])
    return layer


class Scorer(keras.layers.Layer):
    """What a model is to the layer: its call knows whether it trains."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, y, training=None):
        return self.layer.given().inverse_and_log_det(y)


@pytest.mark.parametrize("event_shape", [(2,), (3, 4, 2)], ids=str)
def test_outside_of_training_it_is_a_fixed_affine_map(event_shape, dtype):
    layer = trained_layer(event_shape, dtype=dtype, epsilon=0.1)
    gamma, beta = (np.ravel(numbers(layer._raw[name])) for name in ("gamma", "beta"))
    mean, variance = (numbers(v) for v in layer.moments.moving())
    y = RANDOM.normal(size=(5, *event_shape)).astype(dtype)
    x, log_det = layer.given().inverse_and_log_det(y)
    near = {"rtol": 1e-5, "atol": 1e-5}
    expected = beta + np.exp(gamma) * (y - mean) / np.sqrt(variance + 0.1)
    np.testing.assert_allclose(numbers(x), expected, **near)
    one = np.sum(gamma - 0.5 * np.log(variance + 0.1)) * np.prod(event_shape[:-1])
    np.testing.assert_allclose(numbers(log_det), np.full(5, one), **near)
    again, inverse_log_det = layer.given().forward_and_log_det(x)
    np.testing.assert_allclose(numbers(again), y, **near)
    np.testing.assert_allclose(numbers(inverse_log_det), -numbers(log_det), **near)
    assert str(numbers(x).dtype) == str(numbers(log_det).dtype) == dtype
    for moving, before in zip(layer.moments.moving(), (mean, variance), strict=True):
        np.testing.assert_array_equal(numbers(moving), before)


def test_in_training_the_moments_are_those_of_the_batch_and_the_moving_ones_follow():
    layer = kl.BatchNormalization((2,), momentum=0.75, epsilon=1e-5)
    layer.build(None)
    x, log_det = Scorer(layer)(DATA, training=True)
    x = numbers(x)
    np.testing.assert_allclose(x.mean(0), 0.0, atol=1e-4)
    np.testing.assert_allclose(x.var(0), 1.0, rtol=1e-3)
    np.testing.assert_allclose(numbers(log_det), -0.5 * np.log(DATA.var(0)).sum(), rtol=1e-3)
    mean, variance = map(numbers, layer.moments.moving())
    np.testing.assert_allclose(mean, 0.25 * DATA.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.75 + 0.25 * DATA.var(0), rtol=1e-4)
    # The way from the base keeps to the moving moments, in training too.
    y = numbers(layer.given().forward(np.zeros((1, 2), "float32")))
    np.testing.assert_allclose(y[0], mean, rtol=1e-5)
    before = numbers(Scorer(layer)(DATA[:3], training=False)[0])
    np.testing.assert_array_equal(numbers(layer.given().inverse(DATA[:3])), before)


def test_gradients_flow_through_the_moments_of_the_batch():
    layer = kl.BatchNormalization((2,), epsilon=1e-5)
    layer.build(None)
    scorer, shift = Scorer(layer), keras.Variable([1.0, 2.0])

    def total():
        x, log_det = scorer(ops.convert_to_tensor(DATA) + shift, training=True)
        return ops.sum(ops.square(x)) + ops.sum(log_det)

    _, (gradient,) = ops.value_and_grad(total, [shift])()
    np.testing.assert_allclose(numbers(gradient), 0.0, atol=0.05)  # the mean takes it away again


def estimator(**more):
    base = kb.distributions.Normal.standard((2,))
    flow = kl.Flow(base, [kl.BatchNormalization((2,), momentum=0.5, **more)])
    model = kb.models.DensityEstimator(flow, seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    return model


def test_a_density_estimator_learns_scale_and_place_from_the_moments(tmp_path):
    keras.utils.set_random_seed(0)
    model = estimator(epsilon=1e-6)
    losses = model.fit(DATA, epochs=12, batch_size=100, verbose=0).history["loss"]
    layer = model.flow.bijectors[0]
    mean, variance = map(numbers, layer.moments.moving())
    np.testing.assert_allclose(mean, DATA.mean(0), rtol=0.05)
    np.testing.assert_allclose(variance, DATA.var(0), rtol=0.3)
    fitted = 0.5 * np.log(2 * np.pi * np.e * DATA.var(0)).sum()  # the best that a normal can do
    assert losses[-1] == pytest.approx(fitted, abs=0.1)
    assert model.evaluate(DATA, verbose=0, return_dict=True)["loss"] == pytest.approx(
        fitted, abs=0.2
    )
    # Scored one by one: nothing depends on what else is in the batch.
    np.testing.assert_allclose(model.log_prob(DATA[:4])[2], model.log_prob(DATA[2:3])[0], rtol=1e-5)
    draws = model.sample(4000, seed=1)
    np.testing.assert_allclose(draws.mean(0), DATA.mean(0), rtol=0.1)
    np.testing.assert_allclose(draws.std(0), DATA.std(0), rtol=0.3)
    model.save(tmp_path / "flow.keras")
    again = keras.saving.load_model(tmp_path / "flow.keras")
    np.testing.assert_allclose(again.log_prob(DATA), model.log_prob(DATA), rtol=1e-6)
    assert again.flow.bijectors[0].momentum == 0.5


def test_inverted_it_normalizes_on_the_way_from_the_base():
    layer = trained_layer(invert=True)
    straight = kl.BatchNormalization((2,))
    straight.build(None)
    straight.set_weights(layer.get_weights())
    for one, other in zip(
        layer.given().forward_and_log_det(DATA[:5]),
        straight.given().inverse_and_log_det(DATA[:5]),
        strict=True,
    ):
        np.testing.assert_array_equal(numbers(one), numbers(other))


def test_with_a_context_scale_and_shift_depend_on_it():
    keras.utils.set_random_seed(0)
    layer = kl.BatchNormalization((2,))
    context = RANDOM.normal(size=(5, 3)).astype("float32")
    bijector = layer.given(10 * context)
    assert bijector.batch_shape == (5,)
    x, log_det = bijector.inverse_and_log_det(DATA[:5])
    assert len(np.unique(numbers(log_det))) == 5
    again = bijector.forward(x)
    np.testing.assert_allclose(numbers(again), DATA[:5], rtol=1e-4)


def test_half_precision_ends_before_the_moments():
    layer = kl.BatchNormalization((2,), dtype="mixed_float16")
    x = layer.given().inverse(DATA)
    assert str(numbers(x).dtype) == "float32"
    assert str(layer.moments.mean.dtype).endswith("float32")


def test_bad_arguments_are_named():
    for message, make in {
        r"^BatchNormalization: momentum must be .* got 1.0": lambda: kl.BatchNormalization(
            (2,), momentum=1.0
        ),
        r"^BatchNormalization: epsilon must be above 0, got 0": lambda: kl.BatchNormalization(
            (2,), epsilon=0
        ),
        r"save the layer": lambda: kl.BatchNormalization((2,)).given().get_config(),
    }.items():
        with pytest.raises(ValueError, match=message):
            make()
