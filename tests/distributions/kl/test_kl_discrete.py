"""Divergences of discrete families, against sums over their masses."""

import keras
import numpy as np
import pytest
from scipy import special, stats

from kelbo import ops
from kelbo.distributions import (
    Binomial,
    Categorical,
    Delta,
    Geometric,
    Independent,
    MultivariateNormalTriL,
    NegativeBinomial,
    Normal,
    OneHotCategorical,
    Poisson,
    has_kl,
    kl_divergence,
)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


def by_masses(q, p, counts=4000):
    """The sum of q log(q / p) over `counts` values, of two frozen SciPy distributions."""
    k = np.arange(counts).reshape(-1, *[1] * np.ndim(q.mean() + p.mean()))
    log_q, log_p = q.logpmf(k), p.logpmf(k)
    mass = np.exp(log_q)
    ratio = np.where(mass > 0, log_q, 0.0) - np.where(mass > 0, log_p, 0.0)
    return np.sum(mass * ratio, axis=0)


_A = np.array([[-2.0], [0.3], [3.0]])
_B = np.array([-1.0, 0.5])
_P, _Q = special.expit(_A), special.expit(_B)
_LOGITS, _OTHER = np.random.default_rng(0).normal(size=(2, 4, 5))
_PROBS = np.array([[0.0, 0.5, 0.5], [0.2, 0.3, 0.5]])
_ENTROPIES = special.rel_entr(special.softmax(_LOGITS, -1), special.softmax(_OTHER, -1)).sum(-1)
_RATES, _OTHER_RATES = np.array([[0.0], [0.4], [30.0]]), np.array([0.5, 31.0])

PAIRS = {
    "categorical": (Categorical(_LOGITS), Categorical(_OTHER), _ENTROPIES),
    "one-hot categorical": (OneHotCategorical(_LOGITS), OneHotCategorical(_OTHER), _ENTROPIES),
    "categorical by probs": (
        Categorical(probs=_PROBS),
        Categorical(probs=_PROBS[:, None]),
        special.rel_entr(_PROBS, _PROBS[:, None]).sum(-1),
    ),
    "categorical by both": (
        Categorical(probs=_PROBS),
        Categorical(logits=np.log(_PROBS[1])),
        special.rel_entr(_PROBS, _PROBS[1]).sum(-1),
    ),
    "poisson": (
        Poisson(_RATES),
        Poisson(_OTHER_RATES),
        by_masses(stats.poisson(_RATES), stats.poisson(_OTHER_RATES)),
    ),
    "poisson by log rate": (
        Poisson(log_rate=_A),
        Poisson(log_rate=_B),
        by_masses(stats.poisson(np.exp(_A)), stats.poisson(np.exp(_B))),
    ),
    "geometric": (
        Geometric(_A),
        Geometric(probs=_Q),
        by_masses(stats.geom(_P, loc=-1), stats.geom(_Q, loc=-1)),
    ),
    "binomial": (
        Binomial(7, _A),
        Binomial(7, probs=_Q),
        by_masses(stats.binom(7, _P), stats.binom(7, _Q), 8),
    ),
    "negative binomial": (
        NegativeBinomial(2.5, _A),
        NegativeBinomial(2.5, probs=_Q),
        by_masses(stats.nbinom(2.5, 1 - _P), stats.nbinom(2.5, 1 - _Q)),
    ),
    "delta from a normal": (
        Delta(_A),
        Normal(_B, 2.0),
        -stats.norm(_B, 2.0).logpdf(_A),
    ),
    "delta from a count": (
        Delta([0.0, 3.0]),
        Poisson(2.5),
        -stats.poisson(2.5).logpmf([0.0, 3.0]),
    ),
    "deltas from independent normals": (
        Independent(Delta(_LOGITS), 1),
        Independent(Normal(_OTHER, 2.0), 1),
        -stats.norm(_OTHER, 2.0).logpdf(_LOGITS).sum(-1),
    ),
    "deltas from a multivariate normal": (
        Independent(Delta(_LOGITS), 1),
        MultivariateNormalTriL(np.zeros(5), np.eye(5)),
        -stats.norm().logpdf(_LOGITS).sum(-1),
    ),
    "deltas in rows from independent normals": (
        Independent(Delta(_LOGITS), 2),
        Independent(Independent(Normal(_OTHER, 2.0), 1), 1),
        -stats.norm(_OTHER, 2.0).logpdf(_LOGITS).sum(),
    ),
    "delta from a delta": (Delta([1.0, 2.0]), Delta(1.0), np.array([0.0, np.inf])),
}


