"""Every estimator is unbiased for what it claims: against quadrature, or counting of all states."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.special import logsumexp

from kelbo import objectives as ko
from kelbo import ops
from kelbo.estimators import GumbelSoftmax, LearnedBaseline, Rebar, ScoreFunction

from .problems import (
    CLASS_LOGITS,
    CLASS_WEIGHTS,
    GAUSSIAN,
    LOGITS,
    NOISE,
    WEIGHTS,
    X,
    check_unbiased,
    discrete,
    discrete_gradient,
    estimates,
    gaussian,
    gaussian_gradient,
)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

REPLICATES = 20_000


def elbo(x):
    return -x.mean(-1)


def iwelbo(x):
    return math.log(x.shape[-1]) - logsumexp(x, -1)


def renyi(alpha):
    c = 1.0 - alpha
    return lambda x: (math.log(x.shape[-1]) - logsumexp(c * x, -1)) / c


THROUGH_DRAWS = ("pathwise", "doubly_reparameterized")
BY_SCORE = (ScoreFunction("none"), ScoreFunction("leave_one_out"), "vimco")
# Objective, the loss as a function of log weights, number of samples.
GAUSSIAN_CASES = {
    **{
        f"ELBO {e}": (ko.ELBO(2, "monte_carlo", e), elbo, 2)
        for e in (*THROUGH_DRAWS, "sticking_the_landing", *BY_SCORE)
    },
    "ELBO analytic pathwise": (ko.ELBO(2), elbo, 2),
    **{f"ELBO analytic {e}": (ko.ELBO(2, estimator=e), elbo, 2) for e in BY_SCORE},
    **{f"IWELBO {e}": (ko.IWELBO(3, e), iwelbo, 3) for e in (*THROUGH_DRAWS, *BY_SCORE)},
    **{
        f"Renyi 0.5 {e}": (ko.RenyiBound(0.5, 2, e), renyi(0.5), 2)
        for e in (*THROUGH_DRAWS, *BY_SCORE)
    },
    "Renyi 3": (ko.RenyiBound(3.0, 2, "doubly_reparameterized"), renyi(3.0), 2),
    "Renyi -1": (ko.RenyiBound(-1.0, 2, "doubly_reparameterized"), renyi(-1.0), 2),
    "VR-max": (ko.RenyiBound(-math.inf, 2), lambda x: -x.max(-1), 2),
    **{
        f"CIWAE {e}": (ko.CIWAE(0.3, 2, e), lambda x: 0.3 * elbo(x) + 0.7 * iwelbo(x), 2)
        for e in (*THROUGH_DRAWS, *BY_SCORE)
    },
    **{
        # Groups are independent: the expectation is that of one of them.
        f"MIWAE {e}": (ko.MIWAE(2, 2, e), iwelbo, 2)
        for e in (*THROUGH_DRAWS, *BY_SCORE)
    },
}


@pytest.mark.parametrize(
    ("objective", "reduce", "samples"), GAUSSIAN_CASES.values(), ids=GAUSSIAN_CASES
)
@pytest.mark.few(3)
def test_of_a_normal_posterior(objective, reduce, samples):
    expected = gaussian_gradient(reduce, samples, nodes={2: 60, 3: 40}[samples])
    _, gradients = estimates(objective, gaussian, GAUSSIAN, REPLICATES)
    check_unbiased(gradients, expected)


@pytest.mark.parametrize("estimator", ["pathwise", "doubly_reparameterized", "vimco"])
@pytest.mark.slow
def test_the_model_and_the_posterior_have_bounds_of_their_own(estimator):
    _, (mean, log_scale, slope) = estimates(
        ko.PIWAE(2, 2, estimator), gaussian, GAUSSIAN, REPLICATES
    )
    of_groups, of_all = gaussian_gradient(iwelbo, 2), gaussian_gradient(iwelbo, 4, nodes=24)
    check_unbiased([mean, log_scale, slope], [*of_groups[:2], of_all[2]])


DISCRETE_CASES = {
    **{
        f"ELBO {e}": (ko.ELBO(2, estimator=e), elbo, 2)
        for e in (*BY_SCORE, "rebar", Rebar(0.3, 0.5), "disarm")
    },
    "ELBO from samples disarm": (ko.ELBO(2, "monte_carlo", "disarm"), elbo, 2),
    **{f"ELBO from samples {e}": (ko.ELBO(2, "monte_carlo", e), elbo, 2) for e in BY_SCORE},
    **{f"IWELBO {e}": (ko.IWELBO(2, e), iwelbo, 2) for e in BY_SCORE},
    "Renyi vimco": (ko.RenyiBound(0.5, 2, "vimco"), renyi(0.5), 2),
}


@pytest.mark.parametrize(
    ("objective", "reduce", "samples"), DISCRETE_CASES.values(), ids=DISCRETE_CASES
)
@pytest.mark.parametrize("one_hot", [False, True], ids=["bernoulli", "one-hot"])
@pytest.mark.few(3)
def test_of_a_discrete_posterior(objective, reduce, samples, one_hot):
    if one_hot and objective.estimator.name == "disarm":
        pytest.skip("for Bernoulli posteriors")
    start = (CLASS_LOGITS, CLASS_WEIGHTS) if one_hot else (LOGITS, WEIGHTS)
    _, gradients = estimates(objective, lambda v: discrete(v, one_hot), start, REPLICATES)
    check_unbiased(gradients, discrete_gradient(reduce, samples, one_hot))


@pytest.mark.slow
def test_control_variates_take_out_noise():
    start, variance = (LOGITS, WEIGHTS), {}
    for estimator in (ScoreFunction("none"), ScoreFunction("leave_one_out"), "rebar", "disarm"):
        objective = ko.ELBO(2, estimator=estimator)
        _, (by_logits, _) = estimates(objective, discrete, start, 5000)
        variance[str(estimator)] = by_logits.var(0).sum()
    plain = variance.pop("ScoreFunction(baseline='none')")
    assert max(variance.values()) < 0.7 * plain, (plain, variance)


def test_the_signal_of_a_doubly_reparameterized_gradient_does_not_vanish():
    """Tucker et al. (2019): signal to noise falls with samples, but for the second estimator."""
    ratio = {}
    for estimator in THROUGH_DRAWS:
        for samples in (4, 64):
            objective = ko.IWELBO(samples, estimator)
            # Wider than the true posterior: the weights have light tails.
            _, (mean, _, _) = estimates(objective, gaussian, (0.4, 0.0, 0.9), 4000)
            ratio[estimator, samples] = abs(mean.mean()) / mean.std()
    assert ratio["pathwise", 64] < 0.6 * ratio["pathwise", 4]
    assert ratio["doubly_reparameterized", 64] > 1.5 * ratio["doubly_reparameterized", 4]


def test_sticking_the_landing_has_no_noise_at_the_exact_posterior():
    precision = 1.0 + (GAUSSIAN[2] / NOISE) ** 2
    mean = GAUSSIAN[2] * X / NOISE**2 / precision
    exact = (mean, -0.5 * math.log(precision), GAUSSIAN[2])
    objective = ko.ELBO(1, "monte_carlo", "sticking_the_landing")
    _, (by_mean, by_log_scale, _) = estimates(objective, gaussian, exact, 1000)
    assert max(np.abs(by_mean).max(), np.abs(by_log_scale).max()) < 1e-4
    _, (by_mean, _, _) = estimates(ko.ELBO(1, "monte_carlo"), gaussian, exact, 1000)
    assert by_mean.std() > 0.1


def test_a_learned_baseline_learns_the_loss_and_changes_no_value():
    baseline = LearnedBaseline()
    baseline.build((None, 1))
    objective = ko.ELBO(1, estimator=ScoreFunction(baseline))
    value, gradients = estimates(objective, gaussian, GAUSSIAN, REPLICATES)
    plain, _ = estimates(
        ko.ELBO(1, estimator=ScoreFunction("none")), gaussian, GAUSSIAN, REPLICATES
    )
    np.testing.assert_allclose(value, plain, rtol=1e-5)
    check_unbiased(gradients, gaussian_gradient(elbo, 1))


def test_straight_through_is_exact_where_the_loss_is_linear():
    def linear(values):
        return dataclasses.replace(
            discrete(values), log_likelihood=lambda z: ops.sum(z * values[1], -1)
        )

    _, (by_logits, _) = estimates(
        ko.ELBO(1, estimator="straight_through"), linear, (LOGITS, WEIGHTS), 10
    )
    probs = 1 / (1 + np.exp(-LOGITS))
    slope = probs * (1 - probs)
    # Of the divergence from fair coins, and of the expectation of the sum.
    np.testing.assert_allclose(by_logits[0], slope * LOGITS - slope * WEIGHTS, rtol=1e-4)


@pytest.mark.parametrize("one_hot", [False, True], ids=["bernoulli", "one-hot"])
def test_reinmax_is_exact_where_the_loss_is_quadratic(one_hot):
    start = (CLASS_LOGITS, CLASS_WEIGHTS) if one_hot else (LOGITS, WEIGHTS)

    def quadratic(values):
        return dataclasses.replace(
            discrete(values, one_hot),
            log_likelihood=lambda z: -ops.square(ops.sum(z * values[1], -1) - X),
        )

    def log_likelihood(z, weights):
        return -((z @ weights - X) ** 2)

    _, (by_logits, by_weights) = estimates(
        ko.ELBO(2, estimator="reinmax"), quadratic, start, REPLICATES
    )
    expected = discrete_gradient(elbo, 1, one_hot, log_likelihood=log_likelihood)
    check_unbiased([by_logits, by_weights], expected)


def test_a_cold_relaxation_is_near_to_the_discrete_gradient():
    exact, _ = discrete_gradient(elbo, 1)
    error = []
    for temperature in (2.0, 0.2):
        objective = ko.ELBO(1, estimator=GumbelSoftmax(temperature))
        _, (by_logits, _) = estimates(objective, discrete, (LOGITS, WEIGHTS), 50_000)
        error.append(np.abs(by_logits.mean(0) - exact).max())
    assert error[1] < 0.5 * error[0]
