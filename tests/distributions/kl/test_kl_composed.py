"""Divergences of distributions that are made of others."""

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import (
    Bernoulli,
    Categorical,
    Expanded,
    Independent,
    Masked,
    MixtureSameFamily,
    MultivariateNormalTriL,
    Normal,
    has_kl,
    kl_divergence,
)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

Q, P = Normal([0.0, 1.0, -2.0], 0.5), Normal(0.3, [1.0, 2.0, 0.1])
MASK, OTHER = np.array([True, False, True]), np.array([[True, True, True], [False, True, True]])


def kl(q, p):
    assert has_kl(q, p)
    return ops.convert_to_numpy(ops.compile(lambda: kl_divergence(q, p))())


def test_what_is_masked_has_no_divergence():
    plain = kl(Q, P)
    np.testing.assert_array_equal(kl(Masked(Q, MASK), Masked(P, MASK)), np.where(MASK, plain, 0))
    np.testing.assert_array_equal(kl(Masked(Q, MASK), P), np.where(MASK, plain, 0))
    np.testing.assert_array_equal(kl(Q, Masked(P, OTHER)), np.where(OTHER, plain, 0))
    both = kl(Masked(Q, MASK), Masked(P, OTHER))
    np.testing.assert_array_equal(both, np.where(MASK & OTHER, plain, 0))
    total = kl(Independent(Masked(Q, MASK)), Independent(P))
    assert total == pytest.approx(plain[MASK].sum())


def test_masked_agrees_with_numpyro():
    if keras.backend.backend() != "jax":
        pytest.skip("numpyro runs on JAX")
    from numpyro import distributions

    loc, scale = np.array([0.0, 1.0, -2.0]), np.array([1.0, 2.0, 0.1])
    q, p = distributions.Normal(loc, 0.5).mask(MASK), distributions.Normal(0.3, scale).mask(MASK)
    expected = distributions.kl_divergence(q, p)
    np.testing.assert_allclose(kl(Masked(Q, MASK), Masked(P, MASK)), expected, rtol=1e-5)


def test_expanded_repeats_the_divergence():
    one = Normal(0.3, 2.0)
    for q, p, shape in (
        (Expanded(Q, (4, 3)), P, (4, 3)),
        (Q, Expanded(one, 3), (3,)),
        (Expanded(one, (2, 1, 3)), Expanded(P, (5, 3)), (2, 5, 3)),
    ):
        result = kl(q, p)
        inner = [getattr(d, "distribution", d) for d in (q, p)]
        np.testing.assert_array_equal(result, np.broadcast_to(kl(*inner), shape))
    prior = Independent(Expanded(Normal(0.0, 1.0), 3), 1)
    assert kl(Independent(Q), prior) == pytest.approx(kl(Q, Normal(0.0, 1.0)).sum())
    vector = MultivariateNormalTriL([0.0, 0.0], np.eye(2))
    assert kl(Expanded(vector, 4), vector).tolist() == [0.0] * 4


def test_wrappers_inside_of_each_other():
    q = Masked(Expanded(Q, (2, 3)), OTHER)
    np.testing.assert_array_equal(kl(q, P), np.where(OTHER, kl(Q, P), 0))
    np.testing.assert_array_equal(
        kl(P, Expanded(Masked(Q, MASK), (2, 3)))[1], kl(P, Masked(Q, MASK))
    )


def test_no_closed_form_inside_is_none_outside():
    mixture = MixtureSameFamily(Categorical(logits=[0.0, 1.0, 0.5]), Q)
    for q, p, names in (
        (mixture, Normal(0.0, 1.0), "MixtureSameFamily || Normal"),
        (Masked(Q, MASK), Bernoulli(logits=0.0), "Masked[Normal] || Bernoulli"),
        (Expanded(Masked(Q, MASK), (2, 3)), mixture, "Expanded[Masked[Normal]] || Mixture"),
    ):
        assert not has_kl(q, p)
        with pytest.raises(NotImplementedError) as error:
            kl_divergence(q, p)
        assert f"KL({names}" in str(error.value)
