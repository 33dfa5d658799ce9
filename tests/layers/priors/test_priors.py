"""Priors that train: their densities, where they start, their variables, saving, errors."""

import keras
import numpy as np
import pytest
from scipy import special, stats

from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import ops

pytestmark = pytest.mark.core

Z = np.random.default_rng(0).normal(size=(7, 2, 3)).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def softplus(r):
    return 1e-3 + np.logaddexp(0.0, r)


def moved(prior):
    """The prior, built, far from its start."""
    prior.build()
    for i, variable in enumerate(prior.variables):
        variable.assign(np.random.default_rng(i).normal(size=variable.shape))
    return prior


def test_a_learned_normal():
    prior = kl.LearnedNormal((2, 3))
    start = prior.given()
    np.testing.assert_allclose(
        numbers(start.log_prob(Z)), stats.norm().logpdf(Z).sum((1, 2)), rtol=1e-5
    )
    loc, raw = (numbers(v) for v in moved(prior).trainable_variables)
    expected = stats.norm(loc, softplus(raw)).logpdf(Z).sum((1, 2))
    np.testing.assert_allclose(numbers(prior.given().log_prob(Z)), expected, rtol=1e-4)
    posterior = kd.Independent(kd.Normal(Z, 0.5), 2)
    assert kd.has_kl(posterior, prior.template())
    assert numbers(kd.kl_divergence(posterior, prior.given())).shape == (7,)


def test_a_learned_mixture():
    prior = kl.LearnedMixture((2, 3), components=4)
    prior.build()
    logits, loc, raw = (numbers(v) for v in prior.trainable_variables)
    np.testing.assert_array_equal(logits, 0.0)
    np.testing.assert_allclose(softplus(raw), 1.0, rtol=1e-6)
    # No two components start alike.
    assert len(np.unique(loc.round(5))) == loc.size
    logits, loc, raw = (numbers(v) for v in moved(prior).trainable_variables)
    each = stats.norm(loc, softplus(raw)).logpdf(Z[:, None]).sum((2, 3))
    expected = special.logsumexp(each + special.log_softmax(logits), axis=1)
    np.testing.assert_allclose(numbers(prior.given().log_prob(Z)), expected, rtol=1e-4)
    far = float(prior.given().log_prob(np.full((2, 3), 1e4, "float32")))
    assert np.isfinite(far)
    assert far < -1e6


LEARNED = {
    "normal": lambda: kl.LearnedNormal((2, 3)),
    "mixture": lambda: kl.LearnedMixture((2, 3), components=4),
}
every = pytest.mark.parametrize("make", LEARNED.values(), ids=LEARNED)


@every
def test_gradients_reach_every_variable(make):
    prior = moved(make())

    def total():
        return ops.sum(prior.given().log_prob(Z))

    variables = prior.trainable_variables
    _, slopes = ops.compile(ops.value_and_grad(total, variables), variables)()
    assert all(np.abs(numbers(slope)).min() > 0 for slope in slopes)


@every
def test_a_config_makes_the_same_layer(make):
    prior = moved(make())
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(prior))
    assert again.get_config() == prior.get_config()
    again.build()
    again.set_weights(prior.get_weights())
    scores = [numbers(one.given().log_prob(Z)) for one in (prior, again)]
    np.testing.assert_array_equal(*scores)
    assert isinstance(prior, kl.Prior)


@every
def test_half_precision_ends_at_the_parameters(make):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert make().given().dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


X = np.random.default_rng(1).uniform(size=(20, 4)).astype("float32")


def posterior():
    keras.utils.set_random_seed(1)
    return kl.ConditionalNormal((3,), keras.layers.Dense(5, "tanh"))


def built(**arguments):
    keras.utils.set_random_seed(2)
    prior = kl.VampPrior((3,), 5, **arguments)
    prior.build((None, 4))
    return prior


def test_a_vamp_prior_is_the_mean_of_posteriors():
    prior, q, z = built(), posterior(), Z[:, 0]
    each = numbers(q.given(prior.pseudo_inputs).log_prob(z[:, None]))
    expected = special.logsumexp(each, axis=1) - np.log(5.0)
    d = prior.given(q)
    np.testing.assert_allclose(numbers(d.log_prob(z)), expected, rtol=1e-5)
    assert (d.batch_shape, d.event_shape) == ((), (3,))
    assert tuple(d.sample((4,), seed=0).shape) == (4, 3)
    assert len(prior.weights) == 1
    template = prior.template(posterior())
    assert (template.batch_shape, template.event_shape) == ((), (3,))


def test_where_pseudo_inputs_start():
    random = numbers(built().pseudo_inputs)
    assert random.shape == (5, 4)
    assert len(np.unique(random)) == 20
    inside = numbers(built(bounds=(2.0, 3.0)).pseudo_inputs)
    assert inside.min() >= 2.0
    assert inside.max() <= 3.0
    around = numbers(built(initial=X.mean(axis=0)).pseudo_inputs)
    assert 0 < np.abs(around - X.mean(axis=0)).max() < 0.06
    assert len(np.unique(around, axis=0)) == 5
    np.testing.assert_allclose(numbers(built(initial=X[:5]).pseudo_inputs), X[:5], rtol=1e-6)
    near = numbers(built(initial=np.clip(X[:5], 0.05, 0.95), bounds=(0, 1)).pseudo_inputs)
    np.testing.assert_allclose(near, np.clip(X[:5], 0.05, 0.95), rtol=1e-4)
    ends = numbers(built(initial=np.round(X[:5]), bounds=(0, 1)).pseudo_inputs)
    np.testing.assert_allclose(ends, np.clip(np.round(X[:5]), 0.01, 0.99), rtol=1e-4)


def test_pseudo_inputs_and_posterior_both_have_gradients():
    prior, q = built(bounds=(0.0, 1.0)), posterior()
    q.build((None, 4))
    variables = [*prior.trainable_variables, *q.trainable_variables]

    def total():
        return ops.sum(prior.given(q).log_prob(Z[:, 0]))

    _, slopes = ops.compile(ops.value_and_grad(total, variables), variables)()
    assert all(np.abs(numbers(slope)).max() > 0 for slope in slopes)


def test_a_vamp_prior_is_saved_without_the_array_it_started_from():
    prior = built(initial=X[:5], bounds=(0.0, 1.0))
    config = keras.saving.serialize_keras_object(prior)
    assert "initial" not in config["config"]
    again = keras.saving.deserialize_keras_object(config)
    assert again.built  # of the shape that is in the config
    again.set_weights(prior.get_weights())
    np.testing.assert_array_equal(numbers(again.pseudo_inputs), numbers(prior.pseudo_inputs))


BAD_ARGUMENTS = {
    "size": (lambda: kl.LearnedNormal((0,)), "LearnedNormal: each size in event_shape .* got 0"),
    "components": (lambda: kl.LearnedMixture((2,), 0), "components must be .* got 0"),
    "pseudo-inputs": (lambda: kl.VampPrior((2,), 0), "pseudo_inputs must be .* got 0"),
    "name": (lambda: kl.VampPrior((2,), initial="zeros"), "must be \"random\" .* got 'zeros'"),
    "bounds": (lambda: kl.VampPrior((2,), bounds=(1.0, 0.0)), r"bounds must be .* \(1.0, 0.0\)"),
    "shape": (
        lambda: built(initial=np.zeros(3)),
        r"initial has the shape \(3,\); it must be that of an example, \(4,\), or .* \(5, 4\)",
    ),
    "not built": (
        lambda: kl.VampPrior((3,)).given(posterior()),
        "the pseudo-inputs have no shape yet",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
