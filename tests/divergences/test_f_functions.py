"""Convex functions and their divergences: against mpmath, quadrature and the definitions."""

import inspect
import json
from functools import partial

import keras
import mpmath
import numpy as np
import pytest
from scipy import stats

from kelbo import ops
from kelbo.distributions import Normal, kl_divergence
from kelbo.divergences import Divergence, FDivergence, Jeffreys, dual_bound, f

from ..precision import float64

__all__ = ["float64"]

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

log, sqrt = mpmath.log, mpmath.sqrt


def power(t, u):
    return (-1 if 0 < t < 1 else 1) * (u ** mpmath.mpf(t) - 1)


def amari(alpha, u):
    if alpha in (0, 1):
        return u - 1 - log(u) if alpha == 0 else u * log(u) - u + 1
    alpha = mpmath.mpf(alpha)
    return (u**alpha - 1 - alpha * (u - 1)) / (alpha * (alpha - 1))


# Each with its definition for mpmath.
TABLE = [
    (f.TotalVariation(), lambda u: abs(u - 1) / 2),
    (f.KLForward(), lambda u: u * log(u)),
    (f.KLReverse(), lambda u: -log(u)),
    (f.Jeffreys(), lambda u: (u - 1) * log(u) / 2),
    (f.JensenShannon(), lambda u: u * log(u) - (1 + u) * log((1 + u) / 2)),
    (f.ArithmeticGeometric(), lambda u: (1 + u) * log((1 + u) / (2 * sqrt(u)))),
    (f.Pearson(), lambda u: (u - 1) ** 2),
    (f.ChiSquare(), lambda u: u**2 - 1),
    (f.SquaredHellinger(), lambda u: (sqrt(u) - 1) ** 2),
    (f.Triangular(), lambda u: (u - 1) ** 2 / (1 + u)),
    (f.Log1pAbs(), lambda u: max(u, 1 / u) - 1),
    (f.ModifiedGAN(), lambda u: log((1 + u) / (2 * u))),
    *((f.TPower(t), partial(power, t)) for t in (1.5, 0.5, -0.5)),
    *((f.Amari(a), partial(amari, a)) for a in (-1, 0, 1e-6, 0.3, 0.7, 1 - 1e-6, 1, 1.5)),
]
BASIC = [function for function, _ in TABLE]
DERIVED = [
    derived
    for g, h in TABLE
    for derived in (
        (g.dual(), lambda u, h=h: u * h(1 / u)),
        (g.symmetrized(), lambda u, h=h: (h(u) + u * h(1 / u)) / 2),
        (g.self_normalized(), lambda u, g=g, h=h: h(u) - g.slope_at_one * (u - 1)),
    )
]
FEWER = [g for g in BASIC if not (isinstance(g, f.Amari) and g.alpha not in (0.3, 1.0, 1.5))]
WITH_CONJUGATE = [g for g in FEWER if not isinstance(g, f.ArithmeticGeometric)]

LOGS = [-80, -43, -19, -6, -1.3, -0.4, -0.02, -1e-3, 1e-3, 0.02, 0.4, 1.3, 6, 19, 43, 80]
LOGS = np.array(LOGS, "float32")
RATIOS = np.array([1e-3, 0.2, 0.7, 1.1, 2.0, 30.0])
Q, P = stats.norm(0.0, 1.0), stats.norm(0.4, 0.9)


def numbers(x):
    return ops.convert_to_numpy(x).astype("float64")


def tensor(x, dtype="float32"):
    return ops.convert_to_tensor(np.asarray(x, dtype), dtype)


def in_log_space(function, logs):
    """Value, slope and curvature."""
    methods = (function.of_log, function.slope, function.curvature)
    return np.stack([numbers(method(tensor(logs))) for method in methods])


