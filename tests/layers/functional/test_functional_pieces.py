"""The pieces of the functional style: divergence, noise, location-scale step, binarization."""

import keras
import numpy as np
import pytest
from scipy import stats

from kelbo import ops
from kelbo.distributions import ContinuousBernoulli, Independent, Normal
from kelbo.divergences import Jeffreys, MonteCarloKL, ReverseKL
from kelbo.layers import KLDivergence, LocationScale, Noise, StochasticBinarization

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

GENERATOR = np.random.default_rng(0)
MEAN = GENERATOR.normal(size=(8, 2)).astype("float32")
LOG_VARIANCE = GENERATOR.normal(size=(8, 2)).astype("float32")
PRIOR = Independent(Normal([1.0, -1.0], [0.5, 2.0]), 1)


def numbers(x):
    return ops.convert_to_numpy(x)


def mean_kl(m, v, n=0.0, t=1.0):
    """Mean over the batch of KL(N(m, v) || N(n, t)), summed over the axis of the latents."""
    return np.mean(0.5 * np.sum((v + (m - n) ** 2) / t - 1 + np.log(t) - np.log(v), axis=-1))


VARIANCE = np.exp(LOG_VARIANCE.astype("float64"))
FORWARD = mean_kl(MEAN, VARIANCE)
REVERSE = mean_kl(0.0, np.ones_like(VARIANCE), MEAN, VARIANCE)
LOSSES = {
    "default": ({}, FORWARD),
    "weight": ({"weight": 0.25}, 0.25 * FORWARD),
    "prior": ({"prior": PRIOR}, mean_kl(MEAN, VARIANCE, [1.0, -1.0], np.array([0.25, 4.0]))),
    "reverse": ({"divergence": ReverseKL()}, REVERSE),
    "jeffreys": ({"divergence": Jeffreys()}, FORWARD + REVERSE),
}


@pytest.mark.parametrize(("arguments", "expected"), LOSSES.values(), ids=LOSSES)
def test_kl_divergence_adds_exactly_the_mean(arguments, expected):
    layer = KLDivergence(**arguments)
    outputs = layer([MEAN, LOG_VARIANCE])
    for output, given in zip(outputs, [MEAN, LOG_VARIANCE], strict=True):
        np.testing.assert_array_equal(numbers(output), given)
    (loss,) = layer.losses
    assert tuple(loss.shape) == ()
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    again = KLDivergence.from_config(layer.get_config())
    again([MEAN, LOG_VARIANCE])
    assert float(again.losses[0]) == pytest.approx(expected, rel=1e-5)


def test_kl_divergence_from_samples():
    layer = KLDivergence(divergence=MonteCarloKL(4000), seed=3)
    layer([MEAN, LOG_VARIANCE])
    first = float(layer.losses[0])
    assert first == pytest.approx(FORWARD, rel=0.03)
    layer([MEAN, LOG_VARIANCE])
    assert float(layer.losses[0]) != first  # the noise goes on
    again = KLDivergence.from_config(layer.get_config())
    again([MEAN, LOG_VARIANCE])
    assert float(again.losses[0]) == pytest.approx(first, rel=1e-6)


def test_kl_divergence_of_images():
    image = np.stack([MEAN] * 3, axis=1)
    layer = KLDivergence()
    layer([image, np.zeros_like(image)])
    assert float(layer.losses[0]) == pytest.approx(1.5 * np.mean(np.sum(MEAN**2, -1)), rel=1e-5)


def test_kl_divergence_names_a_prior_of_another_shape():
    with pytest.raises(ValueError, match=r"shape \(2,\).*shape \(3,\)"):
        KLDivergence(prior=Normal.standard((3,)))([MEAN, LOG_VARIANCE])


def test_kl_divergence_under_other_dtypes(float64):
    layer = KLDivergence(dtype="float64")
    outputs = layer([MEAN.astype("float64"), LOG_VARIANCE.astype("float64")])
    assert keras.backend.standardize_dtype(outputs[0].dtype) == "float64"
    assert float(layer.losses[0]) == pytest.approx(
        mean_kl(MEAN.astype("float64"), VARIANCE), rel=1e-12
    )
    half = KLDivergence(dtype="mixed_float16")
    outputs = half([ops.cast(MEAN, "float16"), ops.cast(LOG_VARIANCE, "float16")])
    assert keras.backend.standardize_dtype(outputs[0].dtype) == "float16"
    assert keras.backend.standardize_dtype(half.losses[0].dtype) == "float32"
    assert float(half.losses[0]) == pytest.approx(FORWARD, rel=2e-3)


def functional_vae(divergence):
    x = keras.Input((6,))
    hidden = keras.layers.Dense(8, "tanh")(x)
    mean, log_variance = keras.layers.Dense(2)(hidden), keras.layers.Dense(2)(hidden)
    mean, log_variance = KLDivergence(divergence=divergence, seed=1, name="kl")(
        [mean, log_variance]
    )
    z = LocationScale(name="z")([mean, log_variance, Noise(seed=2)(mean)])
    model = keras.Model(x, [keras.layers.Dense(6)(z), mean, log_variance])
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer, loss=["mse", None, None], metrics=[["mse"], [], []])
    return model


