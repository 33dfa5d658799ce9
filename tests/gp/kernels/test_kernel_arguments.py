"""What kernels refuse, what they do at angles of 0 and 180 degrees, and series on the sphere."""

import keras
import numpy as np
import pytest
from scipy import special

from kelbo import gp, ops
from kelbo.gp.kernels import gegenbauer

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]
X = np.arange(6.0).reshape(3, 2)


def numbers(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: k.Periodic(period=0.0), "period"),
        (lambda k: k.Periodic(period=[1.0] * 3)(X), r"shape \(3,\), but the inputs have 2 columns"),
        (lambda k: k.Hamming([1.0] * 3)(X), "one for each column"),
        (lambda k: k.SpectralMixture([1.0], [[1.0, 2.0]], [[1.0]]), r"\(Q,\), \(Q, d\)"),
        (lambda k: k.SpectralMixture([1.0], [[1.0]], [[1.0]])(X), "frequencies of 1 columns"),
        (lambda k: k.Categorical(1), "categories must be a whole number of at least 2"),
        (lambda k: k.Categorical(3, -0.5), "correlation"),
        (lambda k: k.Categorical(3)(X), "one column"),
        (lambda k: k.ArcCosine(3), "order must be 0, 1 or 2"),
        (lambda k: k.ArcCosine(bias_variance=None)(X[:, :1]), "no angles"),
        (lambda k: k.ArcCosine(weight_variances=[1.0] * 3)(X), "one for each column"),
        (lambda k: k.ZonalMatern(2.0), "smoothness must be 0.5, 1.5 or 2.5"),
        (lambda k: k.ZonalMatern(levels=0), "levels must be a whole number"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(gp.kernels)


@pytest.mark.few(1)
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_angles_of_0_and_180_degrees_have_finite_slopes(order, dtype):
    kernel = gp.kernels.ArcCosine(order, bias_variance=None)
    rows = [[1.0, 0.5, 2.0], [1.0, 0.5, 2.0], [-1.0, -0.5, -2.0], [1.0, 0.5, 2.0 + 1e-7], [0.0] * 3]
    x = keras.Variable(np.array(rows), dtype=dtype)

    def total():
        # The second matrix does not know that rows are the same.
        at = ops.convert_to_tensor(x)
        return ops.sum(kernel(at)) + ops.sum(kernel(at, ops.flip(at, axis=0)))

    def run(_):
        return ops.value_and_grad(total, [x])()

    value, (gradient,) = ops.compile(run, [x, *kernel.variables])(0.0)
    assert np.isfinite(numbers(value))
    assert np.isfinite(numbers(gradient)).all()
    matrix = numbers(kernel(np.array(rows, dtype)))
    lengths = np.linalg.norm(rows[0]) ** (2 * order)
    at_zero = {0: 1.0, 1: 1.0, 2: 3.0}[order]
    tolerance = {"float32": 1e-3, "float64": 1e-7}[dtype]
    np.testing.assert_allclose(matrix[:2, :2], at_zero * lengths, rtol=tolerance)
    np.testing.assert_allclose(matrix[0, 2], 0.0, atol=tolerance * lengths)


@pytest.mark.slow
@pytest.mark.once
def test_kernels_of_the_sphere_are_sums_of_their_levels():
    t = np.linspace(-1, 1, 9)
    for dimension in (2, 3, 6):
        sizes = gegenbauer.level_sizes(dimension, 400)
        series = gegenbauer.polynomials(t, dimension, 400)
        for order, tolerance in ((1, 1e-3), (2, 1e-5)):
            kernel = gp.kernels.ArcCosine(order, bias_variance=None)
            found = (numbers(kernel.eigenvalues(dimension, 400)) * sizes) @ series
            points = np.stack([t, np.sqrt(1 - t**2)] + [0 * t] * (dimension - 2), axis=1)
            expected = numbers(kernel(points[-1:], points))[0]
            np.testing.assert_allclose(found, expected, atol=tolerance)


# Of the kernel of order 1: by hand, from integrals of t and of the angle.
@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        (3, [0.375, 1 / 6, 0.0234375, 0, 6.51042e-4]),
        (5, [0.3515625, 0.1, 0.00976563, 0, 1.52588e-4]),
    ],
)
def test_the_first_eigenvalues_of_the_arc_cosine_kernel(dimension, expected):
    found = numbers(gp.kernels.ArcCosine(1).eigenvalues(dimension, 5))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-15)


@pytest.mark.slow
@pytest.mark.once
def test_the_formula_of_funk_and_hecke_agrees_with_closed_forms():
    for dimension in (2, 3, 4, 10, 31):
        for power in (0, 1, 2):
            step = lambda t, p=power: np.where(t > 0, t**p, 0.0)  # noqa: E731
            found = gegenbauer.coefficients(step, dimension, 20)
            expected = gegenbauer.step_power_coefficients(power, dimension, 20)
            np.testing.assert_allclose(found, expected, atol=3e-14)
        for order in (0, 1, 2):
            kernel = gp.kernels.ArcCosine(order)

            def of_cosine(t, kernel=kernel):
                return numbers(kernel.correlation(ops.convert_to_tensor(2 - 2 * t), 3))

            found = gegenbauer.coefficients(of_cosine, dimension, 20)
            expected = numbers(kernel.eigenvalues(dimension, 20))
            np.testing.assert_allclose(found, expected, atol=1e-8 if order == 0 else 3e-14)


def test_series_are_those_of_scipy():
    t, sizes = np.linspace(-1, 1, 7), np.array([0.3, -1.0, 0.5, 0.0, 2.0, 0.7])
    for dimension in (2, 3, 7):
        found = numbers(gegenbauer.series(*map(ops.convert_to_tensor, (t, sizes)), dimension))
        if dimension == 2:
            each = [special.eval_chebyt(n, t) for n in range(6)]
        else:
            alpha = dimension / 2 - 1
            each = [
                special.eval_gegenbauer(n, alpha, t) / special.eval_gegenbauer(n, alpha, 1.0)
                for n in range(6)
            ]
        np.testing.assert_allclose(found, sizes @ each, atol=1e-14)
        assert [gegenbauer.harmonics_of_level(n, 2) for n in range(4)] == [1, 2, 2, 2]