def test_closed_forms():
    assert all(has_kl(q, p) for q, p, _ in PAIRS.values())
    found = ops.compile(lambda: [kl_divergence(q, p) for q, p, _ in PAIRS.values()])()
    for name, divergence in zip(PAIRS, map(numbers, found), strict=True):
        expected = PAIRS[name][-1]
        assert divergence.shape == np.shape(expected), name
        np.testing.assert_allclose(divergence, expected, rtol=2e-5, atol=2e-6, err_msg=name)


def test_the_divergence_from_itself_is_0():
    each = [
        Categorical(_LOGITS),
        OneHotCategorical(probs=_PROBS),
        Poisson(_RATES),
        Geometric(probs=[0.5, 1.0]),
        Binomial(7, probs=[0.0, 0.3, 1.0]),
        NegativeBinomial(2.5, probs=[0.0, 0.9]),
        Delta(_A),
    ]
    found = ops.compile(lambda: [kl_divergence(q, q) for q in each])()
    for q, divergence in zip(each, found, strict=True):
        np.testing.assert_allclose(numbers(divergence), 0.0, atol=1e-6, err_msg=repr(q))


def test_what_the_other_never_has_is_infinitely_far():
    pairs = [
        (Categorical(probs=[0.5, 0.5]), Categorical(probs=[1.0, 0.0])),
        (Poisson(1.0), Poisson(0.0)),
        (Geometric(probs=0.5), Geometric(probs=1.0)),
        (Binomial(3, probs=0.5), Binomial(3, probs=1.0)),
        (NegativeBinomial(3.0, probs=0.5), NegativeBinomial(3.0, probs=0.0)),
        (Delta(2.0), Poisson(0.0)),
    ]
    far = ops.compile(lambda: [kl_divergence(q, p) for q, p in pairs])()
    assert [float(x) for x in far] == [np.inf] * len(far)


def test_gradients_are_finite_where_a_probability_is_0():
    probs = keras.Variable([0.0, 0.4, 0.6])
    rate = keras.Variable([0.0, 2.0])

    def total():
        by_class = kl_divergence(Categorical(probs=probs), Categorical(probs=[0.2, 0.3, 0.5]))
        return by_class + ops.sum(kl_divergence(Poisson(rate), Poisson(1.0)))

    variables = [probs, rate]
    _, gradients = ops.compile(ops.value_and_grad(total, variables), variables)()
    assert all(np.isfinite(numbers(gradient)).all() for gradient in gradients)
    np.testing.assert_allclose(numbers(gradients[1])[1], np.log(2.0), rtol=1e-5)


@pytest.mark.usefixtures("quick_compilation", "in_a_graph")
@pytest.mark.parametrize("family", [Binomial, NegativeBinomial])
def test_different_counts_have_no_closed_form(family):
    with pytest.raises(NotImplementedError, match="equal total_count only") as error:
        kl_divergence(family([3.0, 4.0], 0.0), family(3.0, 0.0))
    assert "MonteCarloKL" in str(error.value)
    if keras.backend.backend() == "torch":
        return  # runs eagerly: the counts are known

    def compiled(counts):
        return kl_divergence(family(counts, 0.0), family(3.0, 1.0))

    mixed = numbers(ops.compile(compiled)(np.array([3.0, 4.0], "float32")))
    assert mixed[0] > 0
    assert np.isnan(mixed[1])


def test_the_number_of_classes_must_agree():
    with pytest.raises(ValueError, match="of 2 classes from one of 3"):
        kl_divergence(Categorical([0.0, 1.0]), Categorical([0.0, 1.0, 2.0]))