@pytest.mark.parametrize("divergence", [None, ReverseKL(), MonteCarloKL(200)], ids=str)
@pytest.mark.few(1)
def test_functional_model_trains_and_survives_saving(divergence, tmp_path):
    x = GENERATOR.normal(size=(32, 6)).astype("float32")
    model = functional_vae(divergence)
    model.fit(x, x, batch_size=16, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for trained in (model, again):
        _, mean, log_variance = trained.predict(x, verbose=0)
        logs = trained.evaluate(x, x, batch_size=32, verbose=0, return_dict=True)
        (mse,) = (value for name, value in logs.items() if name.endswith("mse"))
        variance = np.exp(log_variance.astype("float64"))
        expected = mean_kl(mean, variance)
        if isinstance(divergence, ReverseKL):
            expected = mean_kl(0.0, np.ones_like(variance), mean, variance)
        near = {"rel": 0.1} if isinstance(divergence, MonteCarloKL) else {"rel": 1e-3}
        assert logs["loss"] - mse == pytest.approx(expected, **near)
    np.testing.assert_array_equal(again.predict(x, verbose=0)[1], model.predict(x, verbose=0)[1])
    loss = again.evaluate(x, x, verbose=0, return_dict=True)["loss"]
    again.fit(x, x, batch_size=16, epochs=15, verbose=0)
    assert again.evaluate(x, x, verbose=0, return_dict=True)["loss"] < loss


def test_noise_has_the_law_of_its_distribution():
    like = np.zeros((100, 40), "float32")
    normal = numbers(Noise(seed=0)(like))
    assert normal.shape == like.shape
    assert stats.kstest(normal.ravel(), "norm").pvalue > 1e-4
    uniform = Noise(ContinuousBernoulli(logits=0.0), seed=0)
    assert stats.kstest(numbers(uniform(like)).ravel(), "uniform").pvalue > 1e-4
    again = Noise.from_config(uniform.get_config())
    uniform.seed_generator.state.assign(again.seed_generator.state)
    np.testing.assert_array_equal(numbers(uniform(like)), numbers(again(like)))
    layer = Noise(seed=0)
    first = numbers(layer(like))
    np.testing.assert_array_equal(first, normal)
    assert (numbers(layer(like)) != first).all()


def test_noise_ignores_values_and_keeps_dtype():
    like = ops.full((3, 2), float("nan"), dtype="float16")
    noise = Noise(seed=0, dtype="float16")(like)
    assert keras.backend.standardize_dtype(noise.dtype) == "float16"
    assert np.isfinite(numbers(noise)).all()
    assert Noise()(keras.Input((4, 5))).shape == (None, 4, 5)
    assert Noise().compute_output_shape((None, 3)) == (None, 3)


@pytest.mark.parametrize("bad", [Normal.standard((2,)), Normal([0.0, 1.0], 1.0)])
def test_noise_draws_single_numbers(bad):
    with pytest.raises(ValueError, match="Noise draws single numbers"):
        Noise(bad)


@pytest.mark.parametrize(
    ("form", "sigma"),
    [
        ("log_variance", lambda s: np.exp(0.5 * s)),
        ("log_scale", np.exp),
        ("scale", lambda s: s),
    ],
)
def test_location_scale(form, sigma):
    layer = LocationScale(form)
    z = numbers(layer([MEAN, LOG_VARIANCE, np.full((8, 2), 0.5, "float32")]))
    np.testing.assert_allclose(z, MEAN + 0.5 * sigma(LOG_VARIANCE), rtol=1e-5, atol=1e-6)
    assert LocationScale.from_config(layer.get_config()).scale == form
    assert layer.compute_output_shape([(8, 2), (1, 2), (8, 2)]) == (8, 2)
    assert layer([keras.Input((2,))] * 3).shape == (None, 2)


def test_location_scale_names_a_bad_form():
    with pytest.raises(ValueError, match=r"scale must be .* got 'variance'"):
        LocationScale("variance")


def test_binarization_frequencies_and_seeds():
    probabilities = np.array([0.0, 1e-4, 0.2, 0.5, 0.9, 1.0], "float32")
    x = np.repeat(probabilities[None], 20_000, axis=0)
    layer = StochasticBinarization(seed=0)
    drawn = numbers(layer(x))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert drawn.dtype == np.float32
    for column, p in zip(drawn.T, probabilities, strict=True):
        assert stats.binomtest(int(column.sum()), len(x), float(p)).pvalue > 1e-4
    small = x[:50]
    assert (numbers(layer(small)) != numbers(layer(small))).any()
    np.testing.assert_array_equal(numbers(layer(small, seed=5)), numbers(layer(small, seed=5)))
    assert (numbers(layer(small, seed=5)) != numbers(layer(small, seed=6))).any()
    seeded = ops.compile(lambda x, seed: layer(x, seed=ops.SeedSequence(seed)))
    np.testing.assert_array_equal(numbers(seeded(small, 1)), numbers(seeded(small, 1)))


def test_binarization_under_mixed_precision_keeps_small_probabilities():
    layer = StochasticBinarization(seed=0, dtype="mixed_float16")
    x = np.full((100_000,), 2e-4, "float32")
    drawn = layer(x)
    assert keras.backend.standardize_dtype(drawn.dtype) == "float32"
    assert 5 <= float(ops.sum(drawn)) <= 45  # in half precision it would be about 98
    symbolic = layer(keras.Input((3,), dtype="float32"))
    assert (symbolic.shape, symbolic.dtype) == ((None, 3), "float32")


def test_binarization_trains_in_a_compiled_step():
    inputs = keras.Input((4,))
    binary = StochasticBinarization(seed=0)
    model = keras.Model(inputs, keras.layers.Dense(1)(binary(inputs)))
    model.compile("sgd", "mse")
    x = np.full((64, 4), 0.5, "float32")
    before = numbers(binary.seed_generator.state).copy()
    history = model.fit(x, x[:, :1], batch_size=32, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert (numbers(binary.seed_generator.state) != before).any()
    first, second = (model.predict(x, verbose=0) for _ in range(2))
    assert (first != second).any()
    assert StochasticBinarization.from_config(binary.get_config()).seed == 0