def exactly(definition, logs):
    """The same by mpmath."""
    with mpmath.workdps(90):

        def of_log(log_u):
            return definition(mpmath.exp(log_u))

        logs = [mpmath.mpf(float(log_u)) for log_u in logs]
        rows = [[mpmath.diff(of_log, log_u, order) for order in range(3)] for log_u in logs]
        return np.array(rows, "float64").T


def by_quadrature(definition, q=Q, p=P):
    """The mean and the standard deviation of f(p / q) under q."""
    # Where the densities cross, f may have a kink.
    squares = 0.5 / q.var() - 0.5 / p.var()
    slope = p.mean() / p.var() - q.mean() / q.var()
    level = 0.5 * (q.mean() ** 2 / q.var() - p.mean() ** 2 / p.var()) + np.log(q.std() / p.std())
    ends = np.sort([-8.0, *np.roots([squares, slope, level]), 8.0])
    nodes, weights = np.polynomial.legendre.leggauss(60)
    x = (ends[:-1, None] + ends[1:, None]) / 2 + np.diff(ends)[:, None] / 2 * nodes
    mass = (np.diff(ends)[:, None] / 2 * weights * q.pdf(x)).ravel()
    ratios = np.exp(p.logpdf(x) - q.logpdf(x)).ravel()
    values = np.array([float(definition(mpmath.mpf(u))) for u in ratios])
    mean = mass @ values
    return mean, np.sqrt(mass @ values**2 - mean**2)


def assert_right(function, definition, is_sum):
    exact = exactly(definition, LOGS)
    exact[np.abs(exact) > np.finfo("float32").max] *= np.inf
    result, finite = in_log_space(function, LOGS), np.isfinite(exact)
    np.testing.assert_array_equal(result[~finite], exact[~finite])
    result, exact = np.where(finite, result, 0.0), np.where(finite, exact, 0.0)
    scale = np.max(np.abs(exact), axis=0) if is_sum else np.abs(exact)
    # About u = 1 the values vanish, and a difference of two numbers near 1 has few digits.
    few_digits = is_sum | (np.abs(LOGS) < 0.3)
    assert (np.abs(result - exact) <= 1e-5 * scale + np.where(few_digits, 2e-7, 1e-37)).all()


@pytest.mark.parametrize(("function", "definition"), TABLE, ids=[repr(f) for f, _ in TABLE])
def test_log_space_against_mpmath(function, definition):
    assert_right(function, definition, is_sum=False)


def test_log_space_of_derived_functions_against_mpmath():
    for function, definition in DERIVED:
        assert_right(function, definition, is_sum=True)


def test_zero_at_one_and_the_slope_there():
    one, zero = tensor(1.0), tensor(0.0)
    for g in (*BASIC, *(derived for derived, _ in DERIVED)):
        assert float(g(one)) == float(g.of_log(zero)) == 0.0
        assert float(g.derivative(one)) == pytest.approx(g.slope_at_one, abs=1e-6)
        assert float(g.slope(zero)) == pytest.approx(g.slope_at_one, abs=1e-6)
    for g in BASIC:
        assert g.self_normalized().slope_at_one == g.symmetrized().slope_at_one == 0.0
        assert g.is_smooth == g.dual().is_smooth == g.symmetrized().is_smooth
        assert g.is_smooth != isinstance(g, f.TotalVariation | f.Log1pAbs)


@pytest.mark.usefixtures("float64")
def test_derivatives_against_finite_differences_and_convexity():
    derived = (f.Dual(f.Pearson()), f.Pearson().symmetrized(), f.Tilted(f.Jeffreys(), 2.0))
    for function in (*FEWER, *derived):
        u, step = RATIOS, 1e-5 * RATIOS

        def at(x, method, function=function):
            result = getattr(function, method)(tensor(x, "float64"))
            assert "float64" in str(result.dtype)
            return numbers(result)

        for method, derivative in (("__call__", "derivative"), ("derivative", "second_derivative")):
            slope = (at(u + step, method) - at(u - step, method)) / (2 * step)
            exact = at(u, derivative)
            np.testing.assert_allclose(slope, exact, rtol=1e-6, atol=1e-6, err_msg=repr(function))
        assert (at(u, "second_derivative") >= 0).all()
        chord = 0.5 * (at(0.3 * u, "__call__") + at(1.7 * u, "__call__"))
        assert (at(u, "__call__") <= chord + 1e-12).all()
        np.testing.assert_allclose(at(np.log(u), "of_log"), at(u, "__call__"), rtol=1e-8, atol=1e-9)


