"""Objectives x estimators x posteriors x priors: each is trained, or refused with what to take."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import divergences
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo.estimators import ESTIMATORS

pytestmark = pytest.mark.usefixtures("quick_compilation")

X = np.random.default_rng(0).uniform(size=(16, 6)).astype("float32")


def features():
    return keras.layers.Dense(8, "tanh")


POSTERIORS = {
    "normal": lambda: kl.ConditionalNormal((2,), features()),
    "full covariance": lambda: kl.ConditionalMultivariateNormalTriL((2,), features()),
    "flow": lambda: kl.Flow(
        kl.ConditionalNormal((2,)),
        [kl.InverseAutoregressive((2,), hidden=(8,)), kl.PlanarFlow((2,))],
        features(),
    ),
    "bernoulli": lambda: kl.ConditionalBernoulli((2,), features()),
    "one-hot": lambda: kl.ConditionalOneHotCategorical((2, 3), features()),
}
PRIORS = {
    "normal": lambda: kd.Normal.standard((2,)),
    "flow": lambda: kl.Flow(kd.Normal.standard((2,)), [kl.PlanarFlow((2,))]),
    "bernoulli": lambda: kd.Independent(kd.Bernoulli(logits=np.zeros(2, "float32")), 1),
    "one-hot": lambda: kd.Independent(kd.OneHotCategorical(np.zeros((2, 3), "float32")), 1),
}
DISCRETE = ("bernoulli", "one-hot")
MEANS = {  # those that are a mean over samples, with a divergence in closed form
    "ELBO": lambda e: ko.ELBO(2, estimator=e),
    "BetaELBO": lambda e: ko.BetaELBO(0.5, capacity=1.0, samples=2, estimator=e),
    "FreeBits": lambda e: ko.FreeBits(0.1, samples=2, estimator=e),
    "FreeBits of a group": lambda e: ko.FreeBits(0.1, per="group", samples=2, estimator=e),
}
FROM_SAMPLES = {
    "ELBO from samples": lambda e: ko.ELBO(2, "monte_carlo", e),
    "BetaELBO from samples": lambda e: ko.BetaELBO(0.5, samples=2, kl="monte_carlo", estimator=e),
}
OF_BATCH = {
    "BetaTCELBO": lambda e: ko.BetaTCELBO(2.0, samples=2, estimator=e),
    "InfoELBO": lambda e: ko.InfoELBO(scale=10.0, estimator=e),
    "WassersteinMMD": lambda e: ko.WassersteinMMD(10.0, divergences.RBF(), estimator=e),
}
OF_WEIGHTS = {
    "IWELBO": lambda e: ko.IWELBO(4, e),
    "MIWAE": lambda e: ko.MIWAE(2, 2, e),
    "PIWAE": lambda e: ko.PIWAE(2, 2, e),
    "CIWAE": lambda e: ko.CIWAE(0.5, 4, e),
    "RenyiBound": lambda e: ko.RenyiBound(0.5, 4, e),
    "VR-max": lambda e: ko.RenyiBound(-np.inf, 4, e),
    "ChiUpperBound": lambda e: ko.ChiUpperBound(2, 4, e),
    "FDivergence": lambda e: ko.FDivergence(divergences.f.JensenShannon(), 4, estimator=e),
    "AlphaDivergence": lambda e: ko.AlphaDivergence(0.5, 4, estimator=e),
}
OBJECTIVES = {**MEANS, **FROM_SAMPLES, **OF_BATCH, **OF_WEIGHTS}
# Those whose estimator is their own.
OTHERS = {
    "WakeSleep": ko.WakeSleep(2),
    "ReweightedWakeSleep": ko.ReweightedWakeSleep(4, sleep=0.5),
}


def is_possible(objective, estimator, posterior, prior):
    """Written anew from the definitions, not from what the classes do."""
    is_discrete = posterior in DISCRETE
    needs_kl = objective in {**MEANS, "InfoELBO": 0}
    has_kl = (posterior, prior) in {
        ("normal", "normal"),
        ("full covariance", "normal"),
        ("bernoulli", "bernoulli"),
        ("one-hot", "one-hot"),
    }
    if needs_kl and not has_kl:
        return False
    if objective in ("FreeBits", "BetaTCELBO") and posterior in ("full covariance", "one-hot"):
        return False
    if objective == "BetaTCELBO" and posterior == "flow":
        return False
    if objective in OF_BATCH and (estimator != "pathwise" or is_discrete):
        return False
    if estimator == "pathwise":
        return not is_discrete
    if estimator in ("sticking_the_landing", "doubly_reparameterized"):
        return not is_discrete and objective not in MEANS
    if estimator in ("straight_through", "gumbel_softmax"):
        return is_discrete and objective != "PIWAE"
    if estimator == "rebar":
        return is_discrete and objective in MEANS
    if estimator == "disarm":
        return posterior == "bernoulli" and objective in {**MEANS, **FROM_SAMPLES}
    return True


def priors_for(posterior):
    """Those over the values of the posterior."""
    return [p for p in PRIORS if p not in DISCRETE] if posterior not in DISCRETE else [posterior]


def combinations(posterior, prior):
    for objective in OBJECTIVES:
        for estimator in ESTIMATORS:
            yield objective, estimator, posterior, prior


PAIRS = [(posterior, prior) for posterior in POSTERIORS for prior in priors_for(posterior)]


def make(posterior, prior, objective=None):
    keras.utils.set_random_seed(1)
    decoder = [features()]
    if posterior == "one-hot":
        decoder = [keras.layers.Flatten(), *decoder]
    return kb.models.VAE(
        prior=PRIORS[prior](),
        likelihood=kl.ConditionalContinuousBernoulli((6,), keras.Sequential(decoder)),
        posterior=POSTERIORS[posterior](),
        objective=objective,
        seed=1,
    )


@pytest.mark.core
@pytest.mark.parametrize(("posterior", "prior"), PAIRS)
def test_what_is_impossible_is_refused_at_compile(posterior, prior):
    """And what is possible is not: all combinations, without training."""
    model = make(posterior, prior)
    for case in combinations(posterior, prior):
        objective, estimator = case[:2]
        model._take_objective(OBJECTIVES[objective](estimator))
        if is_possible(*case):
            model.check_parts()
            continue
        with pytest.raises(ValueError, match=r"[Tt]ake|[Tt]hose that can|[Tt]here are|must be"):
            pytest.fail(f"{case} was accepted: {model.check_parts()}")


def discrete(n=2):
    return kd.Independent(kd.Bernoulli(logits=np.zeros(n, "float32")), 1)


@pytest.mark.core
@pytest.mark.parametrize(
    ("posterior", "prior", "objective", "message"),
    [
        ("normal", discrete, ko.IWELBO(3), "discrete"),
        ("bernoulli", PRIORS["normal"], ko.IWELBO(3, "vimco"), "discrete"),
        ("bernoulli", PRIORS["normal"], ko.WakeSleep(), "discrete"),
        ("normal", PRIORS["normal"], ko.ELBO(estimator="wake_phase"), "ReweightedWakeSleep"),
        ("normal", PRIORS["normal"], ko.AlphaDivergence(0.5, estimator="model_only"), "WakeSleep"),
        ("bernoulli", discrete, ko.PIWAE(2, 3, "straight_through"), "vimco"),
        ("bernoulli", discrete, ko.PIWAE(2, 3, "gumbel_softmax"), "vimco"),
        (
            "bernoulli",
            lambda: kl.VampPrior((2,), 3),
            ko.IWELBO(3, "gumbel_softmax"),
            "straight_through",
        ),
    ],
)
def test_what_would_be_nonsense_is_refused(posterior, prior, objective, message):
    model = kb.models.VAE(
        prior=prior(),
        likelihood=kl.ConditionalContinuousBernoulli((6,), features()),
        posterior=POSTERIORS[posterior](),
        objective=objective,
    )
    with pytest.raises(ValueError, match=message):
        model.compile("adam")


@pytest.mark.parametrize("objective", ["ELBO", None, ko.ELBO])
def test_an_objective_is_an_object(objective):
    model = make("normal", "normal")
    with pytest.raises(TypeError, match=r"object of kelbo\.objectives"):
        model.objective = objective


def test_a_model_takes_no_other_loss():
    for arguments, named in (((), {"loss": "mse"}), (("mse",), {})):
        with pytest.raises(ValueError, match="set by `objective`"):
            make("normal", "normal").compile("adam", *arguments, **named)


@pytest.mark.parametrize("n", [1, 0.5, np.inf, np.nan, "2", None])
def test_orders_that_make_no_upper_bound(n):
    with pytest.raises(ValueError, match="finite number greater than 1"):
        ko.ChiUpperBound(n)


@pytest.mark.parametrize("objective", [ko.WassersteinMMD(), ko.InfoELBO(alpha=1.0)])
def test_no_closed_divergence_is_needed_for_a_metric(objective):
    model = make("normal", "flow", objective)
    model.compile("adam")
    history = model.fit(X, epochs=1, batch_size=8, verbose=0)
    assert np.isfinite(history.history["kl"]).all()


def train(model, objective):
    """One switch and two steps: all weights that should move do, and stay finite."""
    model.objective = objective
    if not model.built:
        model.build((None, 6))
    before = [np.array(w) for w in model.posterior.get_weights()]
    fixed = [np.array(w) for w in model.likelihood.get_weights()]
    history = model.fit(X, epochs=1, batch_size=8, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    after = model.posterior.get_weights()
    assert all(np.isfinite(w).all() for w in after)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    is_fixed = all(
        (a == b).all() for a, b in zip(fixed, model.likelihood.get_weights(), strict=True)
    )
    assert is_fixed != objective.trains_model


CORE = [
    ("ELBO", "pathwise", "normal", "normal"),
    ("ELBO", "score_function", "normal", "normal"),
    ("ELBO", "rebar", "one-hot", "one-hot"),
    ("ELBO from samples", "disarm", "bernoulli", "bernoulli"),
    ("ELBO from samples", "gumbel_softmax", "bernoulli", "bernoulli"),
    ("ELBO from samples", "sticking_the_landing", "flow", "flow"),
    ("FreeBits", "pathwise", "normal", "normal"),
    ("BetaTCELBO", "pathwise", "normal", "normal"),
    ("InfoELBO", "pathwise", "normal", "normal"),
    ("IWELBO", "doubly_reparameterized", "flow", "normal"),
    ("IWELBO", "vimco", "bernoulli", "bernoulli"),
    ("PIWAE", "pathwise", "full covariance", "normal"),
    ("RenyiBound", "doubly_reparameterized", "normal", "normal"),
    ("ChiUpperBound", "doubly_reparameterized", "normal", "flow"),
    ("FDivergence", "pathwise", "normal", "normal"),
]


@pytest.mark.core
@pytest.mark.parametrize("case", CORE, ids=" ".join)
def test_trained(case):
    objective, estimator, posterior, prior = case
    assert is_possible(*case)
    model = make(posterior, prior, ko.WakeSleep())
    model.compile(keras.optimizers.Adam(1e-2))
    train(model, OBJECTIVES[objective](estimator))


def test_the_layers_of_an_exchanged_estimator_are_forgotten():
    """Keras knows layers by their address, which the next one may get."""
    model = make("normal", "normal")
    of_model = set(map(id, model.layers))
    for _ in range(100):
        model.objective = ko.ELBO(2, estimator="score_function")
        kept = model.objective.estimator.layers
        assert set(map(id, model.layers)) == of_model | set(map(id, kept))
        model.objective = ko.ELBO(2)
        assert set(map(id, model.layers)) == of_model


@pytest.mark.core
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("posterior", ["normal", "bernoulli"])
def test_wake_and_sleep(name, posterior):
    model = make(posterior, posterior, ko.WakeSleep())
    model.compile(keras.optimizers.Adam(1e-2))
    train(model, OTHERS[name])


@pytest.mark.slow
@pytest.mark.parametrize("posterior", POSTERIORS)
def test_one_model_is_trained_by_every_objective_and_estimator(posterior):
    """The same model, one switch after another; step by step, for most of the time is compiling."""
    prior = posterior if posterior in DISCRETE else "normal"
    model = make(posterior, prior, ko.WakeSleep())
    model.compile(keras.optimizers.AdamW(1e-3), run_eagerly=True)
    done = 0
    for case in combinations(posterior, prior):
        if is_possible(*case):
            train(model, OBJECTIVES[case[0]](case[1]))
            done += 1
    assert done > 20


CONTINUOUS = [(posterior, prior) for posterior, prior in PAIRS if posterior not in DISCRETE]


@pytest.mark.slow
@pytest.mark.parametrize(("posterior", "prior"), CONTINUOUS)
def test_every_posterior_with_every_prior(posterior, prior):
    model = make(posterior, prior, ko.WakeSleep())
    model.compile(keras.optimizers.Adam(1e-3))
    for objective in (
        ko.ELBO(2, "monte_carlo", "sticking_the_landing"),
        ko.IWELBO(4, "doubly_reparameterized"),
        ko.IWELBO(4, "vimco"),
    ):
        train(model, objective)
