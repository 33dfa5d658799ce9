"""Rate, distortion, active units, collapse and mismatch, where they are known in closed form."""

import functools
import io

import keras
import numpy as np
import pytest
from rich.console import Console

import kelbo as kb
from kelbo import evaluation, layers
from kelbo.evaluation.aggregate import aggregate_draws
from kelbo.evaluation.collapse import collapse_of
from kelbo.evaluation.latent_model import LatentModel
from kelbo.evaluation.mismatch import mismatch_of

pytestmark = pytest.mark.core


def exact_rate(model):
    """KL of q(z|x) from a standard normal, for each x."""
    covariance = model.spread @ model.spread.T
    trace, size = np.trace(covariance), len(covariance)
    log_det = np.linalg.slogdet(covariance)[1]
    return 0.5 * (trace + np.sum(model.means**2, axis=1) - size - log_det)


def exact_distortion(model):
    """-E_q log N(x; W'z + b, 0.7^2), for each x."""
    w, b = (np.asarray(v, "float64") for v in model.vae.likelihood.heads["loc"].get_weights())
    residual = np.sum((model.x - model.means @ w - b) ** 2, axis=1)
    spread = np.trace(w.T @ model.spread @ model.spread.T @ w)
    size = model.x.shape[1]
    return 0.5 * (residual + spread) / 0.49 + 0.5 * size * np.log(2 * np.pi * 0.49)


@pytest.mark.parametrize("samples", [130, 7])
def test_rate_and_distortion(linear_gaussian, samples):
    model = linear_gaussian(shift=0.3, widen=1.2)
    found = evaluation.rate_distortion(model.vae, model.x, samples)
    np.testing.assert_allclose(found.rate, exact_rate(model), rtol=1e-4)
    assert not found.rate_standard_error.any()
    z = (found.distortion - exact_distortion(model)) / found.distortion_standard_error
    assert np.abs(z).max() < (5 if samples > 50 else 12)
    assert 0.7 < z.std() < (1.4 if samples > 50 else 2.0)
    assert found.elbo == pytest.approx(-(found.rate.mean() + found.distortion.mean()))
    assert "ELBO" in str(found)


def test_a_rate_without_a_closed_form(linear_gaussian):
    model = linear_gaussian(shift=0.3, widen=1.2)
    shifted = kb.distributions.Normal(np.full(2, -1.0, "float32"), 1.0)
    vae = kb.models.VAE(  # of the same prior, in a form whose divergence is not known
        prior=kb.distributions.Transformed(
            kb.distributions.Independent(shifted, 1), kb.bijectors.Shift(1.0)
        ),
        likelihood=model.vae.likelihood,
        posterior=model.vae.posterior,
        objective=kb.objectives.ELBO(kl="monte_carlo"),
        seed=0,
    )
    found = evaluation.rate_distortion(vae, model.x, 130)
    plain = evaluation.rate_distortion(model.vae, model.x, 130)
    np.testing.assert_allclose(found.distortion, plain.distortion, rtol=1e-5)
    assert (found.rate_standard_error > 0).all()
    z = (found.rate - exact_rate(model)) / found.rate_standard_error
    assert np.abs(z).max() < 5
    assert 0.7 < z.std() < 1.4


def test_one_sample_has_no_error(linear_gaussian):
    model = linear_gaussian(n=3)
    found = evaluation.rate_distortion(model.vae, model.x, 1)
    assert np.isinf(found.distortion_standard_error).all()


@functools.cache
def with_dead_units():
    """A VAE of 4 dimensions: two follow x, one has a mean of 0, one has a mean of its own.

    The same one at every call; `with_dead_units.__wrapped__` makes another, to be changed.
    """
    vae = kb.models.VAE(
        prior=kb.distributions.Normal.standard((4,)),
        likelihood=layers.ConditionalNormal((2,), scale="log_scale"),
        posterior=layers.ConditionalNormal((4,), scale="log_scale"),
        seed=0,
    )
    vae.build((None, 2))
    kernel = np.array([[0.9, 0.0, 0.0, 0.0], [0.0, 0.6, 0.0, 0.0]], "float32")
    vae.posterior.heads["loc"].set_weights([kernel, np.array([0, 0, 0, 0.5], "float32")])
    scale = np.log([0.2, 0.5, 1.0, 1.0]).astype("float32")
    vae.posterior.heads["scale"].set_weights([np.zeros((2, 4), "float32"), scale])
    x = np.random.default_rng(0).normal(size=(600, 2)).astype("float32")
    return vae, x