def gradients(functions, rows):
    """Of each function at its row, where the result is finite."""
    variable = keras.Variable(np.asarray(rows, "float32"))

    def total():
        results = [g(row) for g, row in zip(functions, variable.value, strict=True)]
        results = ops.stack(results)
        return ops.sum(ops.where(ops.isfinite(results), results, 0.0))

    _, (gradient,) = ops.compile(ops.value_and_grad(total, [variable]), [variable])()
    return numbers(gradient)


def test_gradients_of_the_value_and_of_the_slope_are_slope_and_curvature():
    functions = (*FEWER, f.Dual(f.ModifiedGAN()), f.ModifiedGAN().symmetrized())
    rows = [LOGS[1:-1]] * len(functions)
    slopes = gradients([function.of_log for function in functions], rows)
    curvatures = gradients([function.slope for function in functions], rows)
    for function, *result in zip(functions, slopes, curvatures, strict=True):
        exact = in_log_space(function, LOGS)[1:, 1:-1]
        np.testing.assert_allclose(result, exact, rtol=1e-4, atol=1e-6, err_msg=repr(function))


def test_a_vanishing_weight():
    limits = {f.KLForward(): 0.0, f.JensenShannon(): np.log(2), f.KLReverse(): np.inf}
    limits |= {f.TotalVariation(): 0.5, f.Pearson(): 1.0, f.Amari(1.0): 1.0, f.Amari(-1.0): np.inf}
    for function, limit in limits.items():
        assert float(function.of_log(tensor(-np.inf))) == pytest.approx(limit)
        assert not np.isnan(numbers(function.slope(tensor(-np.inf))))


@pytest.mark.usefixtures("float64")
def test_conjugates_are_the_supremum():
    functions = (*WITH_CONJUGATE, f.Pearson().dual(), f.KLReverse().self_normalized())
    logs = np.linspace(-14.0, 14.0, 28_001)
    outside = tensor([-7.0, -0.7, 0.3, 0.9, 1.7], "float64")

    def compute(logs, u):
        slopes = [ops.concatenate([g.derivative(u), outside]) for g in functions]
        conjugates = [g.conjugate(t) for g, t in zip(functions, slopes, strict=True)]
        return [ops.stack(x) for x in ([g.of_log(logs) for g in functions], slopes, conjugates)]

    u = tensor([0.1, 0.5, 0.9, 1.2, 5.0], "float64")
    rows = map(numbers, ops.compile(compute)(tensor(logs, "float64"), u))
    for function, values, slopes, conjugates in zip(functions, *rows, strict=True):
        assert np.isfinite(conjugates[:5]).all()
        for slope, conjugate in zip(slopes, conjugates, strict=True):
            line = slope * np.exp(logs) - values
            if np.isfinite(conjugate):
                assert np.max(line) == pytest.approx(conjugate, rel=1e-5, abs=1e-5), function
            else:
                assert line[-1] > line[14_000] + 4, (function, slope)


def test_gradients_of_conjugates_are_the_ratio_and_finite_everywhere():
    u = np.array([0.2, 0.8, 1.5, 4.0], "float32")
    found = ops.compile(lambda u: [g.derivative(u) for g in WITH_CONJUGATE])(tensor(u))
    slopes = [np.append(numbers(slope), [-20.0, 20.0]) for slope in found]
    result = gradients([function.conjugate for function in WITH_CONJUGATE], slopes)
    assert np.isfinite(result).all()
    smooth = [function.is_smooth for function in WITH_CONJUGATE]
    np.testing.assert_allclose(result[smooth, :4], np.tile(u, (sum(smooth), 1)), rtol=2e-3)


