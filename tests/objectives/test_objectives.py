"""Every bound on the linear-Gaussian model of known evidence; each in a file and back."""

import json
import math

import keras
import numpy as np
import pytest

from kelbo import divergences, ops
from kelbo import objectives as ko
from kelbo.schedules import LinearWarmUp

from .test_elbo import EVIDENCE, approximate, exact, losses

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

OBJECTIVES = [
    ko.ELBO(3, "monte_carlo", "sticking_the_landing"),
    ko.BetaELBO(LinearWarmUp(100), samples=2, kl="monte_carlo"),
    ko.BetaELBO(4.0, capacity=2.0),
    ko.FreeBits(0.5, per="group"),
    ko.IWELBO(5, "vimco"),
    ko.MIWAE(2, 3, "doubly_reparameterized"),
    ko.PIWAE(2, 3),
    ko.CIWAE(0.25, 4),
    ko.RenyiBound(-math.inf, 5),
    ko.RenyiBound(0.5, 5, "score_function"),
    ko.ChiUpperBound(3, samples=7),
    ko.BetaTCELBO(LinearWarmUp(10), dataset_size=100),
    ko.InfoELBO(0.5, 10.0, divergences.RBF(2.0)),
    ko.WassersteinMMD(10.0),
    ko.WakeSleep(2),
    ko.ReweightedWakeSleep(5, sleep=0.5),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_round_trip(objective):
    text = json.dumps(keras.saving.serialize_keras_object(objective))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert type(again) is type(objective)
    assert again.get_config() == objective.get_config()
    assert repr(again) == repr(objective)
    assert again.samples == objective.samples


LOWER = [
    ko.ELBO(50, "monte_carlo"),
    ko.IWELBO(5),
    ko.MIWAE(5, 10),
    ko.CIWAE(0.5, 50),
    ko.PIWAE(5, 10),
    ko.RenyiBound(0.5, 50),
    ko.RenyiBound(1.0, 50),
    ko.ReweightedWakeSleep(5),
]


@pytest.mark.parametrize("objective", LOWER, ids=str)
@pytest.mark.few(2)
def test_a_lower_bound_lies_below_and_is_tight_for_the_exact_posterior(objective):
    tight, _ = losses(objective, exact)
    np.testing.assert_allclose(-tight, EVIDENCE, rtol=1e-4)
    bounds = [-losses(objective, approximate, seed)[0] for seed in range(10)]
    below, error = np.mean(bounds, axis=0), np.std(bounds, axis=0) / math.sqrt(10 - 1)
    assert (below < EVIDENCE + 4.0 * error).all()


def test_the_chi_bound_lies_above_and_with_the_elbo_encloses_the_evidence():
    above, _ = losses(ko.ChiUpperBound(2, samples=20_000), approximate)
    below, _ = losses(ko.ELBO(2000, "monte_carlo"), approximate)
    assert (-below < EVIDENCE).all()
    assert (above > EVIDENCE).all()


@pytest.mark.slow
def test_renyi_bounds_fall_with_alpha_and_meet_the_others_at_its_limits():
    alphas = (-math.inf, -2.0, 0.0, 0.5, 1.0 - 1e-6, 1.0, 2.0, math.inf)
    bounds = [-losses(ko.RenyiBound(alpha, 20), approximate)[0] for alpha in alphas]
    assert (np.diff(bounds, axis=0) <= 1e-4).all()
    np.testing.assert_allclose(bounds[2], -losses(ko.IWELBO(20), approximate)[0], rtol=1e-6)
    elbo = -losses(ko.ELBO(20, "monte_carlo"), approximate)[0]
    for near in (4, 5):
        np.testing.assert_allclose(bounds[near], elbo, rtol=1e-4)


def terms(**given):
    """Terms by name; those of samples are given with the examples in front."""
    tensors = {name: ops.convert_to_tensor(value) for name, value in given.items()}
    turned = {name for name in given if name.startswith(("log_", "latent"))}
    return {n: ops.moveaxis(t, 1, 0) if n in turned else t for n, t in tensors.items()}


def test_weight_and_capacity_of_the_divergence():
    given = {"log_likelihood": [[-3.0], [-5.0]], "kl": [2.0, 4.0]}
    loss = ops.convert_to_numpy(ko.BetaELBO(4.0).loss(terms(**given)))
    assert loss.tolist() == [11.0, 21.0]
    loss = ops.convert_to_numpy(ko.BetaELBO(4.0, capacity=3.0).loss(terms(**given)))
    assert loss.tolist() == [7.0, 9.0]


def test_a_schedule_counts_steps_in_training_and_is_at_its_end_outside():
    given = {"log_likelihood": [[-3.0], [-5.0]], "kl": [2.0, 4.0]}
    objective = ko.BetaELBO(LinearWarmUp(10))
    loss = ops.convert_to_numpy(objective.loss(terms(**given, step=5.0)))
    assert loss.tolist() == [4.0, 7.0]
    assert ops.convert_to_numpy(objective.loss(terms(**given))).tolist() == [5.0, 9.0]


def test_free_bits_are_those_of_the_mean_over_the_batch():
    per_dimension = [[0.1, 2.0], [0.5, 0.0]]
    given = {"log_likelihood": [[-3.0], [-5.0]], "kl_per_dimension": per_dimension}
    loss = ops.convert_to_numpy(ko.FreeBits(0.5).loss(terms(**given)))
    # The first dimension costs 0.3 on average, less than is free; the second one costs 1.
    np.testing.assert_allclose(loss, [3.0 + 0.5 + 2.0, 5.0 + 0.5 + 0.0])
    given = {"log_likelihood": [[-3.0], [-5.0]], "kl_per_part": [0.5, 2.0]}
    loss = ops.convert_to_numpy(ko.FreeBits(2.0, per="group").loss(terms(**given)))
    np.testing.assert_allclose(loss, [5.0, 7.0])


def test_total_correlation_decomposes_the_divergence():
    generator = np.random.default_rng(0)
    given = {
        name: generator.normal(size=(4, 3)).astype("float32")
        for name in (
            "log_likelihood",
            "log_posterior",
            "log_prior",
            "log_aggregate",
            "log_aggregate_marginals",
        )
    }
    latent = np.zeros((4, 3, 5), "float32")
    elbo = -np.mean(given["log_likelihood"] + given["log_prior"] - given["log_posterior"], axis=1)
    objective = ko.BetaTCELBO(1.0, dataset_size=1000, samples=3)
    loss = ops.convert_to_numpy(objective.loss(terms(**given, latent=latent)))
    np.testing.assert_allclose(loss, elbo, rtol=1e-4, atol=1e-4)
    more = ko.BetaTCELBO(3.0, samples=3).loss(terms(**given, latent=latent))
    correlation = np.mean(given["log_aggregate"] - given["log_aggregate_marginals"], axis=1)
    np.testing.assert_allclose(
        ops.convert_to_numpy(more), elbo + 2.0 * correlation, rtol=1e-4, atol=1e-4
    )


BAD = {
    "samples": (lambda: ko.IWELBO(0), "IWELBO: samples"),
    "estimator": (lambda: ko.IWELBO(5, "magic"), "IWELBO: estimator must be one of 'pathwise'"),
    "beta": (lambda: ko.BetaELBO(-1.0), "BetaELBO: beta must be a finite number of at"),
    "beta of no number": (lambda: ko.BetaELBO("4"), "BetaELBO: beta must be a number or a sch"),
    "capacity": (lambda: ko.BetaELBO(1.0, 2.0, kl="monte_carlo"), "a capacity needs the closed"),
    "per": (lambda: ko.FreeBits(1.0, per="batch"), 'per must be "dimension" or "group"'),
    "beta that starts too low": (
        lambda: ko.BetaELBO(LinearWarmUp(5, start=-1.0)),
        r"BetaELBO: every value of beta, LinearWarmUp\(.* of at least 0, got -1.0",
    ),
    "nats that end too low": (
        lambda: ko.FreeBits(LinearWarmUp(5, end=-1.0)),
        "FreeBits: every value of nats",
    ),
    "alpha": (
        lambda: ko.RenyiBound(math.nan, 5),
        "RenyiBound: alpha must be a number, -inf or inf, got nan",
    ),
    "alpha of no number": (lambda: ko.RenyiBound("0.5", 5), "RenyiBound: alpha must .* '0.5'"),
    "no alpha": (lambda: ko.RenyiBound(None, 5), "RenyiBound: alpha must be .* got None"),
    "alpha beyond float32": (lambda: ko.RenyiBound(-1e39, 5), "RenyiBound: alpha .* take -inf"),
    "alpha that changes": (lambda: ko.RenyiBound(LinearWarmUp(5), 5), "RenyiBound: alpha takes a"),
    "share of no number": (lambda: ko.CIWAE("a", 5), "CIWAE: beta must be .* got 'a'"),
    "share that changes": (lambda: ko.CIWAE(LinearWarmUp(5), 5), "CIWAE: beta takes a number, not"),
    "sleep of no number": (lambda: ko.ReweightedWakeSleep(5, "a"), "Sleep: sleep must be .* 'a'"),
    "size of no number": (lambda: ko.BetaTCELBO(2, "a"), "dataset_size must be a whole number"),
    "size of NaN": (lambda: ko.BetaTCELBO(2, math.nan), "dataset_size must be a whole number"),
    "half an example": (lambda: ko.BetaTCELBO(2, 2.5), "dataset_size must be a whole number"),
    "information of no number": (lambda: ko.InfoELBO("a"), "InfoELBO: alpha must be .* got 'a'"),
    "infinite scale": (lambda: ko.InfoELBO(0.0, math.inf), "InfoELBO: scale must be a finite"),
    "negative weight": (
        lambda: ko.InfoELBO(0.5, 0.25),
        r"InfoELBO: alpha \+ scale - 1, .* at least 0, got -0.25; give a scale of at least 0.5",
    ),
    "scale that changes": (
        lambda: ko.InfoELBO(scale=LinearWarmUp(5)),
        "InfoELBO: scale takes a number, not a schedule",
    ),
    "kernel": (lambda: ko.InfoELBO(kernel="rbf"), "InfoELBO: kernel must be .* got 'rbf'"),
    "kernel class": (
        lambda: ko.WassersteinMMD(kernel=divergences.RBF),
        "WassersteinMMD: kernel must be an object of a kernel class",
    ),
    "transport of no number": (lambda: ko.WassersteinMMD("1"), "MMD: scale must be .* got '1'"),
    "transport that changes": (
        lambda: ko.WassersteinMMD(LinearWarmUp(5)),
        "WassersteinMMD: scale takes a number, not a schedule",
    ),
    "order": (lambda: ko.ChiUpperBound(0.5), "n must be a finite number greater than 1"),
    "share": (lambda: ko.CIWAE(1.5, 5), r"beta must be a finite number in \[0, 1\]"),
    "wake": (lambda: ko.ReweightedWakeSleep(5, estimator="pathwise"), "estimator must be"),
    "sleep": (lambda: ko.ReweightedWakeSleep(5, sleep=2.0), "sleep must be"),
    "size": (lambda: ko.BetaTCELBO(1.0, dataset_size=0), "dataset_size must be a whole"),
    "information": (lambda: ko.InfoELBO(alpha=2.0), "alpha must be a .* of at most 1"),
    "transport": (lambda: ko.WassersteinMMD(-1.0), "scale must be a .* at least 0"),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
