"""Directions: bad parameters, extreme concentrations, where draws lie, derivatives of draws."""

import keras
import mpmath
import numpy as np
import pytest
from scipy import stats

from kelbo import bijectors, ops
from kelbo.distributions import Expanded, SphericalUniform, VonMises, VonMisesFisher, constraints
from kelbo.ops.random.von_mises_fisher import angles

from ..refusals import refuses_arguments, refuses_values

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


BAD_VALUES = {
    "length": (
        lambda **k: VonMisesFisher([[1.0, 0.0], [2.0, 0.0]], 1.0, **k),
        "VonMisesFisher: mean_direction must be a vector of length 1, .* its length ranges from 1 "
        "to 2",
    ),
    "concentration": (
        lambda **k: VonMisesFisher([1.0, 0.0], -1.0, **k),
        "VonMisesFisher: concentration must be at least 0 and finite, .* is -1",
    ),
}


test_bad_values_are_named = refuses_values(BAD_VALUES)


BAD_ARGUMENTS = {
    "number": (
        lambda: VonMisesFisher(1.0, 1.0),
        "VonMisesFisher: mean_direction has the shape (); it must be a vector",
    ),
    "one entry": (
        lambda: VonMisesFisher([[1.0]], 1.0),
        "VonMisesFisher: mean_direction must have at least 2 entries, got the shape (1, 1)",
    ),
    "shapes": (
        lambda: VonMisesFisher(np.eye(3), np.ones(2)),
        "VonMisesFisher: the shapes of the parameters do not broadcast: mean_direction (3, 3), "
        "concentration (2,)",
    ),
    "dimension": (
        lambda: SphericalUniform(1),
        "SphericalUniform: dimension must be a whole number of at least 2, got 1",
    ),
    "no bijector": (
        lambda: bijectors.onto(constraints.unit_vector),
        "onto: the vectors of length 1 are a sphere",
    ),
}


test_bad_arguments_are_named = refuses_arguments(BAD_ARGUMENTS)


def test_unit_vectors():
    vectors = [[0.6, 0.8], [0.6, 0.81], [0.0, 0.0], [np.nan, 1.0]]
    contained = numbers(constraints.unit_vector.contains(np.array(vectors, "float32")))
    assert contained.tolist() == [True, False, False, False]


def test_on_the_circle_it_is_the_von_mises_distribution():
    loc, k, x = 0.7, np.array([0.0, 0.4, 30.0], "float32"), np.array([[-3.0], [0.5]], "float32")
    circle = VonMises(loc, k)
    d = VonMisesFisher([np.cos(loc), np.sin(loc)], k)
    at = np.stack([np.cos(x), np.sin(x)], axis=-1)
    np.testing.assert_allclose(
        numbers(d.log_prob(at)), numbers(circle.log_prob(x)), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(numbers(d.entropy()), numbers(circle.entropy()), rtol=5e-5)


DIMENSIONS = [2, 3, 20]


@pytest.mark.parametrize("size", DIMENSIONS)
@pytest.mark.few(1)
def test_draws_of_any_concentration(size):
    """The cosine to the mean direction follows its density, in the direction opposite to an axis
    and in one that is almost an axis.
    """
    mean_directions = np.eye(size)[[0, 0, 1]] * [[-1.0], [1.0], [1.0]]
    k = np.array([[0.0], [0.7], [30.0], [1e6]], "float32")
    d = VonMisesFisher(mean_directions.astype("float32"), k)
    draw = ops.compile(lambda seed: d.sample((1500,), seed=ops.SeedSequence(seed)))
    x = numbers(draw(3)).astype("float64")
    assert x.shape == (1500, 4, 3, size)
    np.testing.assert_allclose(np.linalg.norm(x, axis=-1), 1.0, rtol=1e-6)
    squared = 0.25 * np.sum((x - mean_directions) ** 2, axis=-1)  # of the sine of half the angle
    grid = np.linspace(0.0, np.pi, 100_001)
    for i, concentration in enumerate(k[:, 0].astype("float64")):
        half = np.sin(0.5 * grid) ** 2
        masses = np.exp(-2.0 * concentration * half) * np.sin(grid) ** (size - 2)
        below = np.cumsum(0.5 * (masses[1:] + masses[:-1]))
        below = np.concatenate([[0.0], below / below[-1]])
        for column in squared[:, i].T:
            ranks = np.interp(column, half, below)
            assert stats.kstest(ranks, "uniform").pvalue > 1e-4
    # Around the mean direction no side is preferred.
    across = x[:, 2, 0, 1:]
    assert np.abs(across.mean(0) / (across.std(0) / np.sqrt(1500))).max() < 4.5


def exact_slope(size, concentration, angle):
    """The derivative of the angle at a fixed probability, by quadrature in 30 digits."""
    with mpmath.workdps(30):
        k, angle, order = mpmath.mpf(concentration), mpmath.mpf(angle), mpmath.mpf(size) / 2 - 1
        mean = mpmath.besseli(order + 1, k) / mpmath.besseli(order, k) if k else mpmath.mpf(0)

        def integrand(u):
            fall = mpmath.exp(k * (mpmath.cos(u) - mpmath.cos(angle)))
            return (mpmath.cos(u) - mean) * fall * (mpmath.sin(u) / mpmath.sin(angle)) ** (size - 2)

        steps = [angle + j / mpmath.sqrt(k + size) for j in (0, 0.5, 1, 2, 4, 8, 16, 32)]
        return float(mpmath.quad(integrand, [u for u in steps if u < mpmath.pi] + [mpmath.pi]))


@pytest.mark.parametrize(("size", "concentration"), [(2, 0.3), (3, 5.0), (4, 0.0), (30, 200.0)])
@pytest.mark.few(1)
def test_derivatives_of_draws_by_the_concentration(size, concentration, dtype):
    k = keras.Variable(np.full(8, concentration), dtype=dtype)

    def draw():
        angle = angles((8,), ops.convert_to_tensor(k), size, ops.SeedSequence(5))
        return ops.sum(angle), angle

    (_, angle), (slope,) = ops.compile(ops.value_and_grad(draw, [k], has_aux=True), [k])()
    expected = [exact_slope(size, concentration, float(a)) for a in numbers(angle)]
    near = {"float32": 3e-5, "float64": 1e-11}[dtype]
    np.testing.assert_allclose(numbers(slope), expected, rtol=near, atol=0.1 * near)


@pytest.mark.slow
def test_nan_and_vanishing_gradients():
    # Rejection does not wait for what is never accepted.
    x = numbers(VonMises(0.0, [1.0, np.nan], validate=False).sample((3,), seed=0))
    assert np.isfinite(x[:, 0]).all()
    assert np.isnan(x[:, 1]).all()
    d = VonMisesFisher([0.0, 1.0], [1.0, np.nan], validate=False)
    x = numbers(d.sample((3,), seed=0))
    assert np.isfinite(x[:, 0]).all()
    assert np.isnan(x[:, 1]).all()
    for distribution in (VonMisesFisher([0.0, 1.0], 1.0), SphericalUniform(2)):
        assert np.isnan(float(distribution.log_prob([np.nan, 1.0])))


def test_uniform_directions_have_the_batch_that_is_given_to_them():
    d = Expanded(SphericalUniform(3), (4, 2))
    assert d.sample((5,), seed=0).shape == (5, 4, 2, 3)
    assert d[1].batch_shape == (2,)
    assert d[1, None].event_shape == (3,)
    assert SphericalUniform(3)[None].sample(seed=0).shape == (1, 3)