def test_a_conjugate_without_a_closed_form_says_so():
    for function in (f.ArithmeticGeometric(), f.ModifiedGAN().dual()):
        with pytest.raises(NotImplementedError, match=r"no convex conjugate in closed form"):
            function.conjugate(tensor(0.0))


def test_duals_and_means_that_are_known_by_name():
    assert isinstance(f.KLForward().dual(), f.KLReverse)
    assert isinstance(f.KLReverse().dual(), f.KLForward)
    assert isinstance(f.KLReverse().symmetrized(), f.Jeffreys)
    assert f.Amari(0.3).dual().alpha == pytest.approx(0.7)
    pearson, again = f.Pearson(), f.Pearson().dual().dual()
    np.testing.assert_allclose(
        in_log_space(again, LOGS), in_log_space(pearson, LOGS), rtol=1e-5, atol=1e-6
    )
    amari = f.Amari(0.5)
    u = tensor(RATIOS)
    np.testing.assert_allclose(numbers(amari(u)), 2 * numbers(f.SquaredHellinger()(u)), rtol=1e-5)
    assert f.KLForward().self_normalized().self_normalized().self_normalized().get_config() == (
        f.KLForward().self_normalized().get_config()
    )


def test_quadrature_agrees_with_closed_forms():
    q, p = Normal(0.0, 1.0), Normal(0.4, 0.9)
    definitions = {type(function): definition for function, definition in TABLE}
    values = {cls: by_quadrature(definition)[0] for cls, definition in definitions.items()}
    assert values[f.KLForward] == pytest.approx(float(kl_divergence(p, q)), rel=1e-5)
    assert values[f.KLReverse] == pytest.approx(float(kl_divergence(q, p)), rel=1e-5)
    assert values[f.Jeffreys] == pytest.approx(0.5 * float(Jeffreys()(p, q)), rel=1e-5)
    affinity = np.sqrt(2 * 0.9 / 1.81) * np.exp(-(0.4**2) / (4 * 1.81))
    assert values[f.SquaredHellinger] == pytest.approx(2 - 2 * affinity)
    assert values[f.Pearson] == pytest.approx(values[f.ChiSquare])


@pytest.mark.parametrize(("function", "definition"), TABLE, ids=[repr(f) for f, _ in TABLE])
@pytest.mark.few(5)
def test_estimates_against_quadrature(function, definition):
    samples = 20_000
    q, p = Normal(0.0, 1.0), Normal(0.4, 0.9)
    forward, deviation = by_quadrature(definition)
    estimate = float(FDivergence(function, samples)(q, p, seed=1))
    assert forward > 0
    assert abs(estimate - forward) < 4 * deviation / samples**0.5
    # The dual's is that of the arguments swapped; the self-normalised one's is the same.
    swapped, _ = by_quadrature(definition, P, Q)
    dual, deviation = by_quadrature(lambda u: u * definition(1 / u))
    assert dual == pytest.approx(swapped, rel=1e-6)
    estimate = float(FDivergence(function.dual(), samples)(q, p, seed=1))
    assert abs(estimate - dual) < 4 * deviation / samples**0.5
    normalized, deviation = by_quadrature(lambda u: definition(u) - function.slope_at_one * (u - 1))
    assert normalized == pytest.approx(forward, rel=1e-6)
    estimate = float(FDivergence(function.self_normalized(), samples)(q, p, seed=2))
    assert abs(estimate - forward) < 4 * deviation / samples**0.5


