"""Maximum mean discrepancy: against sums over all pairs, one by one."""

import numpy as np
import pytest

from kelbo import ops
from kelbo.divergences import RBF, InverseMultiquadric, maximum_mean_discrepancy
from kelbo.divergences.mmd import discrepancy_of_draws

pytestmark = pytest.mark.core


def samples(n, m, dimension=3):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, dimension))
    return x.astype("float32"), (0.5 + generator.normal(size=(m, dimension))).astype("float32")


def rbf(a, b):
    return np.exp(-np.sum((a - b) ** 2) / (2 * 1.5**2))


def inverse_multiquadric(a, b):
    c = 2 * len(a) * 1.5**2
    return c / (c + np.sum((a - b) ** 2))


def by_pairs(x, y, kernel):
    x, y = x.astype("float64"), y.astype("float64")

    def within(z):
        return np.mean([kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j])

    return within(x) + within(y) - 2 * np.mean([kernel(a, b) for a in x for b in y])


@pytest.mark.parametrize(("n", "m"), [(7, 7), (7, 12), (12, 5), (2, 9)])
@pytest.mark.parametrize(
    ("kernel", "by_hand"), [(RBF(1.5), rbf), (InverseMultiquadric(1.5), inverse_multiquadric)]
)
@pytest.mark.few(3)
def test_against_a_double_loop(n, m, kernel, by_hand):
    x, y = samples(n, m)
    found = float(maximum_mean_discrepancy(x, y, kernel))
    assert found == pytest.approx(by_pairs(x, y, by_hand), abs=1e-5)


def test_the_two_samples_may_change_places_and_be_lists():
    x, y = samples(4, 9)
    there = float(maximum_mean_discrepancy(x, y, RBF()))
    assert float(maximum_mean_discrepancy(y, x, RBF())) == pytest.approx(there, abs=1e-6)
    assert float(maximum_mean_discrepancy(x.tolist(), y, RBF())) == pytest.approx(there, abs=1e-6)


def test_whole_numbers_become_floats():
    x, y = [[0, 0], [1, 0]], [[2, 1], [0, 1], [0, 0]]
    found = float(maximum_mean_discrepancy(np.array(x), np.array(y), RBF(1.5)))
    assert found == pytest.approx(by_pairs(np.array(x), np.array(y), rbf), abs=1e-5)


def test_draws_of_a_batch_of_one_have_no_pairs():
    x, y = (ops.convert_to_tensor(sample) for sample in samples(1, 1))
    found = float(discrepancy_of_draws(x, y, RBF(1.5)))
    assert found == pytest.approx(-2 * rbf(*(ops.convert_to_numpy(z)[0] for z in (x, y))), rel=1e-5)


X, Y = samples(4, 5)
BAD = {
    "one row": (lambda: maximum_mean_discrepancy(X[:1], Y, RBF()), "x must be .* at least 2 rows"),
    "one row of y": (lambda: maximum_mean_discrepancy(X, Y[:1], RBF()), r"y must be .*\(1, 3\)"),
    "a vector": (lambda: maximum_mean_discrepancy(X[:, 0], Y, RBF()), r"x must .* shape \(4,\)"),
    "widths": (
        lambda: maximum_mean_discrepancy(X, Y[:, :2], RBF()),
        "rows of x have 3 entries and rows of y have 2",
    ),
    "a name": (lambda: maximum_mean_discrepancy(X, Y, "rbf"), r"kernel must be .* got 'rbf'"),
    "a class": (lambda: maximum_mean_discrepancy(X, Y, RBF), r"kernel must be .* RBF\(\) or"),
    "no scale": (lambda: RBF("a"), "RBF: scale must be a finite number greater than 0, got 'a'"),
    "scale": (lambda: InverseMultiquadric(0), "InverseMultiquadric: scale must be .* got 0"),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
