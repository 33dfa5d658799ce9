"""Terms as a person adds them, and what is said of those that do not fit."""

import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo import ops
from kelbo.latent import KL, LatentProblem, LogLikelihood, Term

pytestmark = pytest.mark.core

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")


class Spread(Term):
    """How far the draws of an example lie apart."""

    name = "spread"

    @classmethod
    def value(cls, problem, draws, seed):
        return ops.sum(ops.var(draws["latent"], axis=0), axis=-1)


class WeightDecay(Term):
    """What stands once for all examples."""

    name = "weight_decay"
    of_data = True

    @classmethod
    def depends_on_draws(cls, posterior, prior):
        return False

    @classmethod
    def value(cls, problem, draws, seed):
        return ops.convert_to_tensor(100.0)


class WithSpread(ko.ELBO):
    """A bound with a new term: one class, and the term."""

    regularizer_terms = frozenset({KL, Spread, WeightDecay})

    def regularizer(self, terms):
        return terms["kl"] + 0.5 * terms["spread"] + terms["weight_decay"]


def make(objective):
    return kb.models.VAE(
        kd.Normal.standard((2,)),
        kl.ConditionalNormal((3,)),
        kl.ConditionalNormal((2,)),
        objective,
        seed=0,
    )


def test_a_term_of_ones_own_is_trained_and_predicted():
    model = make(WithSpread(4))
    model.compile("adam")
    history = model.fit(X, epochs=1, batch_size=10, verbose=0).history
    found = model.predict(X, verbose=0)
    assert found["spread"].shape == (20,)
    assert found["log_likelihood"].shape == (20, 4)
    assert "weight_decay" not in found  # it is of no example
    expected = -found["log_likelihood"].mean(1) + found["kl"] + 0.5 * found["spread"] + 100.0 / 20
    found = model.evaluate(X, verbose=0, return_dict=True)  # with the same noise
    np.testing.assert_allclose(found["loss"], expected.mean(), rtol=1e-4)
    assert np.isfinite(history["loss"]).all()


def test_a_term_of_the_data_needs_their_number():
    problem = LatentProblem(
        np.zeros((2, 1), "float32"),
        kd.Normal([0.0, 0.0], 1.0),
        kd.Normal(0.0, 1.0),
        *[lambda z: z] * 4,
    )
    with pytest.raises(ValueError, match="'weight_decay' stands once for the whole data set"):
        WithSpread().terms(problem, ops.SeedSequence(0))
    model = make(WithSpread())
    model.compile("adam")
    with pytest.raises(ValueError, match="needs the number of training examples"):
        model.evaluate(X, verbose=0)


def test_terms_that_do_not_fit_are_named():
    normal = kd.Normal.standard((2,))
    with pytest.raises(ValueError, match="by the term 'spread': its estimator must be"):
        WithSpread(estimator="score_function").check(normal, normal)

    class Twice(Term):
        name = "kl"

        @classmethod
        def value(cls, problem, draws, seed):
            return 0.0

    class Confused(ko.ELBO):
        regularizer_terms = frozenset({KL, Twice})

    with pytest.raises(ValueError, match="two terms of the name 'kl'"):
        Confused().check(normal, normal)

    class NoTerm(ko.ELBO):
        regularizer_terms = frozenset({KL, LogLikelihood.name})

    with pytest.raises(ValueError, match="'log_likelihood', which is no class"):
        NoTerm().check(normal, normal)