def test_estimates_broadcast_batches_and_the_seed_decides():
    q, p = Normal([0.0, 1.0], 1.0), Normal([[0.0], [1.0], [2.0]], [[1.0], [1.0], [2.0]])
    divergence = FDivergence(f.JensenShannon(), 500)
    first = numbers(divergence(q, p, seed=0))
    assert first.shape == (3, 2)
    np.testing.assert_allclose([first[0, 0], first[1, 1]], 0.0, atol=1e-6)
    np.testing.assert_array_equal(first, numbers(divergence(q, p, seed=0)))
    assert (first[2] != numbers(divergence(q, p, seed=1))[2]).all()
    with pytest.raises(ValueError, match="shape"):
        divergence(q, Normal.standard((2,)), seed=0)


def test_the_gradient_of_an_estimate_where_draws_are_reparameterized():
    loc = keras.Variable(0.7)

    def estimate():
        return FDivergence(f.Jeffreys(), 20_000)(Normal(loc, 1.0), Normal(0.0, 1.0), seed=0)

    _, (gradient,) = ops.compile(ops.value_and_grad(estimate, [loc]), [loc])()
    assert float(gradient) == pytest.approx(0.7, abs=0.05)  # d/dm of m^2 / 2


def test_the_dual_bound_is_tight_at_the_ratio_and_lower_elsewhere():
    # Quantiles: an average over them has little error.
    shares = (np.arange(20_000) + 0.5) / 20_000
    at_p, at_q = (P.logpdf(d.ppf(shares)) - Q.logpdf(d.ppf(shares)) for d in (P, Q))
    places = [at_p, at_q], [-at_p, -at_q], [[500.0, -500.0], [-500.0]]

    def bounds(*places):
        pairs = list(zip(places[::2], places[1::2], strict=True))
        return [[dual_bound(function, *pair) for pair in pairs] for function, _ in TABLE[:12]]

    found = ops.compile(bounds)(*(tensor(x) for pair in places for x in pair))
    for (function, definition), row in zip(TABLE, found, strict=False):
        bound, elsewhere, beyond = map(float, row)
        assert bound == pytest.approx(by_quadrature(definition)[0], rel=0.01), function
        assert elsewhere < bound - 0.05
        assert not np.isnan(beyond)


def test_round_trips():
    for function in (*BASIC, *(derived for derived, _ in DERIVED)):
        text = json.dumps(keras.saving.serialize_keras_object(function))
        again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
        assert type(again) is type(function)
        assert repr(again) == repr(function)
        np.testing.assert_array_equal(in_log_space(again, LOGS), in_log_space(function, LOGS))


def test_round_trip_of_the_divergence():
    divergence = FDivergence(f.TPower(3.0).dual(), samples=7)
    text = json.dumps(keras.saving.serialize_keras_object(divergence))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert isinstance(again, Divergence)
    assert again.samples == 7
    assert repr(again) == repr(divergence)
    assert repr(FDivergence(f.Pearson())) == "FDivergence(f=Pearson(), samples=1)"


def test_saved_names_are_of_one_class_each():
    classes = [getattr(f, name) for name in f.__all__ if name != "CsiszarFunction"]
    for cls in (*classes, FDivergence, Jeffreys):
        assert keras.saving.get_registered_object(keras.saving.get_registered_name(cls)) is cls
        assert inspect.getdoc(cls)


@pytest.mark.parametrize("t", [0, 1, 1.0, float("inf"), float("nan"), "a", None])
def test_a_power_must_make_a_divergence(t):
    with pytest.raises(ValueError, match=r"^TPower: t must be a finite number"):
        f.TPower(t)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"^Amari: alpha must be a finite number, got nan"):
        f.Amari(float("nan"))
    with pytest.raises(ValueError, match=r"^Amari: alpha must be a finite number, got None"):
        f.Amari(None)
    with pytest.raises(ValueError, match=r"^FDivergence: f must be a function of .* got 'kl'"):
        FDivergence("kl")
    with pytest.raises(ValueError, match=r"^FDivergence: samples must be a whole number"):
        FDivergence(f.Pearson(), 0)