def conditional():
    """A VAE whose posterior is N(0.8 x + c, 0.6^2) and whose prior is N(c, 1), and data."""
    vae = kb.models.VAE(
        prior=layers.ConditionalNormal((1,), scale="log_scale"),
        likelihood=layers.ConditionalNormal((1,), layers.ConcatenateParts()),
        posterior=layers.ConditionalNormal((1,), layers.ConcatenateParts(), scale="log_scale"),
        seed=0,
    )
    vae.build({"x": (None, 1), "context": (None, 1)})
    nothing = np.zeros((1,), "float32")
    vae.prior.heads["loc"].set_weights([np.ones((1, 1)), nothing])
    vae.prior.heads["scale"].set_weights([np.zeros((1, 1)), nothing])
    vae.posterior.heads["loc"].set_weights([np.array([[1.0], [0.8]]), nothing])
    vae.posterior.heads["scale"].set_weights([np.zeros((2, 1)), nothing + np.log(0.6)])
    x = np.random.default_rng(0).normal(size=(400, 1)).astype("float32")
    return vae, {"x": x, "context": np.where(np.arange(400) % 2, 20.0, -20.0)[:, None]}


def test_a_prior_that_depends_on_a_context():
    vae, data = conditional()
    draws = aggregate_draws("test", vae, data, 0, 256, False)
    # Of two contexts far apart each draw is half of the time as likely as under its own.
    expected = draws.log_prior - np.log(2.0)
    np.testing.assert_allclose(draws.log_aggregate_prior, expected, rtol=1e-5)
    found = collapse_of(draws)
    means, residual = 0.8 * data["x"].astype("float64"), 0.36
    kl = np.mean(0.5 * (residual + means**2 - 1 - np.log(residual)))
    assert found.kl == pytest.approx(kl, rel=1e-4)
    # What z says of the context, log 2 nats, is not counted: z ~ N(0, 1) within each.
    error = 3 * found.mutual_information_error
    assert found.mutual_information == pytest.approx(-0.5 * np.log(residual), abs=error + 0.02)
    well = mismatch_of(draws, LatentModel("test", vae))
    assert abs(well.kl) < 3 * well.kl_standard_error + 0.02
    assert well.outside < 0.05
    assert abs(well.mmd) < 0.02


@pytest.mark.slow
def test_data_with_parts_are_judged_from_all_sides():
    vae, data = conditional()
    found = evaluation.verdict(vae, data, samples=0, examples=300)
    assert found.healthy, str(found)
    assert evaluation.active_units(vae, data).count == 1
    assert evaluation.annealed_importance_sampling(
        vae, {name: part[:9] for name, part in data.items()}, steps=3, chains=2
    ).log_likelihood.shape == (9,)
    vae.prior.heads["loc"].set_weights([np.ones((1, 1)), np.full((1,), 3.0)])
    ill = evaluation.aggregate_posterior_mismatch(vae, data)
    assert ill.kl == pytest.approx(0.5 * 9.0, abs=4 * ill.kl_standard_error + 0.1)
    assert ill.outside > 0.3


def test_active_units():
    vae, x = with_dead_units()
    found = evaluation.active_units(vae, x)
    expected = np.var(x.astype("float64"), axis=0, ddof=1) * [0.81, 0.36]
    np.testing.assert_allclose(found.variance, [*expected, 0.0, 0.0], rtol=1e-4, atol=1e-10)
    assert found.count == 2
    assert found.active.tolist() == [True, True, False, False]
    assert str(found) == "2 of 4 units are active (A > 0.01)"
    assert evaluation.active_units(vae, x, threshold=0.5).count == 1


