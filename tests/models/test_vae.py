"""The variational autoencoder: its numbers, its verbs, its files."""

import keras
import numpy as np
import pytest
from scipy import stats

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo import ops
from kelbo.estimators import LearnedBaseline, ScoreFunction

pytestmark = pytest.mark.core


@pytest.fixture
def trained(make_vae, digits):
    model = make_vae()
    model.fit(digits, epochs=2, batch_size=100, verbose=0)
    return model


def as_numbers(logs):
    """Python's, whatever a version of Keras returns."""
    return {name: float(value) for name, value in logs.items()}


def linear_gaussian(observed=3, latent=2, seed=0):
    """A VAE that is p(x|z) = N(Wz + b, s^2), with the exact posterior as q, and its evidence."""
    generator = np.random.default_rng(seed)
    w = generator.normal(size=(latent, observed)).astype("float32")
    b = generator.normal(size=observed).astype("float32")
    noise = 0.7
    precision = np.eye(latent) + w @ w.T / noise**2
    covariance = np.linalg.inv(precision)
    gain = (w / noise**2).T @ covariance
    triangle = np.linalg.cholesky(covariance)
    vae = kb.models.VAE(
        prior=kd.Normal.standard((latent,)),
        likelihood=kl.ConditionalNormal((observed,), scale="log_scale"),
        posterior=kl.ConditionalMultivariateNormalTriL((latent,), scale="log_scale"),
        seed=0,
    )
    vae.build((None, observed))
    raw = np.where(np.eye(latent, dtype=bool), np.log(np.diag(triangle)), triangle)
    raw = ops.convert_to_numpy(ops.fill_triangular_inverse(ops.convert_to_tensor(raw)))
    values = {
        "likelihood/loc": (w, b),
        "likelihood/scale": (0 * w, np.full(observed, np.log(noise))),
        "posterior/loc": (gain, -b @ gain),
        "posterior/triangle": (np.zeros((observed, len(raw))), raw),
    }
    for layer, heads in ((vae.likelihood, "likelihood"), (vae.posterior, "posterior")):
        for name, head in layer.heads.items():
            head.set_weights([np.asarray(v, "float32") for v in values[f"{heads}/{name}"]])
    evidence = stats.multivariate_normal(b, w.T @ w + noise**2 * np.eye(observed))
    x = evidence.rvs(50, random_state=1).astype("float32")
    return vae, x, evidence.logpdf(x)


@pytest.mark.parametrize("samples", [1, 7, 50])
@pytest.mark.few(1)
def test_log_likelihood_is_exact_with_the_exact_posterior(samples):
    vae, x, evidence = linear_gaussian()
    np.testing.assert_allclose(vae.log_likelihood(x, samples), evidence, atol=1e-3)


@pytest.mark.slow
def test_log_likelihood_converges_from_below_with_another_posterior():
    vae, x, evidence = linear_gaussian()
    kernel, bias = vae.posterior.heads["loc"].get_weights()
    vae.posterior.heads["loc"].set_weights([kernel, bias + 1.0])
    gaps = [np.mean(evidence - vae.log_likelihood(x, samples)) for samples in (1, 10, 10_000)]
    # At one sample the expected gap is the divergence from the exact posterior, over a nat.
    assert gaps[0] > 1.0
    assert gaps[0] > gaps[1] > abs(gaps[2])
    assert abs(gaps[2]) < 0.05


