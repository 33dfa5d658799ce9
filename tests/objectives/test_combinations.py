"""Objectives x estimators x posteriors x priors: each is trained, or refused with what to take."""

import itertools
import re

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import bijectors as kbij
from kelbo import distributions as kd
from kelbo import divergences
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo.estimators import ESTIMATORS

pytestmark = pytest.mark.usefixtures("quick_compilation")

X = np.random.default_rng(0).uniform(size=(16, 6)).astype("float32")


def features():
    return keras.layers.Dense(8, "tanh")


def flow(bijector):
    return lambda: kl.Flow(kl.ConditionalNormal((2,)), [bijector()], features())


SHAPES = {"one-hot": (2, 3)}  # of the latent values, where they are not (2,)
FLOWS = {
    "planar flow": flow(lambda: kl.PlanarFlow((2,))),
    "radial flow": flow(lambda: kl.RadialFlow((2,))),
    "Sylvester flow": flow(lambda: kl.SylvesterFlow((2,))),
    "affine coupling": flow(lambda: kl.AffineCoupling((2,), features())),
    "spline coupling": flow(lambda: kl.SplineCoupling((2,), features())),
    "inverse autoregressive flow": flow(lambda: kl.InverseAutoregressive((2,), hidden=(8,))),
    "masked autoregressive flow": flow(lambda: kl.MaskedAutoregressive((2,), hidden=(8,))),
    "block autoregressive flow": flow(lambda: kl.BlockAutoregressiveFlow((2,))),
    "invertible linear map": flow(lambda: kl.InvertibleLinear((2,))),
}
POSTERIORS = {
    "normal": lambda: kl.ConditionalNormal((2,), features()),
    "full covariance": lambda: kl.ConditionalMultivariateNormalTriL((2,), features()),
    "low rank": lambda: kl.ConditionalMultivariateNormalLowRank((2,), features(), rank=1),
    "autoregressive": lambda: kl.ConditionalAutoregressiveNormal(
        (2,), features(), blocks=(1, 1), hidden=(8,)
    ),
    "mixture": lambda: kl.ConditionalMixture(kl.ConditionalNormal((2,)), features(), components=3),
    **FLOWS,
    "directions": lambda: kl.ConditionalVonMisesFisher((2,), features()),
    "bernoulli": lambda: kl.ConditionalBernoulli((2,), features()),
    "one-hot": lambda: kl.ConditionalOneHotCategorical((2, 3), features()),
}


def logits(shape):
    return np.zeros(shape, "float32")


