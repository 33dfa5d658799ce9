"""The gamma family: bad parameters, ends of the supports, small and large concentrations."""

import keras
import numpy as np
import pytest
from scipy import stats

from kelbo import ops
from kelbo.distributions import (
    Beta,
    Dirichlet,
    Gamma,
    InverseGamma,
    MultivariateStudentT,
    Normal,
    StudentT,
    VonMises,
)

from ..refusals import refuses_arguments, refuses_values

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

INFINITY = float("inf")


def numbers(x):
    return ops.convert_to_numpy(x)


_EYE = np.eye(2)
BAD_VALUES = {
    "gamma concentration": (
        lambda **k: Gamma([1.0, -2.0], rate=1.0, **k),
        "Gamma: concentration must be greater than 0 and finite, .* ranges from -2 to 1",
    ),
    "gamma rate": (lambda **k: Gamma(1.0, rate=0.0, **k), "Gamma: rate must be greater .* is 0"),
    "gamma log rate": (
        lambda **k: Gamma(1.0, log_rate=np.inf, **k),
        "Gamma: log_rate must be a finite real number, .* is inf",
    ),
    "inverse gamma scale": (
        lambda **k: InverseGamma(1.0, -1.0, **k),
        "InverseGamma: scale must be greater than 0 and finite, .* is -1",
    ),
    "beta": (
        lambda **k: Beta(1.0, [0.0, 2.0], **k),
        "Beta: concentration0 must be greater than 0 and finite, .* ranges from 0 to 2",
    ),
    "student t df": (lambda **k: StudentT(0.0, 0.0, 1.0, **k), "StudentT: df must be greater"),
    "student t scale": (
        lambda **k: StudentT(1.0, 0.0, -3.0, **k),
        "StudentT: scale must be greater than 0 and finite, .* is -3",
    ),
    "dirichlet": (
        lambda **k: Dirichlet([1.0, 0.0, np.nan], **k),
        "Dirichlet: concentration must be a vector of numbers greater than 0 .* 1 NaN of 3",
    ),
    "multivariate student t df": (
        lambda **k: MultivariateStudentT(-1.0, [0.0, 0.0], _EYE, **k),
        "MultivariateStudentT: df must be greater than 0 and finite, .* is -1",
    ),
    "multivariate student t scale": (
        lambda **k: MultivariateStudentT(1.0, [0.0, 0.0], -_EYE, **k),
        "MultivariateStudentT: scale_tril must be a lower-triangular matrix with a positive",
    ),
    "von mises": (
        lambda **k: VonMises(0.0, -1e-3, **k),
        "VonMises: concentration must be at least 0 and finite, .* is -0.001",
    ),
}


test_bad_values_are_named = refuses_values(BAD_VALUES)


BAD_ARGUMENTS = {
    "no rate": (lambda: Gamma(1.0), "Gamma: give exactly one of rate and log_rate; got none"),
    "two rates": (
        lambda: Gamma(1.0, rate=1.0, log_rate=0.0),
        "Gamma: give exactly one of rate and log_rate; got rate and log_rate",
    ),
    "shapes": (
        lambda: Beta(np.ones(3), np.ones(2)),
        "Beta: the shapes of the parameters do not broadcast: concentration1 (3,), .* (2,)",
    ),
    "number for a vector": (
        lambda: Dirichlet(1.0),
        "Dirichlet: concentration has the shape (); it must be a vector",
    ),
    "one entry": (
        lambda: Dirichlet([[1.0], [2.0]]),
        "Dirichlet: concentration must have at least 2 entries, got the shape (2, 1)",
    ),
    "sizes": (
        lambda: MultivariateStudentT(1.0, np.zeros((5, 3)), _EYE),
        "MultivariateStudentT: loc has 3 entries, in the shape (5, 3), but scale_tril is 2 x 2",
    ),
    "batches": (
        lambda: MultivariateStudentT(np.ones(3), np.zeros((5, 2)), _EYE),
        "MultivariateStudentT: the shapes of the parameters do not broadcast: df (3,), loc (5, 2)",
    ),
}


test_bad_arguments_are_named = refuses_arguments(BAD_ARGUMENTS)


