"""Joint distributions of named parts."""

import numpy as np
import pytest
from scipy import stats

from kelbo import ops
from kelbo.distributions import (
    Bernoulli,
    Dependent,
    Exponential,
    Independent,
    Joint,
    Normal,
    kl_divergence,
)
from kelbo.distributions.kl.joint import kl_by_part

pytestmark = pytest.mark.core


def numbers(x):
    return ops.convert_to_numpy(x)


def chain():
    """A normal vector of three entries in two parts."""
    return Joint(
        {
            "top": Independent(Normal([0.5, -1.0], [1.0, 2.0]), 1),
            "low": lambda top: Normal(ops.sum(top * np.array([2.0, 1.0], "float32"), -1), 0.5),
        }
    )


COVARIANCE = np.array([[1.0, 0.0, 2.0], [0.0, 4.0, 4.0], [2.0, 4.0, 4.0 + 4.0 + 0.25]])
SLOPES = np.array([0.2, 0.4], "float32")
EXACT = stats.multivariate_normal([0.5, -1.0, 0.0], COVARIANCE)


def test_the_chain_rule():
    joint = chain()
    draws, log_prob = joint.sample_and_log_prob((2000, 3), seed=0)
    assert {n: d.shape for n, d in draws.items()} == {"top": (2000, 3, 2), "low": (2000, 3)}
    flat = np.concatenate([numbers(draws["top"]), numbers(draws["low"])[..., None]], -1)
    np.testing.assert_allclose(numbers(log_prob), EXACT.logpdf(flat), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(numbers(joint.log_prob(draws)), numbers(log_prob), rtol=1e-5)
    np.testing.assert_allclose(np.cov(flat.reshape(-1, 3).T), COVARIANCE, atol=0.6)
    again = joint.sample((2000, 3), seed=0)
    np.testing.assert_array_equal(numbers(again["low"]), numbers(draws["low"]))


def test_what_it_says_of_its_parts():
    joint = Joint({"rate": Exponential(1.0), "flag": lambda rate: Bernoulli(logits=rate)})
    assert joint.names == ("rate", "flag")
    assert joint.parents("flag") == ("rate",)
    assert joint.event_shape == {"rate": (), "flag": ()}
    assert joint.support["flag"].is_discrete
    assert not joint.reparameterized
    assert "flag | rate" in repr(joint)
    with pytest.raises(NotImplementedError, match="no closed form for its mean"):
        joint.mean()


def test_divergences_are_those_of_the_parts():
    q = Joint({"a": Normal(1.0, 1.0), "b": Normal([0.0, 1.0], 2.0)})
    p = Joint({"b": Normal(0.0, 1.0), "a": Normal(0.0, 1.0)})
    expected = 0.5 + numbers(kl_divergence(Normal([0.0, 1.0], 2.0), Normal(0.0, 1.0)))
    np.testing.assert_allclose(numbers(kl_divergence(q, p)), expected, rtol=1e-5)
    with pytest.raises(NotImplementedError, match="no closed form"):
        kl_divergence(chain(), chain())


def test_the_mean_divergence_at_draws_is_the_divergence():
    """In the order of the prior, and against it."""
    q = chain()
    towards = Joint(
        {
            "low": Normal(0.0, 3.0),
            "top": lambda low: Independent(
                Normal(low[..., None] * np.array([0.2, 0.4], "float32"), 1.5), 1
            ),
        }
    )
    along = Joint({"top": Normal.standard((2,)), "low": lambda top: Normal(top[..., 0], 1.0)})
    draws = q.sample((40_000,), seed=1)
    for p in (towards, along):
        found = sum(numbers(kl) for kl in kl_by_part(q, p, draws).values())
        plain = numbers(q.log_prob(draws)) - numbers(p.log_prob(draws))
        error = np.std(found - plain) / 200
        assert abs(found.mean() - plain.mean()) < 5 * error + 1e-6
        assert found.std() < plain.std()


def test_a_part_of_the_batch():
    joint = Joint(
        {
            "a": Normal([0.0, 1.0, 2.0], 1.0),
            "b": Dependent(
                ("a",),
                lambda values: Normal(values["a"] + values["shift"], 1.0),
                {"shift": ops.convert_to_tensor([10.0, 20.0, 30.0])},
            ),
        }
    )
    value = {"a": [0.0, 1.0, 2.0], "b": [10.0, 21.0, 32.0]}
    whole = numbers(joint.log_prob(value))
    part = numbers(joint[1:].log_prob({name: v[1:] for name, v in value.items()}))
    np.testing.assert_allclose(part, whole[1:], rtol=1e-6)
    doubled = ops.compile(lambda d: d.with_each(lambda part: part))(joint)
    np.testing.assert_allclose(numbers(doubled.log_prob(value)), whole, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Joint({}), "with at least one in it"),
        (lambda: Joint({"a": 1.0}), "'a' must be a distribution, or a function"),
        (lambda: Joint({"a": lambda b: b}), "depends on 'b', which is not among the parts before"),
        (lambda: Joint({1: Normal(0.0, 1.0)}), "name of a part must be a string"),
        (lambda: Joint({"a": Normal(0.0, 1.0)}).log_prob({"b": 0.0}), "one for each of a; got"),
        (lambda: Joint({"a": Normal(0.0, 1.0)}).log_prob(0.0), "one for each of a; got float"),
        (lambda: chain().get_config(), "is a Python function, which no file holds"),
        (
            lambda: Joint({"a": Normal(0.0, 1.0), "b": lambda a: a}).sample(seed=0),
            "must return a distribution",
        ),
    ],
)
def test_what_is_refused(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()
