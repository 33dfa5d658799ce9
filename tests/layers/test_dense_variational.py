"""The variational dense layer: exact divergence, unbiased estimators, exact posteriors."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import divergences, ops
from kelbo.layers import DenseVariational
from kelbo.layers.dense_variational import ESTIMATORS

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(32, 3)).astype("float32")
T = GENERATOR.normal(size=(32, 2)).astype("float32")
MEAN = np.array([[0.5, -1.0], [1.0, 0.3], [-0.7, 0.2]], "float32")
SCALE = np.array([[0.5, 0.2], [0.3, 0.9], [0.4, 0.1]], "float32")
BIAS_MEAN, BIAS_SCALE = np.array([0.3, -0.2], "float32"), np.array([0.6, 0.3], "float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def raw(scale):
    return np.log(np.expm1(scale))


def layer_with_weights(bias="variational", **settings):
    layer = DenseVariational(2, kl_weight=settings.pop("kl_weight", 0.1), bias=bias, **settings)
    layer.build((None, 3))
    values = [MEAN, raw(SCALE)]
    if bias is not None:
        values.append(BIAS_MEAN)
    if bias == "variational":
        values.append(raw(BIAS_SCALE))
    for variable, value in zip(layer.trainable_variables, values, strict=True):
        variable.assign(value)
    return layer


def normal_kl(mean, scale, prior_scale=1.0):
    ratio = (scale / prior_scale) ** 2
    return 0.5 * np.sum(ratio + (mean / prior_scale) ** 2 - 1 - np.log(ratio))


def test_the_divergence_is_exact_and_is_added_once():
    expected = normal_kl(MEAN, SCALE, 2.0)
    layer = layer_with_weights("deterministic", prior=kd.Normal(0.0, 2.0))
    assert float(layer.kl()) == pytest.approx(expected, rel=1e-5)
    layer(X)
    layer(X)
    assert [float(loss) for loss in layer.losses] == [pytest.approx(0.1 * expected, rel=1e-5)]
    whole = layer_with_weights(prior=kd.Normal(0.0, 2.0))
    assert float(whole.kl()) == pytest.approx(
        expected + normal_kl(BIAS_MEAN, BIAS_SCALE, 2.0), rel=1e-5
    )


@pytest.mark.slow
def test_any_prior_by_samples():
    weights = kd.Categorical(probs=[0.5, 0.5])
    prior = kd.MixtureSameFamily(weights, kd.Normal([0.0, 0.0], [1.0, 1.0]))
    layer = layer_with_weights(None, prior=prior, divergence=divergences.MonteCarloKL(20_000))
    assert float(layer.kl()) == pytest.approx(normal_kl(MEAN, SCALE), rel=0.02)
    with pytest.raises(NotImplementedError, match="MonteCarloKL"):
        layer_with_weights(None, prior=prior).kl()


def loss_and_gradients(layer):
    """A compiled function of a seed: half the mean squared distance from T, and its gradients."""
    variables = layer.trainable_variables

    def loss():
        return 0.5 * ops.mean(ops.sum(ops.square(ops.subtract(layer(X), T)), axis=-1))

    score = ops.value_and_grad(loss, variables)
    if keras.backend.backend() == "torch":
        run = score
    else:
        run = ops.compile(score, variables + layer.non_trainable_variables)

    def at(seed):
        layer.seed_generator.state.assign(np.array([seed, 0]))
        value, gradients = run()
        return np.concatenate([np.ravel(numbers(g)) for g in (value, *gradients)])

    return at


def exact_loss_and_gradients():
    """Expectations: of a squared distance, that of the mean plus the variance."""
    error = X @ MEAN + BIAS_MEAN - T
    squares = X**2
    variance = squares @ SCALE**2 + BIAS_SCALE**2
    loss = 0.5 * np.mean(np.sum(error**2 + variance, axis=1))
    slope = 1 - np.exp(-SCALE)  # of softplus, at raw(SCALE)
    parts = [
        loss,
        X.T @ error / len(X),
        squares.mean(0)[:, None] * SCALE * slope,
        error.mean(0),
        BIAS_SCALE * (1 - np.exp(-BIAS_SCALE)),
    ]
    return np.concatenate([np.ravel(part) for part in parts])


@pytest.fixture(scope="module")
def estimates():
    draws = 150 if keras.backend.backend() == "torch" else 600
    found = {}
    for estimator in ESTIMATORS:
        at = loss_and_gradients(layer_with_weights(estimator=estimator, seed=0))
        found[estimator] = np.array([at(seed) for seed in range(draws)])
    return found


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_estimators_are_unbiased(estimates, estimator):
    draws = estimates[estimator]
    error = draws.std(0, ddof=1) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(0) - exact_loss_and_gradients()) < 4.5 * error + 1e-6).all()


def test_noise_per_example_averages_out_over_a_batch(estimates):
    variances = {name: draws.var(0) for name, draws in estimates.items()}
    naive = variances.pop("reparameterized")
    for variance in variances.values():
        # First the value of the loss (Flipout shares the size of the noise), then the gradients.
        assert variance[0] < naive[0]
        assert np.median(variance[1:] / naive[1:]) < 0.5
        assert variance[1:].sum() < 0.5 * naive[1:].sum()


def test_an_input_of_zeros_has_finite_gradients():
    layer = DenseVariational(2, kl_weight=0.0, bias="deterministic")
    layer.build((None, 3))
    score = ops.value_and_grad(
        lambda: ops.sum(ops.square(layer(np.zeros((4, 3), "float32")))), layer.trainable_variables
    )
    _, gradients = score()
    assert all(np.isfinite(numbers(g)).all() for g in gradients)


@pytest.mark.slow
def test_sequences_and_mixed_precision():
    sequences = np.zeros((5, 7, 3), "float32")
    for estimator in ESTIMATORS:
        layer = DenseVariational(
            2, "relu", kl_weight=0.1, estimator=estimator, dtype="mixed_bfloat16"
        )
        outputs = layer(sequences)
        assert tuple(outputs.shape) == (5, 7, 2)
        assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
        assert keras.backend.standardize_dtype(layer.losses[0].dtype) == "float32"


def test_configuration_and_files(tmp_path):
    layer = DenseVariational(
        2,
        "tanh",
        kl_weight=0.01,
        prior=kd.Laplace(0.0, 0.5),
        estimator="flipout",
        bias="variational",
        divergence=divergences.MonteCarloKL(3),
        initial_scale=0.2,
        seed=4,
        name="bayesian",
    )
    model = keras.Sequential([keras.Input((3,)), layer])
    assert numbers(layer.posteriors()["kernel"].scale) == pytest.approx(0.2, rel=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert str(again.layers[0].get_config()) == str(layer.get_config())
    expected, found = (kb.models.predict_draws(m, X, 3, seed=1) for m in (model, again))
    np.testing.assert_array_equal(numbers(found), numbers(expected))


def test_draws_are_functions_that_belong_together():
    """Each draw is one linear function, the same for every batch."""
    layer = layer_with_weights(estimator="local_reparameterized", seed=0)
    model = keras.Sequential([keras.Input((3,)), layer])
    x = np.concatenate([np.zeros((1, 3)), np.eye(3), np.ones((1, 3)), X]).astype("float32")
    state = numbers(layer.seed_generator.state.value)
    draws = numbers(kb.models.predict_draws(model, x, 2000, seed=3, batch_size=16))
    assert draws.shape == (2000, len(x), 2)
    np.testing.assert_array_equal(numbers(layer.seed_generator.state.value), state)
    bias, kernel = draws[:, 0], draws[:, 1:4] - draws[:, :1]
    np.testing.assert_allclose(draws[:, 4], kernel.sum(1) + bias, atol=1e-4)
    np.testing.assert_allclose(
        draws[:, 5:], np.einsum("ni,sio->sno", X, kernel) + bias[:, None], atol=1e-4
    )
    np.testing.assert_allclose(kernel.mean(0), MEAN, atol=4 * SCALE.max() / np.sqrt(2000))
    np.testing.assert_allclose(kernel.std(0), SCALE, rtol=0.08)
    np.testing.assert_allclose(bias.std(0), BIAS_SCALE, rtol=0.08)
    again = numbers(kb.models.predict_draws(model, x, 2000, seed=3, batch_size=16))
    np.testing.assert_array_equal(again, draws)
    other = numbers(kb.models.predict_draws(model, x, 2000, seed=4, batch_size=16))
    assert not np.array_equal(other, draws)


def test_bayesian_linear_regression_finds_the_exact_posterior():
    """The best independent normals: exact means, and the inverse diagonal of the precision."""
    generator = np.random.default_rng(1)
    n, noise, prior_scale = 60, 0.5, 0.8
    x = generator.normal(size=(n, 3)) @ np.array([[1.0, 0.4, 0], [0, 1, 0.3], [0, 0, 1]])
    x = x.astype("float32")
    y = (x @ [[0.7], [-0.4], [0.1]] + noise * generator.normal(size=(n, 1))).astype("float32")
    precision = x.T @ x / noise**2 + np.eye(3) / prior_scale**2
    mean = np.linalg.solve(precision, x.T @ y / noise**2)
    scale = 1 / np.sqrt(np.diag(precision))

    keras.utils.set_random_seed(0)
    layer = DenseVariational(1, kl_weight=1 / n, prior=kd.Normal(0.0, prior_scale), bias=None)
    loss = kb.losses.NegativeLogLikelihood(kd.Normal, (1,))
    # The noise is known: its raw number, whose softplus (above its floor) is the noise.
    raw_noise = float(np.log(np.expm1(noise - 1e-3)))
    inputs = keras.Input((3,))
    loc = layer(inputs)
    outputs = loss.join({"loc": loc, "scale": 0.0 * loc + raw_noise})
    model = keras.Model(inputs, outputs)
    epochs = 150
    schedule = keras.optimizers.schedules.CosineDecay(0.05, epochs * 10)
    model.compile(keras.optimizers.Adam(schedule), loss=loss)
    model.fit(np.tile(x, (10, 1)), np.tile(y, (10, 1)), batch_size=n, epochs=epochs, verbose=0)
    posterior = layer.posteriors()["kernel"]
    np.testing.assert_allclose(numbers(posterior.loc), mean, atol=0.3 * scale.min())
    np.testing.assert_allclose(numbers(posterior.scale)[:, 0], scale, rtol=0.1)


BAD_ARGUMENTS = {
    "units": ({"units": 0}, "units must be a whole number of at least 1, got 0"),
    "estimator": ({"estimator": "exact"}, "estimator must be one of .*; got 'exact'"),
    "bias": ({"bias": True}, "bias must be one of .*; got True"),
    "weight": ({"kl_weight": -1.0}, "kl_weight must be a number of at least 0, got -1.0"),
    "scale": ({"initial_scale": 0.0}, "initial_scale must be greater than 0, got 0.0"),
    "prior": (
        {"prior": kd.Normal.standard((2,))},
        r"batch shape \(\) and event shape \(\), got Independent",
    ),
}


@pytest.mark.parametrize(("settings", "message"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        DenseVariational(**{"units": 2, "kl_weight": 0.1, **settings})


def test_draws_must_be_a_whole_number():
    model = keras.Sequential([keras.Input((3,)), DenseVariational(2, kl_weight=0.1)])
    with pytest.raises(ValueError, match="draws must be a whole number of at least 1, got 0"):
        kb.models.predict_draws(model, X, 0)


def bayesian(kl_weight=None, layer=None):
    keras.utils.set_random_seed(0)
    layer = DenseVariational(4, "tanh", kl_weight=kl_weight, seed=1) if layer is None else layer
    conditional = kb.layers.ConditionalNormal((2,), keras.Sequential([layer]))
    model = kb.models.ConditionalDensity(conditional, seed=0)
    model.compile("adam")
    return model


class Halves(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        half = slice(16 * index, 16 * index + 16)
        return X[half], T[half]


FIT = {"epochs": 2, "batch_size": 8, "verbose": 0}


@pytest.mark.slow
def test_a_model_knows_the_number_of_its_training_examples(tmp_path):
    """The weight is 1 / rows that are trained on: weights, and rows held out, change nothing."""
    found = []
    for kl_weight in (None, 1 / 24):
        model = bayesian(kl_weight)
        history = model.fit(X, T, **FIT, validation_split=0.25, sample_weight=X[:, 0] ** 2)
        found.append([*history.history["loss"], *history.history["val_loss"]])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    model = bayesian()
    model.fit(X[:24], T[:24], **FIT)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    expected = model.evaluate(X, T, verbose=0)
    assert again.evaluate(X, T, verbose=0) == pytest.approx(expected, rel=1e-6)
    again.training_examples.assign(12)
    kl = float(next(layer for layer in again._flatten_layers() if hasattr(layer, "kl")).kl())
    more = again.evaluate(X, T, verbose=0) - expected
    assert more == pytest.approx(kl / 24, rel=1e-3)


@pytest.mark.slow
def test_models_that_share_a_layer_have_a_number_each():
    layer = DenseVariational(4, "tanh", seed=1)
    first, second = bayesian(layer=layer), bayesian(layer=layer)
    first.fit(X, T, **FIT)
    second.fit(X[:8], T[:8], **FIT)
    assert [int(model.training_examples.value) for model in (first, second)] == [32, 8]
    found = [model.evaluate(X, T, verbose=0) for model in (first, second)]
    first.training_examples.assign(8)
    changed = first.evaluate(X, T, verbose=0) - found[0]
    assert changed == pytest.approx(float(layer.kl()) * (1 / 8 - 1 / 32), rel=1e-3)


def test_what_is_not_counted_is_said():
    model = bayesian()
    for entry in (
        lambda: model.fit(Halves(), verbose=0),
        lambda: model.evaluate(X, T, verbose=0),
        lambda: model.train_on_batch(X, T),
    ):
        with pytest.raises(ValueError, match=r"^DenseVariational 'dense.*fit\(data, examples=6000"):
            entry()
    with pytest.raises(ValueError, match="examples must be a whole number of at least 1, got 0"):
        model.fit(Halves(), examples=0, verbose=0)


@pytest.mark.slow
def test_what_is_counted_by_hand_is_trained_on_as_arrays_are():
    model = bayesian()
    streamed = model.fit(Halves(), examples=32, shuffle=False, verbose=0).history["loss"]
    arrays = bayesian().fit(X, T, shuffle=False, batch_size=16, verbose=0).history["loss"]
    np.testing.assert_allclose(streamed, arrays, rtol=1e-5)
    assert model.predict(X, verbose=0).batch_shape == (32,)


def test_a_plain_keras_model_is_told_the_weight():
    model = keras.Sequential([keras.Input((3,)), DenseVariational(2)])
    model.compile("adam", "mse")
    assert np.isnan(model.evaluate(X, T, verbose=0))
    assert np.isfinite(model.predict(X, verbose=0)).all()
    with pytest.raises(ValueError, match=r"this one does not: give\s+kl_weight=1 / len\(x_train\)"):
        model.fit(X, T, verbose=0)