@pytest.mark.slow
def test_densities_at_the_ends_and_outside_of_the_support():
    gamma = numbers(Gamma([0.5, 1.0, 2.0], rate=4.0).log_prob([[0.0] * 3, [-1.0] * 3]))
    np.testing.assert_allclose(gamma, [[INFINITY, np.log(4.0), -INFINITY], [-INFINITY] * 3])
    inverse = numbers(InverseGamma([0.5, 2.0], 4.0).log_prob([[0.0] * 2, [1e-38] * 2, [-1.0] * 2]))
    assert np.isneginf(inverse).all()
    beta = numbers(Beta([0.5, 1.0, 2.0], 1.0).log_prob([[0.0] * 3, [-0.1] * 3, [1.1] * 3]))
    np.testing.assert_allclose(beta, [[INFINITY, 0.0, -INFINITY], [-INFINITY] * 3, [-INFINITY] * 3])
    beta = numbers(Beta(1.0, [0.5, 1.0, 2.0]).log_prob(1.0))
    np.testing.assert_allclose(beta, [INFINITY, 0.0, -INFINITY])
    dirichlet = Dirichlet([1.0, 1.0, 1.0])
    values = [[0.0, 0.5, 0.5], [-0.5, 1.0, 0.5]]
    expected = [np.log(2.0), -INFINITY]
    np.testing.assert_allclose(numbers(dirichlet.log_prob(values)), expected, rtol=2e-6)
    for d in (
        Gamma(2.0, rate=1.0),
        InverseGamma(2.0, 1.0),
        Beta(2.0, 3.0),
        StudentT(2.0, 0.0, 1.0),
    ):
        assert np.isnan(float(d.log_prob(np.nan)))


def test_gradients_at_the_ends_of_the_support_are_finite():
    x = keras.Variable([0.0, 1.0])

    def total():
        ends = Beta(1.0, 1.0).log_prob(x) + Gamma(1.0, rate=3.0).log_prob(x)
        return ops.sum(ends) + Dirichlet([1.0, 1.0]).log_prob(x)

    _, (slope,) = ops.compile(ops.value_and_grad(total, [x]), [x])()
    np.testing.assert_allclose(numbers(slope), [-3.0, -3.0], atol=1e-6)


# Where the density vanishes at an end: the distribution and the end.
VANISHING = {
    "gamma": (lambda a, b: Gamma(a, b), 0.0),
    "beta at 0": (lambda a, b: Beta(a, b), 0.0),
    "beta at 1": (lambda a, b: Beta(a, b), 1.0),
    "inverse gamma": (lambda a, b: InverseGamma(a, b), 0.0),
    "dirichlet": (lambda a, b: Dirichlet(ops.stack([a + 0.0, b + 0.0])), [0.0, 1.0]),
}


@pytest.mark.parametrize(("make", "end"), VANISHING.values(), ids=VANISHING)
@pytest.mark.few(2)
def test_gradients_are_finite_where_the_density_vanishes(make, end):
    values = [keras.Variable(v, dtype="float32") for v in (end, 2.0, 3.0)]
    score = ops.value_and_grad(lambda: make(values[1], values[2]).log_prob(values[0]), values)
    result, gradients = score()
    assert float(result) == -INFINITY
    assert all(np.isfinite(numbers(gradient)).all() for gradient in gradients)


@pytest.mark.slow
def test_small_concentrations_draw_no_nan_and_have_finite_gradients(dtype):
    small = keras.Variable([1e-6, 1e-3, 0.1], dtype=dtype)

    def total():
        families = [
            Gamma(small, rate=2.0),
            InverseGamma(small, 2.0),
            Beta(small, small),
            Beta(small, 3.0),
            StudentT(small, 0.0, 1.0),
            Dirichlet(ops.stack([small, small], axis=-1)),
            MultivariateStudentT(small, [0.0, 1.0], _EYE),
        ]
        draws = [d.sample((500,), seed=i) for i, d in enumerate(families)]
        scores = [d.log_prob(x) for d, x in zip(families, draws, strict=True)]
        assert all(keras.backend.standardize_dtype(x.dtype) == dtype for x in draws)
        inside = [ops.all(d.support.contains(x)) for d, x in zip(families, draws, strict=True)]
        # What would overflow in the sum is finite by itself.
        return sum(ops.sum(ops.tanh(x)) for x in draws), (draws, scores, inside)

    (_, (draws, scores, inside)), (slope,) = ops.compile(
        ops.value_and_grad(total, [small], has_aux=True), [small]
    )()
    assert all(bool(x) for x in inside)
    for x in [*draws, *scores]:
        assert np.isfinite(numbers(x)).all()
    assert np.isfinite(numbers(slope)).all()


@pytest.mark.slow
def test_student_t_of_many_degrees_of_freedom_is_normal():
    df, x = 1e12, np.array([-30.0, -4.0, 0.0, 0.1, 5.0], "float32")
    t, normal = StudentT(df, 0.5, 2.0), Normal(0.5, 2.0)
    for name, near in (("log_prob", 1e-6), ("cdf", 1e-5)):
        actual, expected = (numbers(getattr(d, name)(x)) for d in (t, normal))
        np.testing.assert_allclose(actual, expected, rtol=near)
    for name in ("mean", "variance", "entropy"):
        assert float(getattr(t, name)()) == pytest.approx(float(getattr(normal, name)()), rel=1e-6)
    vector = MultivariateStudentT(df, [0.5], [[2.0]])
    np.testing.assert_allclose(numbers(vector.log_prob(x[:, None])), numbers(t.log_prob(x)))