PRIORS = {
    "normal": kd.Normal.standard,
    "learned normal": kl.LearnedNormal,
    "learned mixture": lambda shape: kl.LearnedMixture(shape, components=3),
    "flow": lambda shape: kl.Flow(kd.Normal.standard(shape), [kl.PlanarFlow(shape)]),
    "vamp": lambda shape: kl.VampPrior(shape, pseudo_inputs=3, bounds=(0.0, 1.0)),
    "vamp of means": lambda shape: kl.VampPrior(shape, pseudo_inputs=3, initial=X.mean(axis=0)),
    "sphere": lambda shape: kd.SphericalUniform(shape[-1]),
    "bernoulli": lambda shape: kd.Independent(kd.Bernoulli(logits=logits(shape)), len(shape)),
    "one-hot": lambda shape: kd.Independent(kd.OneHotCategorical(logits(shape)), len(shape) - 1),
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
# Those whose estimators are their own, with their names.
WAKE = {
    "WakeSleep": lambda e: ko.WakeSleep(2),
    "ReweightedWakeSleep": lambda e: ko.ReweightedWakeSleep(4, 0.5, e),
}
OWN = {"WakeSleep": ["model_only"], "ReweightedWakeSleep": ["wake_phase"]}
OWN["ReweightedWakeSleep"].append("doubly_reparameterized_wake_phase")
OBJECTIVES = {**MEANS, **FROM_SAMPLES, **OF_BATCH, **OF_WEIGHTS, **WAKE}

VAMPS = ("vamp", "vamp of means")  # mixtures of posteriors: over whatever these are over
PLANE = ("normal", "learned normal", "learned mixture", "flow", *VAMPS)
CLOSED = {
    **dict.fromkeys(("normal", "full covariance", "low rank"), ("normal", "learned normal")),
    "directions": ("sphere",),
    "bernoulli": ("bernoulli",),
    "one-hot": ("one-hot",),
}


def priors_for(posterior):
    """Those that are positive on the values of the posterior."""
    special = {
        "directions": ("sphere", *VAMPS),
        "bernoulli": ("bernoulli", *VAMPS),
        "one-hot": ("one-hot", "bernoulli", *VAMPS),
    }
    return special.get(posterior, PLANE)


def refusals(objective, estimator, posterior, prior):
    """Why a combination is impossible, each reason as its error says it; empty where it is not.

    Written anew from the definitions, not from what the classes do.
    """
    is_discrete = posterior in DISCRETE
    is_smooth = not is_discrete and posterior != "mixture"
    has_values_beyond = (posterior, prior) == ("one-hot", "bernoulli")
    are_factorised = posterior in ("normal", "bernoulli") and prior in CLOSED[posterior]
    needs_closed = objective in MEANS or objective == "InfoELBO"
    reasons = {
        "values of .* Take a prior over": prior not in priors_for(posterior),
        "has a sleep phase": has_values_beyond and objective in WAKE,
        "is an upper bound where": has_values_beyond and objective == "ChiUpperBound",
        "in closed form, and there is none": (
            needs_closed and prior not in CLOSED.get(posterior, ())
        ),
        "dimensions one by one|of each dimension in closed form": (
            (objective == "FreeBits" and not are_factorised)
            or (objective == "BetaTCELBO" and posterior != "normal")
        ),
        'must be "pathwise"': objective in OF_BATCH and estimator != "pathwise",
        r"draws from .* are not reparameterised\. (Those|No other)": not is_smooth
        and estimator
        in (
            "pathwise",
            "sticking_the_landing",
            "doubly_reparameterized",
            "doubly_reparameterized_wake_phase",
        ),
        "changes the gradient of log q": objective in MEANS
        and estimator in ("sticking_the_landing", "doubly_reparameterized"),
        "is for posteriors that are": (
            estimator in ("straight_through", "reinmax", "gumbel_softmax", "rebar")
            and not is_discrete
        )
        or (estimator == "disarm" and posterior != "bernoulli"),
        "has one gradient for model and posterior": objective == "PIWAE"
        and estimator in ("straight_through", "reinmax", "gumbel_softmax"),
        "has no relaxed density": estimator == "gumbel_softmax" and prior != posterior,
        "is for the ELBO, a mean": estimator in ("rebar", "disarm")
        and objective not in {**MEANS, **FROM_SAMPLES},
        "needs a divergence in closed form": estimator == "rebar" and objective not in MEANS,
    }
    return [message for message, holds in reasons.items() if holds]


def is_possible(*case):
    return not refusals(*case)


def combinations(posterior, prior):
    for objective in OBJECTIVES:
        for estimator in OWN.get(objective, ESTIMATORS):
            yield objective, estimator, posterior, prior


PAIRS = [
    (posterior, prior)
    for posterior in POSTERIORS
    for prior in PRIORS
    if (posterior, prior) not in {("one-hot", "sphere"), ("one-hot", "flow")}  # of vectors alone
]
POSSIBLE = [(posterior, prior) for posterior, prior in PAIRS if prior in priors_for(posterior)]


def make(posterior, prior, objective=None):
    keras.utils.set_random_seed(1)
    decoder = [features()]
    if posterior == "one-hot":
        decoder = [keras.layers.Flatten(), *decoder]
    return kb.models.VAE(
        prior=PRIORS[prior](SHAPES.get(posterior, (2,))),
        likelihood=kl.ConditionalContinuousBernoulli((6,), keras.Sequential(decoder)),
        posterior=POSTERIORS[posterior](),
        objective=objective,
        seed=1,
    )


@pytest.mark.parametrize(("posterior", "prior"), PAIRS)
@pytest.mark.few(18)
def test_what_is_impossible_is_refused_at_compile(posterior, prior, monkeypatch):
    """And what is possible is not: all combinations, without training."""
    model = make(posterior, prior)
    template = model.posterior.template()  # once for all objectives
    monkeypatch.setattr(model.posterior, "template", lambda: template)
    monkeypatch.setattr(ko.Objective, "_able", lambda *_: ())  # that is the next test's
    for case in combinations(posterior, prior):
        objective, estimator = case[:2]
        model._take_objective(OBJECTIVES[objective](estimator))
        if is_possible(*case):
            model.check_parts()
            continue
        with pytest.raises(ValueError, match="|".join(refusals(*case))):
            pytest.fail(f"{case} was accepted: {model.check_parts()}")


@pytest.mark.parametrize("pair", [("bernoulli", "bernoulli"), ("mixture", "normal")], ids=" ".join)
def test_the_estimators_that_can_are_named(pair):
    posterior, prior = make(*pair).kinds()
    for objective, estimator in itertools.product((*MEANS, *OF_WEIGHTS), ESTIMATORS):
        able = [e for e in ESTIMATORS if is_possible(objective, e, *pair)]
        if estimator in able or not able:
            continue
        with pytest.raises(ValueError, match="Those that can: ") as error:
            OBJECTIVES[objective](estimator).check(posterior, prior)
        named = str(error.value).partition("Those that can: ")[2]
        assert re.findall(r'"(\w+)"', named) == able


@pytest.mark.core
@pytest.mark.parametrize(
    ("posterior", "prior", "objective", "message"),
    [
        ("normal", "bernoulli", ko.IWELBO(3), "discrete"),
        ("bernoulli", "normal", ko.IWELBO(3, "vimco"), "discrete"),
        ("bernoulli", "normal", ko.WakeSleep(), "discrete"),
        ("bernoulli", "one-hot", ko.IWELBO(3, "vimco"), "0 or 1, and those of .* single 1"),
        ("normal", "sphere", ko.IWELBO(3), "continuous and those of .* on a sphere"),
        ("directions", "learned normal", ko.WakeSleep(), "on a sphere"),
        ("one-hot", "bernoulli", ko.WakeSleep(), "has a sleep phase"),
        ("normal", "normal", ko.ELBO(estimator="wake_phase"), "ReweightedWakeSleep"),
        ("normal", "normal", ko.AlphaDivergence(0.5, estimator="model_only"), "WakeSleep"),
        ("bernoulli", "bernoulli", ko.PIWAE(2, 3, "straight_through"), "vimco"),
        ("bernoulli", "bernoulli", ko.PIWAE(2, 3, "gumbel_softmax"), "vimco"),
        ("bernoulli", "vamp", ko.IWELBO(3, "gumbel_softmax"), "straight_through"),
        ("one-hot", "bernoulli", ko.IWELBO(3, "gumbel_softmax"), "OneHotCategorical"),
    ],
)
def test_what_would_be_nonsense_is_refused(posterior, prior, objective, message):
    with pytest.raises(ValueError, match=message):
        make(posterior, prior, objective).compile("adam")


ONES = np.ones(2, "float32")
NORMAL = kd.Normal.standard((2,))
# Priors and posteriors over a part of the plane, or of space.
GAMMA = kd.Independent(kd.Gamma(ONES, 1.0), 1)
UNIFORM = kd.Independent(kd.Uniform(-ONES, 1.0), 1)
DIRICHLET = kd.Dirichlet(np.ones(3, "float32"))
UNITS = kd.Independent(kd.Beta(ONES, ONES), 1)


def onto(*bijectors):
    return lambda: kl.Flow(kl.ConditionalNormal((2,)), list(bijectors), features())


def flow_prior(*bijectors):
    return kl.Flow(NORMAL, list(bijectors))


def made_of(posterior, prior, objective):
    return kb.models.VAE(
        prior=prior,
        likelihood=kl.ConditionalContinuousBernoulli((6,), features()),
        posterior=posterior,
        objective=objective,
    )


@pytest.mark.core
@pytest.mark.parametrize(
    ("posterior", "prior", "objective"),
    [
        (onto(kbij.Exp()), GAMMA, ko.IWELBO(2)),
        (onto(kl.PlanarFlow((2,)), kbij.Sigmoid()), UNITS, ko.IWELBO(2)),
        (onto(kbij.Tanh()), UNIFORM, ko.IWELBO(2)),
        (onto(kbij.Simplex()), DIRICHLET, ko.IWELBO(2)),
        (lambda: kl.ConditionalGamma((2,), features()), GAMMA, ko.ELBO()),
        (
            lambda: kl.ConditionalGamma((2,), features()),
            flow_prior(kbij.Exp()),
            ko.ReweightedWakeSleep(2, 0.5),
        ),
        (
            lambda: kl.ConditionalDirichlet((3,), features()),
            flow_prior(kbij.Simplex()),
            ko.IWELBO(2, "vimco"),
        ),
        (POSTERIORS["normal"], UNIFORM, ko.WassersteinMMD()),
        (POSTERIORS["normal"], UNIFORM, ko.InfoELBO(1.0, 10.0)),
        (onto(kbij.Simplex(), kbij.Inverse(kbij.Simplex())), NORMAL, ko.IWELBO(2)),
    ],
)
@pytest.mark.few(1)
def test_what_lies_in_the_prior_is_trained(posterior, prior, objective):
    model = made_of(posterior(), prior, objective)
    model.compile("adam")
    assert np.isfinite(model.fit(X, epochs=1, batch_size=8, verbose=0).history["loss"]).all()


@pytest.mark.core
@pytest.mark.parametrize(
    ("posterior", "prior", "objective", "message"),
    [
        (POSTERIORS["normal"], GAMMA, ko.IWELBO(2), "wherever the posterior is.* at least 0"),
        (POSTERIORS["normal"], flow_prior(kbij.Exp()), ko.IWELBO(2), "wherever the posterior is"),
        (onto(kbij.Exp()), UNITS, ko.RenyiBound(0.5, 2), "between 0 and 1"),
        (onto(kbij.Exp()), NORMAL, ko.ChiUpperBound(2), "is an upper bound where"),
        (onto(kbij.Exp()), NORMAL, ko.WakeSleep(), "has a sleep phase"),
        (
            lambda: kl.ConditionalVonMisesFisher((3,), features()),
            DIRICHLET,
            ko.IWELBO(2),
            "on a sphere .* on a simplex",
        ),
    ],
)
def test_what_leaves_the_prior_is_refused(posterior, prior, objective, message):
    with pytest.raises(ValueError, match=message):
        made_of(posterior(), prior, objective).compile("adam")


def test_a_prior_is_one_distribution():
    with pytest.raises(ValueError, match=r"batch shape \(\), got .*Independent\(prior, rank\)"):
        made_of(POSTERIORS["normal"](), kd.Independent(kd.Normal(np.zeros((5, 2)), 1.0), 1), None)


@pytest.mark.parametrize("objective", ["ELBO", None, ko.ELBO])
def test_an_objective_is_an_object(objective):
    model = make("normal", "normal")
    for _ in range(2):
        with pytest.raises(TypeError, match=r"object of kelbo\.objectives"):
            model.objective = objective
        model.compile("adam")


def test_a_model_takes_no_other_loss():
    for arguments, named in (((), {"loss": "mse"}), (("mse",), {})):
        with pytest.raises(ValueError, match="set by `objective`"):
            make("normal", "normal").compile("adam", *arguments, **named)


@pytest.mark.parametrize("n", [1, 0.5, np.inf, np.nan, "2", None])
def test_orders_that_make_no_upper_bound(n):
    with pytest.raises(ValueError, match="finite number greater than 1"):
        ko.ChiUpperBound(n)


@pytest.mark.parametrize("objective", [ko.WassersteinMMD(), ko.InfoELBO(alpha=1.0)])
@pytest.mark.slow
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
    ("ELBO from samples", "sticking_the_landing", "planar flow", "flow"),
    ("FreeBits", "pathwise", "normal", "normal"),
    ("BetaTCELBO", "pathwise", "normal", "normal"),
    ("InfoELBO", "pathwise", "normal", "normal"),
    ("IWELBO", "doubly_reparameterized", "inverse autoregressive flow", "normal"),
    ("IWELBO", "vimco", "bernoulli", "bernoulli"),
    ("PIWAE", "pathwise", "full covariance", "normal"),
    ("RenyiBound", "doubly_reparameterized", "normal", "normal"),
    ("ChiUpperBound", "doubly_reparameterized", "normal", "flow"),
    ("FDivergence", "pathwise", "normal", "normal"),
]