def test_collapse_of_some_units():
    vae, x = with_dead_units()
    found = evaluation.posterior_collapse(vae, x)
    means = x.astype("float64") * [0.9, 0.6]
    variance = np.array([0.04, 0.25])
    known = 0.5 * np.mean(variance + means**2 - 1 - np.log(variance), axis=0)
    np.testing.assert_allclose(found.kl_per_dimension, [*known, 0.0, 0.125], atol=1e-4)
    assert found.kl == pytest.approx(found.kl_per_dimension.sum(), rel=1e-4)
    # The fourth has a divergence and says nothing of x: it is in the KL, not in the information.
    assert found.dead.tolist() == [False, False, True, False]
    gaussian = 0.5 * np.log(1 + np.var(means, axis=0) / variance).sum()
    assert found.mutual_information == pytest.approx(gaussian, abs=0.15)
    assert not found.collapsed
    assert found.dead_fraction == 0.25
    text = str(found)
    assert "1 of 4 (25 %) latent units are dead." in text
    assert "FreeBits" in text
    # What is left of the rate is the mismatch of the aggregate posterior.
    mismatch = evaluation.aggregate_posterior_mismatch(vae, x)
    assert found.mutual_information + mismatch.kl == pytest.approx(found.kl, abs=0.15)


@pytest.mark.slow
def test_pairs_are_scored_block_by_block():
    vae, x = with_dead_units()
    draws = aggregate_draws("test", vae, x[:64], 0, 24, False)
    z = kb.ops.convert_to_tensor(draws.z[:, None].astype("float32"))
    pairs = kb.ops.convert_to_numpy(vae.encode(x[:64]).log_prob(z)).astype("float64")
    np.testing.assert_allclose(draws.log_aggregate, np.log(np.mean(np.exp(pairs), 1)), rtol=1e-4)
    np.testing.assert_allclose(draws.log_posterior, np.diag(pairs), rtol=1e-4, atol=1e-5)


def test_a_collapsed_posterior():
    vae, x = with_dead_units.__wrapped__()
    vae.posterior.heads["loc"].set_weights([np.zeros((2, 4)), np.zeros(4)])
    vae.posterior.heads["scale"].set_weights([np.zeros((2, 4)), np.zeros(4)])
    found = evaluation.posterior_collapse(vae, x[:100])
    assert found.collapsed
    assert found.dead_fraction == 1.0
    assert found.mutual_information == pytest.approx(0.0, abs=1e-5)
    for name in ("FreeBits", "LinearWarmUp", "CyclicalWarmUp", "InfoELBO", "WassersteinMMD"):
        home = kb.schedules if "WarmUp" in name else kb.objectives
        assert hasattr(home, name)
        assert name in str(found)
    stream = io.StringIO()
    Console(file=stream, width=200).print(found)
    assert stream.getvalue().split() == str(found).split()


def test_no_dead_unit_needs_no_advice(linear_gaussian):
    model = linear_gaussian()
    found = evaluation.posterior_collapse(model.vae, model.x)
    assert not found.suggestions
    assert str(found).startswith("No latent unit is dead.")
    # Marginals of a full covariance are known.
    covariance = model.spread @ model.spread.T
    variance = np.diag(covariance)
    expected = 0.5 * np.mean(variance + model.means**2 - 1 - np.log(variance), axis=0)
    np.testing.assert_allclose(found.kl_per_dimension, expected, rtol=1e-3)


def test_distinct_codes_reach_the_ceiling():
    vae, x = with_dead_units.__wrapped__()
    vae.posterior.heads["scale"].set_weights([np.zeros((2, 4)), np.full(4, np.log(1e-4))])
    found = evaluation.posterior_collapse(vae, x[:50])
    assert found.mutual_information == pytest.approx(np.log(50), abs=0.02)
    assert "near its ceiling" in str(found)


@pytest.mark.slow
def test_a_flow_posterior_has_no_known_marginals():
    keras.utils.set_random_seed(0)
    vae = kb.models.VAE(
        prior=kb.distributions.Normal.standard((2,)),
        likelihood=layers.ConditionalNormal((2,)),
        posterior=layers.Flow(layers.ConditionalNormal((2,)), [layers.PlanarFlow((2,))]),
        objective=kb.objectives.ELBO(kl="monte_carlo"),
        seed=0,
    )
    x = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    found = evaluation.posterior_collapse(vae, x)
    assert found.kl_per_dimension is None
    assert found.dead.shape == (2,)
    assert np.isfinite([found.kl, found.mutual_information]).all()
    assert found.mutual_information <= np.log(40) + 1e-4