def test_multivariate_student_t_far_out_and_its_covariance():
    d = MultivariateStudentT(3.0, [0.0, 0.0], [[1.0, 0.0], [0.5, 2.0]])
    expected = stats.multivariate_t([0.0, 0.0], numbers(d.covariance()) / 3.0, 3.0)
    for x in ([1.0, -2.0], [1e5, 3e5], [1e15, -2e15]):
        assert float(d.log_prob(x)) == pytest.approx(expected.logpdf(x), rel=1e-5)
    far = float(d.log_prob([1e30, 0.0]))
    assert far == pytest.approx(float(d.log_prob([1e15, 0.0])) - 5.0 * np.log(1e15), rel=1e-5)
    infinite = numbers(MultivariateStudentT(2.0, [0.0, 0.0], _EYE).covariance())
    np.testing.assert_array_equal(infinite, np.where(_EYE == 1, INFINITY, 0.0))


def test_dirichlet_covariance_and_its_marginals():
    a = np.array([0.5, 2.0, 4.0])
    d = Dirichlet(a)
    covariance = numbers(d.covariance())
    np.testing.assert_allclose(covariance, stats.dirichlet(a).cov(), rtol=1e-5)
    np.testing.assert_allclose(np.diag(covariance), numbers(d.variance()), rtol=1e-5)


def test_angles_are_periodic_and_draws_stay_on_the_circle():
    d = VonMises([0.4, 40.0], [3.0, 1e6])
    x = np.array([-2.0, 1.0], "float32")
    ends = np.array([[-np.pi] * 2, [np.pi] * 2])

    def found():
        turned = d.log_prob(x + 2.0 * np.pi)
        return turned, d.log_prob(x), d.sample((1000,), seed=1), d.cdf(ends)

    turned, here, draws, shares = map(numbers, ops.compile(found)())
    np.testing.assert_allclose(turned, here, rtol=1e-5)
    assert (np.abs(draws) <= np.float32(np.pi)).all()
    away = np.angle(np.exp(1j * (draws[:, 1] - 40.0)))
    assert away.std() == pytest.approx(1e-3, rel=0.1)
    np.testing.assert_allclose(shares, [[0.0, 0.0], [1.0, 1.0]], atol=1e-6)


@pytest.mark.slow
def test_quantiles_at_0_and_1_are_the_ends():
    families = {
        Gamma(2.0, rate=3.0): [0.0, INFINITY],
        InverseGamma(2.0, 3.0): [0.0, INFINITY],
        Beta(2.0, 3.0): [0.0, 1.0],
        StudentT(2.0, 0.0, 3.0): [-INFINITY, INFINITY],
        VonMises(0.0, 3.0): [-np.pi, np.pi],
    }
    ends = ops.convert_to_tensor([0.0, 1.0])
    quantiles = ops.compile(lambda p: [d.quantile(p) for d in families])(ends)
    for actual, expected in zip(quantiles, families.values(), strict=True):
        np.testing.assert_allclose(numbers(actual), expected, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation", "in_a_graph")  # loops in loops
def test_gradients_of_distribution_functions_and_quantiles_by_parameters(float64):
    """Against SciPy's, by central differences."""
    families = {
        Gamma: ((2.5, 1.5), lambda a, r: stats.gamma(a, scale=1.0 / r)),
        Beta: ((2.5, 1.5), stats.beta),
        StudentT: ((3.5, 0.5, 1.5), stats.t),
    }
    for family, (parameters, reference) in families.items():
        variables = [keras.Variable(value, dtype="float64") for value in parameters]

        def both(family=family, variables=variables):
            d = family(*variables, dtype="float64")
            return d.cdf(0.3) + 0.1 * d.quantile(0.7)

        _, slopes = ops.compile(ops.value_and_grad(both, variables), variables)()
        for i, slope in enumerate(slopes):

            def moved(step, i=i, parameters=parameters, reference=reference):
                d = reference(*(p + step * (i == j) for j, p in enumerate(parameters)))
                return d.cdf(0.3) + 0.1 * d.ppf(0.7)

            expected = (moved(1e-5) - moved(-1e-5)) / 2e-5
            assert float(slope) == pytest.approx(expected, rel=2e-3), (family, i)
