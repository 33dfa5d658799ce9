"""Divergences: what each measures, and that it can be saved."""

import json

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import ContinuousBernoulli, Independent, Normal, kl_divergence
from kelbo.divergences import KL, Divergence, Jeffreys, MonteCarloKL, ReverseKL

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

Q = Independent(
    Normal([[0.5, -1.0], [0.0, 2.0], [0.0, 0.0]], [[0.5, 1.0], [2.0, 0.3], [1.0, 1.0]]), 1
)
P = Normal.standard((2,))


def numbers(x):
    return ops.convert_to_numpy(x)


def estimator(divergence, q, p):
    """From a seed to the estimate, compiled."""
    return ops.compile(lambda seed: divergence(q, p, seed=ops.SeedSequence(seed)))


def test_closed_forms_are_those_of_the_registry():
    forward, reverse = numbers(kl_divergence(Q, P)), numbers(kl_divergence(P, Q))
    np.testing.assert_array_equal(numbers(KL()(Q, P)), forward)
    np.testing.assert_array_equal(numbers(ReverseKL()(Q, P)), reverse)
    np.testing.assert_allclose(numbers(Jeffreys()(Q, P)), forward + reverse, rtol=1e-6)
    np.testing.assert_allclose(numbers(Jeffreys()(P, Q)), forward + reverse, rtol=1e-6)
    assert forward[2] == reverse[2] == 0.0
    assert (np.abs(forward - reverse)[:2] > 0.1).all()


def test_monte_carlo_is_unbiased():
    estimate = estimator(MonteCarloKL(5), Q, P)
    estimates = np.stack([numbers(estimate(seed)) for seed in range(200)])
    assert estimates.shape == (200, 3)
    exact = numbers(kl_divergence(Q, P))
    error = estimates.std(0) / np.sqrt(200) + 1e-6
    assert (np.abs(estimates.mean(0) - exact) < 4 * error).all()
    assert (estimates[:, :2].std(0) > 0.01).all()


def test_monte_carlo_broadcasts_batches_of_any_rank():
    few, many = Normal(0.5, 1.0), Normal(np.zeros((2, 3), "float32"), [1.0, 2.0, 3.0])
    pairs = [(few, many), (many, few), (Normal([0.0, 1.0, 2.0], 1.0), many)]

    def both(seed):
        divergence = MonteCarloKL(3000)
        return [(divergence(q, p, ops.SeedSequence(seed)), kl_divergence(q, p)) for q, p in pairs]

    for estimate, exact in ops.compile(both)(0):
        assert tuple(estimate.shape) == tuple(exact.shape) == (2, 3)
        np.testing.assert_allclose(numbers(estimate), numbers(exact), atol=0.15, rtol=0.1)


def test_monte_carlo_spread_falls_with_samples_and_the_seed_decides():
    q, p = Normal(np.zeros(500, "float32"), 1.0), Normal(1.0, 2.0)
    one, hundred = (estimator(MonteCarloKL(samples), q, p) for samples in (1, 100))
    first = numbers(one(3))
    assert numbers(hundred(3)).std() == pytest.approx(first.std() / 10, rel=0.2)
    np.testing.assert_array_equal(first, numbers(one(3)))
    assert (first != numbers(one(4))).any()


def test_monte_carlo_takes_every_kind_of_seed():
    divergence, q, p = MonteCarloKL(2), Normal(0.0, 1.0), Normal(1.0, 1.0)
    assert float(divergence(q, p, seed=3)) == float(divergence(q, p, seed=3))
    generator = keras.random.SeedGenerator(0)
    assert float(divergence(q, p, seed=generator)) != float(divergence(q, p, seed=generator))
    assert float(divergence(q, p)) != float(divergence(q, p))


def test_monte_carlo_needs_no_closed_form():
    q, p = ContinuousBernoulli(logits=3.0), Normal(0.5, 1.0)
    with pytest.raises(NotImplementedError):
        KL()(q, p)
    estimate = float(estimator(MonteCarloKL(20_000), q, p)(0))
    cross = 0.5 * np.log(2 * np.pi) + 0.5 * float(q.variance() + (q.mean() - 0.5) ** 2)
    assert estimate == pytest.approx(cross - float(q.entropy()), abs=0.01)


def test_monte_carlo_gradient_where_draws_are_reparameterized():
    loc = keras.Variable(np.full(4000, 0.7, "float32"))

    def mean():
        return ops.mean(MonteCarloKL(1)(Normal(loc, 1.0), Normal(0.0, 1.0), seed=0))

    _, (gradient,) = ops.compile(ops.value_and_grad(mean, [loc]), [loc])()
    assert float(ops.sum(gradient)) == pytest.approx(0.7, abs=0.06)  # d/dm of m^2 / 2


@pytest.mark.parametrize("divergence", [KL(), ReverseKL(), Jeffreys(), MonteCarloKL(7)], ids=repr)
def test_round_trip(divergence):
    text = json.dumps(keras.saving.serialize_keras_object(divergence))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert isinstance(again, Divergence)
    assert type(again) is type(divergence)
    assert again.get_config() == divergence.get_config()
    assert repr(again) == repr(divergence)


def test_repr():
    assert repr(MonteCarloKL(7)) == "MonteCarloKL(samples=7)"
    assert repr(KL()) == "KL()"


@pytest.mark.parametrize("samples", [0, -1, 1.5, True, "3", None])
def test_samples_must_be_a_positive_whole_number(samples):
    with pytest.raises(ValueError, match=r"MonteCarloKL: samples must be a whole number .* got"):
        MonteCarloKL(samples)


@pytest.mark.parametrize("divergence", [KL(), ReverseKL(), Jeffreys(), MonteCarloKL(2)], ids=repr)
def test_event_shapes_must_agree(divergence):
    with pytest.raises(ValueError, match=r"shape \(2,\).*shape \(\)|shape \(\).*shape \(2,\)"):
        divergence(Q, Normal(0.0, 1.0), seed=0)


def test_support_of_another_family_gives_infinity():
    q, p = Normal(np.zeros(50, "float32"), 1.0), ContinuousBernoulli(logits=0.0)
    assert float(ops.max(estimator(MonteCarloKL(1), q, p)(0))) == np.inf
