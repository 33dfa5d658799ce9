"""A VAE of data with parts: it draws the digit that it is asked for, and fills in pixels."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko


def network(units):
    return keras.Sequential([kl.ConcatenateParts(), keras.layers.Dense(units, "relu")])


@pytest.fixture(scope="module")
def classes():
    from sklearn.datasets import load_digits

    return load_digits().target


@pytest.mark.slow
def test_the_digit_that_is_asked_for_is_drawn(digits, classes, tmp_path):
    """The label is the context of prior, posterior and likelihood."""
    from sklearn.svm import SVC

    keras.utils.set_random_seed(0)
    labels = np.eye(10, dtype="float32")
    vae = kb.models.VAE(
        prior=kl.ConditionalNormal((2,)),
        likelihood=kl.ConditionalContinuousBernoulli((64,), network(128)),
        posterior=kl.ConditionalNormal((2,), network(128)),
        seed=0,
    )
    vae.compile(keras.optimizers.Adam(1e-2))
    vae.fit({"x": digits, "context": labels[classes]}, epochs=60, batch_size=50, verbose=0)
    asked = np.repeat(np.arange(10), 50)
    judge = SVC().fit(digits, classes)
    drawn = vae.sample(500, seed=0, context=labels[asked])
    assert np.mean(judge.predict(drawn) == asked) > 0.9
    vae.save(tmp_path / "vae.keras")
    again = keras.saving.load_model(tmp_path / "vae.keras")
    found = again.sample(500, seed=0, context=labels[asked])
    np.testing.assert_allclose(found, drawn, rtol=1e-4, atol=1e-5)
    right = vae.log_likelihood({"x": digits[:50], "context": labels[classes[:50]]}, 100)
    wrong = vae.log_likelihood({"x": digits[:50], "context": labels[classes[:50] - 1]}, 100)
    assert right.mean() > wrong.mean() + 10


@pytest.mark.slow
def test_missing_pixels_are_filled_in(digits):
    keras.utils.set_random_seed(0)
    mask = np.random.default_rng(0).uniform(size=digits.shape) < 0.7
    data = {"x": np.where(mask, digits, np.nan).astype("float32"), "mask": mask}
    vae = kb.models.VAE(
        prior=kd.Normal.standard((8,)),
        likelihood=kl.ConditionalNormal((64,), keras.layers.Dense(128, "relu")),
        posterior=kl.ConditionalNormal((8,), network(128)),
        seed=0,
    )
    vae.compile(keras.optimizers.Adam(3e-3))
    vae.fit(data, epochs=40, batch_size=50, verbose=0)
    of_columns = np.nanmean(data["x"], axis=0)
    missing = ~mask

    def error(filled):
        return np.mean((filled - digits)[missing] ** 2)

    assert error(vae.reconstruct(data)) < 0.8 * error(np.broadcast_to(of_columns, digits.shape))


def linear(generator, objective):
    """z is normal, x linear in z with noise: every density is known."""
    keras.utils.set_random_seed(0)
    weights, offset, noise = generator.normal(size=(2, 4)), generator.normal(size=4), 0.7
    vae = kb.models.VAE(
        prior=kd.Normal.standard((2,)),
        likelihood=kl.ConditionalNormal((4,), minimum_scale=0.0),
        posterior=kl.ConditionalNormal((2,), network(3)),
        objective=objective,
        seed=0,
    )
    vae.compile("adam")
    vae.build({"x": (None, 4), "mask": (None, 4)})
    raw = np.log(np.expm1(noise))
    values = {"loc": (weights, offset), "scale": (np.zeros((2, 4)), np.full(4, raw))}
    for name, (kernel, bias) in values.items():
        dense = vae.likelihood.heads[name]._dense
        dense.kernel.assign(kernel)
        dense.bias.assign(bias)
    spread = vae.posterior.heads["scale"]._dense  # wide, so that importance weights are even
    spread.kernel.assign(np.zeros(spread.kernel.shape))
    spread.bias.assign(np.full(2, 1.0))
    return vae, weights, offset, noise


@pytest.mark.core
@pytest.mark.slow
def test_the_bound_with_a_mask_is_that_of_what_is_observed():
    """The expected log density of the observed entries, minus the divergence, in closed form."""
    generator = np.random.default_rng(0)
    vae, weights, offset, noise = linear(generator, ko.ELBO(samples=4000))
    x = generator.normal(size=(5, 4)).astype("float32")
    mask = np.array([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 1]])
    data = {"x": np.where(mask, x, np.nan).astype("float32"), "mask": mask}
    posterior = vae.encode(data)
    mean, variance = (
        keras.ops.convert_to_numpy(v).astype("float64")
        for v in (posterior.mean(), posterior.variance())
    )
    squares = (x - mean @ weights - offset) ** 2 + variance @ weights**2
    expected = -0.5 * np.log(2 * np.pi * noise**2) - squares / (2 * noise**2)
    divergence = 0.5 * np.sum(mean**2 + variance - 1 - np.log(variance), axis=1)
    bound = np.sum(mask * expected, axis=1) - divergence
    np.testing.assert_allclose(vae.evaluate(data, verbose=0)[0], -bound.mean(), rtol=0.02)
    of_rows, of_entries = mask[:, :1], np.repeat(mask[:, :1], 4, axis=1)
    found, expected = (vae.log_likelihood({"x": x, "mask": m}, 10) for m in (of_rows, of_entries))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    covariance = weights.T @ weights + noise**2 * np.eye(4)
    exact = []
    for row, seen in zip(x, mask.astype(bool), strict=True):
        difference, among = (row - offset)[seen], covariance[np.ix_(seen, seen)]
        distance = difference @ np.linalg.solve(among, difference) if seen.any() else 0.0
        exact.append(-0.5 * (distance + np.linalg.slogdet(2 * np.pi * among)[1]))
    np.testing.assert_allclose(vae.log_likelihood(data, 20_000), exact, atol=0.2)


@pytest.mark.core
def test_networks_see_zeros_where_nothing_was_observed():
    """Of examples after a preprocessing, and of what the model dreams."""
    vae = kb.models.VAE(
        kd.Normal.standard((2,)),
        kl.ConditionalNormal((4,)),
        kl.ConditionalNormal((2,), network(3)),
        preprocessing=keras.layers.Rescaling(2.0, -1.0),
        seed=0,
    )
    mask = np.array([[1, 0, 1, 0], [0, 0, 1, 1]])
    data = {"x": np.ones((2, 4), "float32"), "mask": mask}
    vae.build({"x": (None, 4), "mask": (None, 4)})
    observed = vae.observed(data, keras.random.SeedGenerator(0))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(observed["x"]), mask)
    _, dreamt = vae.problem(observed).dream(keras.random.SeedGenerator(0))
    dreamt = keras.ops.convert_to_numpy(dreamt["x"])
    np.testing.assert_array_equal(dreamt != 0, mask.astype(bool))


@pytest.mark.core
def test_a_verb_before_the_fit_tells_of_the_context():
    vae = kb.models.VAE(
        kd.Normal.standard((2,)),
        kl.ConditionalNormal((4,), network(3)),
        kl.ConditionalNormal((2,), network(3)),
        seed=0,
    )
    labels = np.eye(3, dtype="float32")
    assert vae.sample(3, context=labels).shape == (3, 4)
    vae.compile("adam")
    vae.fit({"x": np.ones((3, 4), "float32"), "context": labels}, verbose=0)


def with_tables():
    """A VAE whose parts look the label up, each in a table of its own."""

    def network(units, name):
        x = keras.Input((units,), name=name)
        label = keras.Input((), dtype="int32", name="context")
        features = keras.layers.Concatenate()([x, keras.layers.Embedding(4, 2)(label)])
        return keras.Model({name: x, "context": label}, features)

    return kb.models.VAE(
        prior=kl.ConditionalNormal((2,), keras.layers.Embedding(4, 2)),
        likelihood=kl.ConditionalNormal((3,), network(2, "z")),
        posterior=kl.ConditionalNormal((2,), network(3, "x")),
        seed=0,
    )


@pytest.mark.core
@pytest.mark.parametrize("labels", [[0, 4, 2], [0, -1, 2], [0, 1.5, 2]], ids=str)
@pytest.mark.few(1)
def test_labels_that_no_table_holds_are_refused(labels):
    vae = with_tables()
    vae.compile("adam")
    data, labels = {"x": np.zeros((3, 3), "float32")}, np.array(labels)
    vae.fit({**data, "context": np.array([0, 3, 1])}, verbose=0)
    uses = {
        "fit": lambda: vae.fit({**data, "context": labels}, verbose=0),
        "predict": lambda: vae.predict({**data, "context": labels}, verbose=0),
        "encode": lambda: vae.encode({**data, "context": labels}),
        "sample": lambda: vae.sample(3, context=labels),
        "decode": lambda: vae.decode(np.zeros((3, 2)), context=labels),
        "simulate": lambda: kb.evaluation.bidirectional_monte_carlo(
            vae, n=3, steps=2, context=labels
        ),
    }
    for use in uses.values():
        with pytest.raises(ValueError, match=r"VAE: 1 of the 3 values of .*context.* from 0 to 3"):
            use()
