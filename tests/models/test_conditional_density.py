"""Probabilistic regression: its loss, its distributions, its verbs, its files."""

import keras
import numpy as np
import pytest
from scipy import stats

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import ops

pytestmark = pytest.mark.core

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(300, 2)).astype("float32")
NOISE = 0.3
Y = (X @ [[1.0], [-0.5]] + 0.7 + NOISE * GENERATOR.normal(size=(300, 1))).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def make(conditional=None):
    keras.utils.set_random_seed(1)
    conditional = conditional or kl.ConditionalNormal((1,), minimum_scale=0.0)
    model = kb.models.ConditionalDensity(conditional, seed=0)
    # The first gradients, of a scale near 0, are huge: they are soon forgotten.
    model.compile(keras.optimizers.Adam(0.05, beta_2=0.9))
    return model


@pytest.fixture(scope="module")
def trained():
    model = make()
    model.fit(X, Y, epochs=100, batch_size=100, verbose=0)
    return model


def test_linear_regression_reaches_the_maximum_likelihood(trained):
    design = np.concatenate([X, np.ones((300, 1))], 1)
    solution, *_ = np.linalg.lstsq(design, Y, rcond=None)
    residual = (Y - design @ solution).std()
    best = 0.5 * np.log(2 * np.pi * residual**2) + 0.5
    loss = trained.evaluate(X, Y, verbose=0)
    # The scale depends on x as well: a little more freedom than that of least squares.
    assert best - 0.05 < loss < best + 0.02
    d = trained.predict(X, verbose=0)
    assert isinstance(d, kd.Distribution)
    assert (d.batch_shape, d.event_shape) == ((300,), (1,))
    np.testing.assert_allclose(numbers(d.mean()), design @ solution, atol=0.08)
    np.testing.assert_allclose(numbers(d.stddev()).mean(), residual, rtol=0.1)


def test_every_way_to_the_density_is_the_same(trained):
    d = trained.predict(X, batch_size=77, verbose=0)
    expected = stats.norm(numbers(d.mean()), numbers(d.stddev())).logpdf(Y).sum(1)
    np.testing.assert_allclose(numbers(d.log_prob(Y)), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(trained.log_prob(X, Y), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(trained.log_prob(X, Y, 64), expected, rtol=1e-4, atol=1e-4)
    loss = trained.evaluate(X, Y, batch_size=100, verbose=0)
    assert loss == pytest.approx(-expected.mean(), rel=1e-4)
    weights = np.arange(300) / 150
    loss = trained.evaluate(X, Y, batch_size=100, sample_weight=weights, verbose=0)
    assert loss == pytest.approx(-(weights * expected).mean(), rel=1e-3)


def test_samples(trained):
    draws = trained.sample(X[:5], 2000, seed=0)
    assert draws.shape == (2000, 5, 1)
    d = trained.predict(X[:5], verbose=0)
    np.testing.assert_allclose(draws.mean(0), numbers(d.mean()), atol=4 * NOISE / np.sqrt(2000))
    np.testing.assert_allclose(draws.std(0), numbers(d.stddev()), rtol=0.1)
    np.testing.assert_array_equal(trained.sample(X[:5], 2000, seed=0), draws)
    assert not np.array_equal(trained.sample(X[:5], 2000, seed=1), draws)
    assert trained.sample(X, batch_size=64).shape == (1, 300, 1)
    first, second = trained.sample(X[:1].repeat(2, 0), 1, seed=0, batch_size=1)[0]
    assert first != second


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
def test_saved_and_loaded(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(again.log_prob(X, Y), trained.log_prob(X, Y))
    np.testing.assert_array_equal(again.sample(X, 2, seed=3), trained.sample(X, 2, seed=3))
    assert again.evaluate(X, Y, verbose=0) == trained.evaluate(X, Y, verbose=0)
    new = make()
    new.save(tmp_path / "new.keras")
    assert not keras.saving.load_model(tmp_path / "new.keras").built


def flow():
    return kl.Flow(
        kl.ConditionalNormal((2,)), [kl.AffineCoupling((2,))], keras.layers.Dense(8, "relu")
    )


OTHERS = {
    "classes": (
        lambda: kl.ConditionalCategorical((), keras.layers.Dense(8, "relu"), classes=3),
        (Y[:, 0] > 0.7).astype("int64"),
    ),
    "mixture": (
        lambda: kl.ConditionalMixture(
            kl.ConditionalNormal((1,)), keras.layers.Dense(8, "relu"), components=3
        ),
        Y,
    ),
    "counts": (lambda: kl.ConditionalPoisson((1,)), np.round(np.abs(Y)).astype("uint8")),
    "flow": (flow, np.concatenate([Y, Y**2], 1)),
}


@pytest.mark.parametrize(("conditional", "y"), OTHERS.values(), ids=OTHERS)
@pytest.mark.slow
def test_any_conditional(conditional, y):
    model = make(conditional())
    losses = model.fit(X, y, epochs=5, batch_size=50, verbose=0).history["loss"]
    assert losses[-1] < losses[0] - 0.05
    d = model.predict(X[:10], verbose=0)
    assert d.batch_shape == (10,)
    np.testing.assert_allclose(
        numbers(d.log_prob(y[:10].astype("float32"))),
        model.log_prob(X[:10], y[:10]),
        rtol=1e-3,
        atol=1e-4,
    )


def test_validation_and_a_fit_that_goes_on():
    model = make()
    history = model.fit(X, Y, epochs=2, validation_split=0.2, verbose=0).history
    assert set(history) == {"loss", "val_loss"}
    model.fit(X, Y, epochs=1, verbose=0)
    assert int(model.epochs_trained.value) == 3


def test_draws_tell_the_two_uncertainties_apart():
    """The layer alone is random, with a known spread of the location."""
    bayesian = kl.DenseVariational(2, kl_weight=1 / 300, bias=None, initial_scale=0.2)
    model = make(kl.ConditionalNormal((1,), bayesian))
    x = X[:7]
    d = model.predict_draws(x, draws=4000, seed=0, batch_size=4)
    assert (d.batch_shape, d.event_shape) == ((4000, 7), (1,))
    kernel = numbers(model.conditional.heads["loc"]._dense.kernel)
    expected = 0.2 * np.sqrt((x**2).sum(1) * (kernel**2).sum())
    np.testing.assert_allclose(numbers(d.mean()).std(0)[:, 0], expected, rtol=0.06)
    one = model.predict(x, verbose=0)
    np.testing.assert_array_equal(numbers(one.mean()), numbers(model.predict(x, verbose=0).mean()))


class NoiseWithNormalization(keras.layers.Layer):
    """Draws in training only, and holds a layer that must not be in training."""

    def __init__(self):
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(1)
        self.normalization = keras.layers.BatchNormalization()

    def build(self, input_shape):
        self.normalization.build(input_shape)
        self.built = True

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, x, training=None):
        x = self.normalization(x, training=training)
        if not training:
            return x
        return x + keras.random.normal(ops.shape(x), seed=self.seed_generator)


class DropsInTraining(keras.layers.Layer):
    """A block that asks for itself whether it trains, around layers that would be told."""

    def __init__(self):
        super().__init__()
        self.dropout = keras.layers.Dropout(0.3)
        self.normalization = keras.layers.BatchNormalization()

    def call(self, x, training=None):
        x = self.normalization(x, training=training)
        return self.dropout(x, training=True) if training else x


def recurrent(layer):
    return lambda: keras.Sequential([keras.layers.Reshape((2, 2)), layer()])


RANDOM_LAYERS = {
    "dropout": lambda: keras.layers.Dropout(0.3),
    "nested": lambda: keras.Sequential([keras.layers.Dropout(0.3, seed=3)]),
    "noise": lambda: keras.layers.GaussianNoise(0.3),
    "gaussian dropout": lambda: keras.layers.GaussianDropout(0.3),
    "alpha dropout": lambda: keras.layers.AlphaDropout(0.3),
    "one's own": NoiseWithNormalization,
    "block": DropsInTraining,
    "lstm": recurrent(lambda: keras.layers.LSTM(4, dropout=0.3)),
    "gru": recurrent(lambda: keras.layers.GRU(4, recurrent_dropout=0.3, dropout=0.3)),
    "cell": recurrent(lambda: keras.layers.RNN(keras.layers.LSTMCell(4, dropout=0.3))),
    "both ways": recurrent(
        lambda: keras.layers.Bidirectional(keras.layers.GRU(4, dropout=0.3), merge_mode="sum")
    ),
}


_QUICK = ("nested", "one's own", "block")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in _QUICK else pytest.mark.slow) for n in RANDOM_LAYERS]
)
def test_layers_that_are_random_in_training_only_are_drawn(name):
    layers = [keras.layers.Dense(4), RANDOM_LAYERS[name](), keras.layers.BatchNormalization()]
    model = make(kl.ConditionalNormal((1,), keras.Sequential(layers)))
    model.build((None, 2))
    before = model.get_weights()
    draws, again = (numbers(model.predict_draws(X[:20], 10).mean()) for _ in range(2))
    assert draws.std(0).min() > 1e-3
    np.testing.assert_array_equal(draws, again)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    plain = numbers(model.predict(X[:20], verbose=0).mean())
    np.testing.assert_array_equal(numbers(model.predict(X[:20], verbose=0).mean()), plain)