@pytest.mark.parametrize("kl_estimate", ["analytic", "monte_carlo"])
@pytest.mark.few(1)
def test_the_bound_is_the_evidence_with_the_exact_posterior(kl_estimate):
    vae, x, evidence = linear_gaussian()
    vae.objective = ko.ELBO(samples=2000, kl=kl_estimate)
    vae.compile("sgd")
    loss = vae.evaluate(x, batch_size=50, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(-evidence.mean(), abs=0.02)


@pytest.mark.slow
def test_log_likelihood_is_the_same_whatever_the_chunks():
    vae, x, _ = linear_gaussian()
    kernel, bias = vae.posterior.heads["loc"].get_weights()
    vae.posterior.heads["loc"].set_weights([kernel, bias + 0.3])
    one = vae.log_likelihood(x, 3000, batch_size=7)
    other = vae.log_likelihood(x, 3000, batch_size=50)
    np.testing.assert_allclose(one, other, atol=0.15)
    np.testing.assert_array_equal(one, vae.log_likelihood(x, 3000, batch_size=7))
    assert not np.array_equal(one, vae.log_likelihood(x, 3000, batch_size=7, seed=1))


@pytest.mark.slow
def test_log_likelihood_of_numbers_of_samples_that_do_not_divide():
    vae, x, evidence = linear_gaussian()
    for samples in (39, 40, 41, 81):
        np.testing.assert_allclose(vae.log_likelihood(x, samples), evidence, atol=1e-3)


def test_log_likelihood_outside_of_the_support(make_vae, digits):
    x = digits[:4].copy()
    x[2, 5] = 1.5
    log_likelihood = make_vae().log_likelihood(x, 10)
    assert np.isneginf(log_likelihood[2])
    assert np.isfinite(log_likelihood[[0, 1, 3]]).all()


def test_verbs_return_what_they_say(trained, digits):
    posterior = trained.encode(digits)
    assert posterior.batch_shape == (1797,)
    assert posterior.event_shape == (2,)
    z = posterior.mean()
    likelihood = trained.decode(z)
    assert likelihood.batch_shape == (1797,)
    np.testing.assert_allclose(
        trained.reconstruct(digits), ops.convert_to_numpy(likelihood.mean()), atol=1e-5
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(trained.encode(digits, batch_size=100).mean()),
        ops.convert_to_numpy(z),
        atol=1e-5,
    )


def test_samples(trained):
    first, second = trained.sample(5, seed=1), trained.sample(5, seed=1)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (5, 64)
    assert not np.array_equal(first, trained.sample(5, seed=2))
    assert not np.array_equal(trained.sample(5), trained.sample(5))
    draws = trained.sample(600, seed=1, mean=False)
    assert draws.min() >= 0
    assert draws.max() <= 1
    assert draws.std() > trained.sample(600, seed=1).std()


def test_saved_and_loaded(trained, digits, tmp_path):
    path = tmp_path / "model.keras"
    trained.objective = ko.ELBO(samples=2, kl="monte_carlo")
    trained.save(path)
    loaded = keras.saving.load_model(path, safe_mode=True)
    assert repr(loaded.objective) == repr(trained.objective)
    np.testing.assert_array_equal(loaded.sample(3, seed=1), trained.sample(3, seed=1))
    arguments = {"batch_size": 100, "verbose": 0, "return_dict": True}
    expected, found = (as_numbers(m.evaluate(digits, **arguments)) for m in (trained, loaded))
    assert found == pytest.approx(expected, rel=1e-6)
    assert int(loaded.epochs_trained.value) == 2
    for model in (trained, loaded):
        model.fit(digits, epochs=1, batch_size=100, verbose=0)
    for a, b in zip(trained.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_all_parts_are_saved(make_vae, digits, tmp_path):
    model = make_vae(
        prior=kd.MultivariateNormalTriL([0.5, 0.0], [[1.0, 0.0], [0.3, 2.0]]),
        posterior=kl.ConditionalMultivariateNormalTriL,
        preprocessing=kl.StochasticBinarization(seed=4),
        likelihood=kl.ConditionalBernoulli((64,), keras.layers.Dense(8, "relu")),
    )
    model.fit(digits, epochs=1, batch_size=100, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.log_likelihood(digits[:5], 10), model.log_likelihood(digits[:5], 10)
    )


def test_setting_the_objective_takes_effect_at_once(make_vae, digits):
    model = make_vae()
    first = as_numbers(model.evaluate(digits, batch_size=100, verbose=0, return_dict=True))

    class Doubled(ko.ELBO):
        def loss(self, terms):
            return 2.0 * super().loss(terms)

    model.objective = Doubled()
    second = as_numbers(model.evaluate(digits, batch_size=100, verbose=0, return_dict=True))
    assert second["loss"] == pytest.approx(2 * first["loss"], rel=1e-5)
    assert second["kl"] == pytest.approx(first["kl"], rel=1e-5)


@pytest.mark.slow
def test_the_two_estimators_agree(make_vae, digits):
    model = make_vae(objective=ko.ELBO(samples=200))
    losses = []
    for kind in ("analytic", "monte_carlo"):
        model.objective = ko.ELBO(samples=200, kl=kind)
        losses.append(model.evaluate(digits[:500], batch_size=100, verbose=0)[0])
    assert losses[0] == pytest.approx(losses[1], abs=0.02)


@pytest.mark.slow
def test_images_stay_images(make_vae):
    from sklearn.datasets import load_digits

    images = (load_digits().images / 16).astype("float32")
    model = make_vae(event_shape=(8, 8))
    model.fit(images, epochs=1, batch_size=100, verbose=0)
    assert model.sample(3, seed=0).shape == (3, 8, 8)
    assert model.reconstruct(images[:5]).shape == (5, 8, 8)
    assert model.log_likelihood(images[:5], 10).shape == (5,)


@pytest.mark.slow
def test_convolutional_networks(digits):
    encoder = keras.Sequential(
        [keras.layers.Conv2D(4, 3, 2, "same", activation="relu"), keras.layers.Flatten()]
    )
    decoder = keras.Sequential(
        [
            keras.layers.Dense(4 * 4 * 4, "relu"),
            keras.layers.Reshape((4, 4, 4)),
            keras.layers.Conv2DTranspose(4, 3, 2, "same", activation="relu"),
        ]
    )
    vae = kb.models.VAE(
        prior=kd.Normal.standard((2,)),
        likelihood=kl.ConditionalContinuousBernoulli((8, 8, 1), decoder),
        posterior=kl.ConditionalNormal((2,), encoder),
        objective=ko.ELBO(samples=2),
        seed=0,
    )
    vae.compile("adam")
    x = digits.reshape(-1, 8, 8, 1)
    vae.fit(x, epochs=1, batch_size=100, verbose=0)
    assert vae.likelihood.heads["logits"].count_params() == 4 + 1
    assert vae.sample(2, seed=0).shape == (2, 8, 8, 1)


@pytest.mark.slow
def test_whole_number_data(make_vae, digits):
    binary = (digits > 0.5).astype("uint8")
    model = make_vae(likelihood=kl.ConditionalBernoulli((64,), keras.layers.Dense(8)))
    model.fit(binary, epochs=1, batch_size=100, verbose=0)
    as_float = model.log_likelihood(binary[:9].astype("float32"), 5)
    np.testing.assert_allclose(model.log_likelihood(binary[:9], 5), as_float, rtol=1e-6)


@pytest.mark.slow
def test_mixed_precision_keeps_the_terms_in_single_precision(digits):
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        vae = kb.models.VAE(
            prior=kd.Normal.standard((2,)),
            likelihood=kl.ConditionalContinuousBernoulli((64,), keras.layers.Dense(16, "relu")),
            posterior=kl.ConditionalNormal((2,), keras.layers.Dense(16, "relu")),
            seed=0,
        )
        vae.compile("adam")
        vae.fit(digits, epochs=1, batch_size=100, verbose=0)
        terms = vae.predict(digits[:50], verbose=0)
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
    assert all(term.dtype == np.float32 for term in terms.values())


def test_regularisers_count(make_vae, digits):
    network = keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(10.0))
    model = make_vae(likelihood=kl.ConditionalContinuousBernoulli((64,), network))
    logs = model.evaluate(digits[:100], batch_size=100, verbose=0, return_dict=True)
    penalty = 10.0 * float(ops.sum(ops.square(network.kernel.value)))
    assert logs["loss"] - logs["reconstruction"] - logs["kl"] == pytest.approx(penalty, rel=1e-3)


@pytest.mark.slow
def test_binarised_anew_in_every_epoch(make_vae, digits):
    model = make_vae(
        likelihood=kl.ConditionalBernoulli((64,), keras.layers.Dense(8)),
        preprocessing=kl.StochasticBinarization(),
    )
    seen = model.preprocessing(digits[:100])
    assert set(np.unique(ops.convert_to_numpy(seen))) == {0.0, 1.0}
    model.fit(digits, epochs=2, batch_size=100, verbose=0)
    np.testing.assert_array_equal(model.reconstruct(digits[:5]), model.reconstruct(digits[:5]))
    assert not np.array_equal(model.reconstruct(digits[:5]), model.reconstruct(digits[:5], seed=1))


def test_shapes_that_do_not_fit(make_vae, digits):
    with pytest.raises(ValueError, match=r"prior is over latent values of shape \(3,\)"):
        make_vae(prior=kd.Normal.standard((3,)))
    with pytest.raises(ValueError, match=r"examples have the shape \(65,\)"):
        kb.models.VAE(
            prior=kd.Normal.standard((2,)),
            likelihood=kl.ConditionalBernoulli((64,)),
            posterior=kl.ConditionalNormal((2,)),
        ).build((None, 65))
    model = make_vae()
    for verb in (model.encode, model.reconstruct, model.log_likelihood):
        with pytest.raises(ValueError, match=r"x has the shape \(1797, 32\); expected \(n, 64\)"):
            verb(digits[:, :32])
    with pytest.raises(ValueError, match=r"z has the shape \(4, 3\); expected \(n, 2\)"):
        model.decode(np.zeros((4, 3), "float32"))
    for samples in (0, 2.5, "a"):
        with pytest.raises(ValueError, match="log_likelihood: samples must be a whole number of"):
            model.log_likelihood(digits, samples=samples)
    for n in (0, 2.5, "a"):
        with pytest.raises(ValueError, match="sample: n must be a whole number of at least 1"):
            model.sample(n)
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        model.encode(digits, batch_size="a")


def test_no_closed_form_says_what_to_do(make_vae):
    prior = kd.Independent(kd.Logistic([0.0, 0.0], 1.0), 1)
    with pytest.raises(ValueError, match="monte_carlo"):
        make_vae(prior=prior)
    vae = make_vae(prior=prior, objective=ko.ELBO(kl="monte_carlo"))
    with pytest.raises(ValueError, match="monte_carlo"):
        vae.objective = ko.ELBO()


def test_verbs_work_before_training():
    vae = kb.models.VAE(
        prior=kd.Normal.standard((2,)),
        likelihood=kl.ConditionalNormal((5,), keras.layers.Dense(3)),
        posterior=kl.ConditionalNormal((2,), keras.layers.Dense(3)),
    )
    assert vae.sample(2, seed=0).shape == (2, 5)
    assert vae.encode(np.zeros((3, 5), "float32")).batch_shape == (3,)


@pytest.mark.core
@pytest.mark.slow
def test_what_an_objective_does_not_train_stays_as_it_is(make_vae, digits, tmp_path):
    """Neither momentum of an earlier objective nor weight decay moves it, and saving keeps it."""
    model = make_vae()
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1))
    trained = [v.path for v in model.trainable_variables]
    model.fit(digits[:200], epochs=1, batch_size=100, verbose=0)
    model.objective = ko.ChiUpperBound(samples=2, estimator="doubly_reparameterized")
    assert {id(v) for v in model.trainable_variables} == {
        id(v) for v in model.posterior.trainable_variables
    }
    assert len(model.trainable_weights) + len(model.non_trainable_weights) == len(model.weights)
    likelihood, posterior = model.likelihood.get_weights(), model.posterior.get_weights()
    model.fit(digits[:200], epochs=1, batch_size=100, verbose=0)
    for before, after in zip(likelihood, model.likelihood.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert any(
        (before != after).any()
        for before, after in zip(posterior, model.posterior.get_weights(), strict=True)
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.fit(digits[:200], epochs=1, batch_size=100, verbose=0)
    for before, after in zip(likelihood, loaded.likelihood.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    model.objective = ko.ELBO()
    assert [v.path for v in model.trainable_variables] == trained


@pytest.mark.slow
def test_an_objective_leaves_nothing_of_the_one_before(make_vae, digits, tmp_path):
    """Layers of an estimator come and go with it; the optimizer learns of variables that train."""
    model = make_vae()
    weights = len(model.get_weights())
    learned = ScoreFunction(LearnedBaseline(keras.layers.Dense(3)))
    for estimator, more in (("score_function", 2), (learned, 4), ("pathwise", 0)):
        model.objective = ko.ELBO(estimator=estimator)
        model.fit(digits[:200], epochs=1, batch_size=100, verbose=0)
        assert len(model.get_weights()) == weights + more
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
        loaded.fit(digits[:200], epochs=1, batch_size=100, verbose=0)