def test_discrete_latents(bernoulli_latents):
    x = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    found = evaluation.posterior_collapse(bernoulli_latents, x)
    assert found.kl_per_dimension.shape == (2,)
    assert 0 <= found.mutual_information < 2 * np.log(2)
    mismatch = evaluation.aggregate_posterior_mismatch(bernoulli_latents, x)
    assert mismatch.mmd_per_dimension.shape == (2,)


def test_mismatch(linear_gaussian):
    # The exact posteriors of a model's own data average to its prior; here each is moved by 1.
    off = linear_gaussian(n=500, shift=1.0)
    far = evaluation.aggregate_posterior_mismatch(off.vae, off.x, batch_size=250)
    # N((1, 1), I) from N(0, I) is 1 nat.
    assert far.kl == pytest.approx(1.0, abs=4 * far.kl_standard_error + 0.05)
    assert far.kl_standard_error < 0.1
    expected = 2 * (1 - np.exp(-1 / 6)) / np.sqrt(3)  # RBF of scale 1, means 1 apart
    np.testing.assert_allclose(far.mmd_per_dimension, expected, atol=0.07)
    assert far.mmd > 0.1
    assert "largest of one dimension" in str(far)
    head = off.vae.posterior.heads["loc"]
    kernel, bias = head.get_weights()
    try:
        head.set_weights([kernel, bias - 1.0])
        near = evaluation.aggregate_posterior_mismatch(off.vae, off.x, batch_size=250)
    finally:
        head.set_weights([kernel, bias])
    assert abs(near.kl) < 4 * near.kl_standard_error + 0.05
    assert np.abs(near.mmd_per_dimension).max() < 0.02


@pytest.mark.parametrize(
    "judge",
    [
        evaluation.active_units,
        evaluation.posterior_collapse,
        evaluation.aggregate_posterior_mismatch,
        evaluation.rate_distortion,
        evaluation.importance_log_likelihood,
        evaluation.annealed_importance_sampling,
    ],
)
def test_data_that_are_not_finite_are_refused(judge):
    vae, x = with_dead_units()
    x = x.copy()
    x[0, 1], x[2] = np.inf, np.nan
    with pytest.raises(ValueError, match="3 of the 1200 values of x are NaN or infinite"):
        judge(vae, x)


def test_a_model_of_nan_is_not_called_healthy():
    vae, x = with_dead_units.__wrapped__()
    kernel = vae.posterior.heads["loc"].get_weights()[0]
    vae.posterior.heads["loc"].set_weights([kernel, np.full(4, np.nan, "float32")])
    for judge in (
        evaluation.active_units,
        evaluation.posterior_collapse,
        evaluation.aggregate_posterior_mismatch,
    ):
        with pytest.raises(ValueError, match=rf"^{judge.__name__}: .* is NaN for 20 of 20 exam"):
            judge(vae, x[:20])


@pytest.mark.parametrize("threshold", [-0.1, float("nan"), float("inf"), "a", None])
@pytest.mark.parametrize("judge", [evaluation.active_units, evaluation.posterior_collapse])
def test_a_threshold_is_a_number(judge, threshold):
    vae, x = with_dead_units()
    message = rf"^{judge.__name__}: threshold must be a finite number of at least 0, got"
    with pytest.raises(ValueError, match=message):
        judge(vae, x, threshold)


def test_what_is_asked_for_is_checked(linear_gaussian):
    model = linear_gaussian(n=3)
    for judge in (
        evaluation.active_units,
        evaluation.posterior_collapse,
        evaluation.aggregate_posterior_mismatch,
    ):
        with pytest.raises(ValueError, match="at least 2 examples, got 1"):
            judge(model.vae, model.x[:1])
        with pytest.raises(ValueError, match=r"expected \(n, 3\)"):
            judge(model.vae, model.x[:, :1])
        with pytest.raises(TypeError, match=r"judges a models\.VAE"):
            judge(model, model.x)
    with pytest.raises(ValueError, match="samples must be a whole number"):
        evaluation.rate_distortion(model.vae, model.x, 0)
    with pytest.raises(ValueError, match="mmd_samples must be a whole number of at least 2"):
        evaluation.aggregate_posterior_mismatch(model.vae, model.x, mmd_samples=1)