def test_batch_normalization_alone_has_no_spread():
    network = keras.Sequential([keras.layers.Dense(4), keras.layers.BatchNormalization()])
    model = make(kl.ConditionalNormal((1,), network))
    draws = numbers(model.predict_draws(X[:20], 3).mean())
    expected = numbers(model.predict(X[:20], verbose=0).mean())
    np.testing.assert_allclose(draws, np.stack([expected] * 3), atol=1e-5)


@pytest.mark.slow
def test_the_divergence_of_the_weights_is_part_of_the_loss():
    bayesian = kl.DenseVariational(2, kl_weight=0.5, initial_scale=1e-6)
    model = make(kl.ConditionalNormal((1,), bayesian))
    loss = model.evaluate(X[:100], Y[:100], batch_size=100, verbose=0)
    expected = -model.log_prob(X[:100], Y[:100]).mean() + 0.5 * float(bayesian.kl())
    assert loss == pytest.approx(expected, rel=1e-4)


def test_shapes_that_do_not_fit(trained):
    for call in (trained.evaluate, lambda x, y: make().fit(x, y), trained.log_prob):
        with pytest.raises(ValueError, match=r"y has the shape \(.*\); expected \(n, 1\)"):
            call(X, Y[:, 0])
    with pytest.raises(ValueError, match=r"it needs y as well, as in fit\(x, y\)"):
        make().fit(X, verbose=0)
    with pytest.raises(ValueError, match=r"x has the shape \(300, 1\); expected \(n, 2\)"):
        trained.sample(X[:, :1])
    with pytest.raises(ValueError, match=r"same number of examples .* got 299 and 300"):
        trained.log_prob(X, Y[1:])
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got 0"):
        trained.sample(X, 0)
    with pytest.raises(TypeError, match="fits a conditional, got a Dense"):
        kb.models.ConditionalDensity(keras.layers.Dense(2))
