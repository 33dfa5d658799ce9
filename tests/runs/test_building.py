import keras
import numpy as np
import pytest

from kelbo import datasets, layers, ops
from kelbo.errors import InputError
from kelbo.models.expectation import mean_or_estimate
from kelbo.runs import FitConfig, build_model
from kelbo.runs.data import load_data


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.mark.parametrize(
    ("settings", "likelihood", "posterior"),
    [
        ({}, layers.ConditionalContinuousBernoulli, layers.ConditionalNormal),
        ({"likelihood": "bernoulli"}, layers.ConditionalBernoulli, layers.ConditionalNormal),
        (
            {"likelihood": "normal", "posterior": "multivariate_normal"},
            layers.ConditionalNormal,
            layers.ConditionalMultivariateNormalTriL,
        ),
    ],
)
def test_families(digits, settings, likelihood, posterior):
    model = build_model(FitConfig(**settings, hidden=[4], latent_dim=3), digits)
    assert type(model.likelihood) is likelihood
    assert type(model.posterior) is posterior
    assert model.likelihood.event_shape == (8, 8)
    assert model.prior.event_shape == (3,)


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": [4]},
        {"hidden": [], "likelihood": "normal", "scale": "standard"},
        {"hidden": [4], "posterior": "multivariate_normal", "posterior_minimum_scale": 0.01},
    ],
)
@pytest.mark.few(1)
def test_a_context_reaches_prior_likelihood_and_posterior(settings):
    config = FitConfig(data="digits", context=["labels"], **settings)
    data = load_data(config)
    model = build_model(config, data)
    assert model.data_shape == {"x": (8, 8), "context": (10,)}
    assert model.prior.event_shape == (2,)
    assert model.prior.minimum_scale == model.posterior.minimum_scale
    rows = {name: values[:2] for name, values in data.train.items()}
    other = {**rows, "context": np.roll(rows["context"], 1, axis=1)}
    z = np.zeros((2, 2), "float32")
    for given in (
        model.encode,
        lambda parts: model.decode(z, context=parts["context"]),
        lambda parts: model.prior_given(parts["context"]),
    ):
        means = [ops.convert_to_numpy(mean_or_estimate(given(parts), 0)) for parts in (rows, other)]
        assert not np.allclose(*means)


def test_every_setting_arrives(digits):
    config = FitConfig(
        hidden=[5, 4],
        decoder_hidden=[7],
        activation="elu",
        posterior_scale="log_scale",
        posterior_minimum_scale=0.01,
        likelihood="normal",
        likelihood_scale="log_variance",
        likelihood_minimum_scale=0.02,
        likelihood_loc_activation="tanh",
        kl="monte_carlo",
        samples=3,
        optimizer="adamw",
        learning_rate=0.02,
        clip_norm=1.5,
        binarize="dynamic",
        seed=11,
    )
    model = build_model(config, digits)
    widths = [layer.units for layer in model.posterior.network.layers if hasattr(layer, "units")]
    assert widths == [5, 4]
    assert [layer.units for layer in model.likelihood.network.layers] == [7]
    assert model.likelihood.network.layers[0].activation is keras.activations.elu
    assert (model.posterior.scale, model.posterior.minimum_scale) == ("log_scale", 0.01)
    assert (model.likelihood.scale, model.likelihood.minimum_scale) == ("log_variance", 0.02)
    assert model.likelihood.get_config()["loc_activation"] == "tanh"
    assert (model.objective.kl, model.objective.samples) == ("monte_carlo", 3)
    assert isinstance(model.optimizer, keras.optimizers.AdamW)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
    assert model.optimizer.global_clipnorm == 1.5
    assert isinstance(model.preprocessing, layers.StochasticBinarization)
    assert model.seed == 11


def test_the_optimizer_keeps_its_own_learning_rate(digits):
    model = build_model(FitConfig(optimizer="sgd", learning_rate=None, hidden=[]), digits)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert model.posterior.network is None  # no hidden layers: linear


def test_the_seed_decides_the_weights(digits):
    first, again, other = (build_model(FitConfig(hidden=[4], seed=s), digits) for s in (1, 1, 2))
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = [model.trainable_variables[0].numpy() for model in (first, other)]
    assert not np.array_equal(*kernels)


def test_data_outside_the_support_are_refused(make_data):
    with pytest.raises(InputError, match="normal likelihood fits"):
        build_model(FitConfig(likelihood="bernoulli"), make_data(-1.0, 1.0))