@pytest.mark.core
@pytest.mark.parametrize("case", CORE, ids=" ".join)
@pytest.mark.few(3)
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
@pytest.mark.parametrize("objective", WAKE)
@pytest.mark.parametrize("posterior", ["normal", "bernoulli"])
@pytest.mark.few(1)
def test_wake_and_sleep(objective, posterior):
    model = make(posterior, posterior, ko.ELBO(estimator="score_function"))
    model.compile(keras.optimizers.Adam(1e-2))
    train(model, WAKE[objective](OWN[objective][0]))


SHARED_BY_ALL = [  # each of the many posteriors and priors is trained by these, and by its share
    ("ELBO from samples", "sticking_the_landing"),
    ("IWELBO", "doubly_reparameterized"),
    ("IWELBO", "vimco"),
]


TRAINED = [  # each flow with one of the priors in turn: to them it is like any other
    (posterior, prior)
    for posterior, prior in POSSIBLE
    if posterior not in FLOWS or PLANE[list(FLOWS).index(posterior) % len(PLANE)] == prior
]


def share(posterior, prior):
    """The switches that a pair is trained by.

    All that are possible are dealt out among the pairs of one posterior, or of all flows.
    """
    posteriors = FLOWS if posterior in FLOWS else [posterior]
    pairs = [pair for pair in TRAINED if pair[0] in posteriors]
    dealt = 0
    for *switch, _, _ in combinations(posterior, prior):
        able = [pair for pair in pairs if is_possible(*switch, *pair)]
        if not able:
            continue
        is_mine = able[dealt % len(able)] == (posterior, prior)
        dealt += 1
        if is_mine or (tuple(switch) in SHARED_BY_ALL and (posterior, prior) in able):
            yield tuple(switch)


def test_every_switch_is_tried_with_every_posterior():
    tried = {}
    for pair in TRAINED:
        group = "flow" if pair[0] in FLOWS else pair[0]
        tried.setdefault(group, set()).update(share(*pair))
        assert set(share(*pair))
    for posterior, prior in TRAINED:
        group = "flow" if posterior in FLOWS else posterior
        for case in combinations(posterior, prior):
            assert not is_possible(*case) or case[:2] in tried[group]
    assert {prior for _, prior in TRAINED} == set(PRIORS)


@pytest.mark.core
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables .*pseudo_inputs")  # right
@pytest.mark.skipif(
    keras.backend.backend() != "torch",
    reason="where nothing is compiled, for that would be nine tenths of the time",
)
@pytest.mark.parametrize(("posterior", "prior"), TRAINED)
def test_one_model_is_trained_by_one_switch_after_another(posterior, prior):
    model = make(posterior, prior, ko.ELBO(2, "monte_carlo", "score_function"))
    model.compile(keras.optimizers.AdamW(1e-3), run_eagerly=True)
    for objective, estimator in share(posterior, prior):
        train(model, OBJECTIVES[objective](estimator))
