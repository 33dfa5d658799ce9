"""Densities, distribution functions and moments against the references, in both dtypes."""

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Dirichlet,
    Distribution,
    Expanded,
    Gamma,
    Independent,
    InverseGamma,
    Laplace,
    MixtureSameFamily,
    Normal,
    Weibull,
    constraints,
)
from kelbo.parameters import Composite

from ..refusals import refuses_arguments
from .cases.case import MOMENTS, NO_CDF
from .table import CASES, ONE_OF_EACH, TAILS

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

TOLERANCE = {"float32": {"rtol": 3e-5, "atol": 3e-6}, "float64": {"rtol": 1e-9, "atol": 1e-11}}


def column(numbers, case):
    return np.reshape(numbers, (-1, *[1] * len(case.batch_shape)))


def slow_if(condition):
    return [pytest.mark.slow] if condition else []


# Every family once as users' programs are compiled, in the precision that shows each lost digit.
as_for_users = [pytest.mark.slow, pytest.mark.optimized]


def results(case, dtype):
    """Every method's result, from one compiled function of parameters and values."""
    names = list(case.parameters)

    def evaluate(values, x, u, *parameters):
        d = case.make(dtype, validate=False, **dict(zip(names, parameters, strict=True)))
        outputs = {name: getattr(d, name)() for name in MOMENTS if name not in case.missing}
        if "variance" in outputs:
            outputs["stddev"] = d.stddev()
        outputs["log_prob"] = d.log_prob(values)
        if "cdf" not in case.missing:
            outputs["cdf"] = d.cdf(x)
        if "quantile" not in case.missing:
            outputs["quantile"] = d.quantile(u)
        if "cdf" in outputs and "quantile" in outputs:
            outputs["round trip"] = d.cdf(outputs["quantile"])
        return outputs

    arguments = [case.values, column(case.cdf_at, case), column(case.probabilities, case)]
    arguments += case.parameters.values()
    tensors = [ops.convert_to_tensor(np.asarray(a, "float64"), dtype=dtype) for a in arguments]
    outputs = ops.compile(evaluate)(*tensors)
    assert {keras.backend.standardize_dtype(x.dtype) for x in outputs.values()} == {dtype}
    return {name: ops.convert_to_numpy(x) for name, x in outputs.items()}


@pytest.mark.parametrize(
    ("case", "dtype"),
    [
        *[pytest.param(c, "float32", marks=slow_if(c.is_variant)) for c in CASES],
        *[pytest.param(c, "float64", marks=as_for_users) for c in ONE_OF_EACH],
    ],
    indirect=["dtype"],
    ids=lambda value: getattr(value, "name", value),
)
@pytest.mark.few(14)
def test_methods_agree_with_the_reference(case, dtype):
    d = case.make(validate=False)
    assert (d.batch_shape, d.event_shape) == (case.batch_shape, case.event_shape)
    actual, reference = results(case, dtype), case.reference(**case.parameters)
    near = case.tolerance if case.tolerance and dtype == "float32" else TOLERANCE[dtype]
    log_prob = reference.log_prob(np.asarray(case.values, "float64"))
    np.testing.assert_allclose(actual["log_prob"], log_prob, err_msg="log_prob", **near)

    value_shape = case.batch_shape + case.event_shape
    for name in ("mean", "variance", "mode"):
        if name in actual:
            assert actual[name].shape == value_shape, name
            expected = np.broadcast_to(getattr(reference, name)(), value_shape)
            np.testing.assert_allclose(actual[name], expected, err_msg=name, **near)
    if "stddev" in actual:
        expected = np.broadcast_to(np.sqrt(reference.variance()), value_shape)
        np.testing.assert_allclose(actual["stddev"], expected, err_msg="stddev", **near)
    if "entropy" in actual:
        assert actual["entropy"].shape == case.batch_shape
        expected = np.broadcast_to(reference.entropy(), case.batch_shape)
        np.testing.assert_allclose(actual["entropy"], expected, err_msg="entropy", **near)
    if "cdf" in actual:
        expected = reference.cdf(column(case.cdf_at, case))
        np.testing.assert_allclose(actual["cdf"], expected, err_msg="cdf", **near)
    if "quantile" in actual:
        u = column(case.probabilities, case)
        expected = reference.quantile(u)
        np.testing.assert_allclose(actual["quantile"], expected, err_msg="quantile", **near)
        if "round trip" in actual and not d.support.is_discrete:
            expected = np.broadcast_to(u, actual["round trip"].shape)
            np.testing.assert_allclose(actual["round trip"], expected, rtol=3e-4, atol=3e-6)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="numpyro runs on JAX")
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.numpyro], ids=lambda case: case.name
)
@pytest.mark.few(5)
def test_densities_agree_with_numpyro(case, float64):
    moments = [name for name in ("mean", "variance") if name not in case.missing]

    def ours(values):
        d = case.make("float64", validate=False)
        return [d.log_prob(values), *(getattr(d, name)() for name in moments)]

    def numpyros(values):
        d = case.numpyro(**case.parameters)
        return [d.log_prob(values), *(getattr(d, name) for name in moments)]

    values = np.asarray(case.values, "float64")
    pairs = zip(ops.compile(ours)(values), ops.compile(numpyros)(values), strict=True)
    for name, (actual, expected) in zip(["log_prob", *moments], pairs, strict=True):
        actual, expected = ops.convert_to_numpy(actual), ops.convert_to_numpy(expected)
        expected = np.broadcast_to(expected, actual.shape)
        np.testing.assert_allclose(actual, expected, rtol=1e-7, atol=1e-9, err_msg=name)


PARTS = 6  # each is one program


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.few(2)
def test_tails_are_exact_and_have_finite_gradients(part, dtype):
    tails = TAILS[part::PARTS]
    shapes = [np.broadcast_shapes(tail.at.shape, tail.values.shape) for tail in tails]
    parameters, values = (
        [
            keras.Variable(np.broadcast_to(x, s), dtype=dtype)
            for x, s in zip(xs, shapes, strict=True)
        ]
        for xs in ([tail.at for tail in tails], [tail.values for tail in tails])
    )

    def log_prob():
        results = [
            tail.make(parameter).log_prob(value)
            for tail, parameter, value in zip(tails, parameters, values, strict=True)
        ]
        return sum(map(ops.sum, results)), results

    variables = [*parameters, *values]
    differentiated = ops.compile(ops.value_and_grad(log_prob, variables, has_aux=True), variables)
    (_, results), gradients = differentiated()
    by_parameter, by_value = gradients[: len(tails)], gradients[len(tails) :]
    for tail, *found in zip(tails, results, by_parameter, by_value, strict=True):
        result, slope, of_value = map(ops.convert_to_numpy, found)
        tolerance = 2e-6 if dtype == "float32" else 1e-12
        near = {"rtol": tolerance, "atol": tolerance}
        if tail.tolerance and dtype == "float32":
            near = tail.tolerance
        np.testing.assert_allclose(result, tail.log_prob, err_msg=tail.name, **near)
        np.testing.assert_allclose(slope, tail.derivative, err_msg=tail.name, **near)
        assert np.isfinite(of_value).all(), tail.name


ONE_OF_EACH_FAMILY = list({case.family: case for case in CASES}.values())
OF_NUMBERS = [case for case in ONE_OF_EACH_FAMILY if not case.event_shape]
# Their slopes grow with the distance.
STEEP = (Normal, Laplace)


@pytest.mark.parametrize(
    "case",
    # The scores of bits are cross entropies, which go on beyond 0 and 1.
    [case for case in OF_NUMBERS if not issubclass(case.family, Bernoulli | Composite)],
    ids=lambda case: case.name,
)
@pytest.mark.few(6)
def test_no_density_is_left_at_infinity(case):
    variables = {n: keras.Variable(v, dtype="float32") for n, v in case.parameters.items()}
    value = keras.Variable(np.inf, dtype="float32")

    def log_prob():
        result = case.make("float32", False, **variables).log_prob(value)
        return ops.sum(result), result

    every = {**variables, "value": value}
    differentiate = ops.value_and_grad(log_prob, [*every.values()], has_aux=True)
    differentiated = ops.compile(differentiate, [*every.values()])
    for infinity in (np.inf, -np.inf):  # not at once: their slopes may add up to NaN
        value.assign(infinity)
        (_, result), gradients = differentiated()
        assert np.isneginf(ops.convert_to_numpy(result)).all()
        for name, gradient in zip(every, gradients, strict=True):
            gradient = ops.convert_to_numpy(gradient)
            assert not np.isnan(gradient).any(), name
            assert case.family in STEEP or np.isfinite(gradient).all(), name


def test_the_density_is_finite_at_the_ends_that_belong_to_the_regular_support():
    for case in OF_NUMBERS:
        d = case.make("float32", False)
        if d.support.is_discrete:
            continue
        for end in np.zeros(d.batch_shape, "float32"), np.ones(d.batch_shape, "float32"):
            is_finite = np.isfinite(ops.convert_to_numpy(d.log_prob(end)))
            is_regular = ops.convert_to_numpy(d.regular_support.contains(end))
            assert (is_finite | ~is_regular).all(), case.name


def both_tails(case):
    """Values from one end of the support to the other, both of them included."""
    support = case.make(validate=False).support
    low, high = (getattr(support, end, None) for end in ("low", "high"))
    if case.is_circular:
        low, high = -np.pi, np.pi
    low, high = (x if x is None else np.asarray(ops.convert_to_numpy(x)) for x in (low, high))
    share = np.array([0.0, 2.0**-20, 0.125, 0.5, 0.96875, 1.0 - 2.0**-16, 1.0])
    away = np.array([0.0, 2.0**-30, 0.125, 1.0, 8.0, 17.0, 60.0])
    along = column(share if low is not None and high is not None else away, case)
    if low is not None and high is not None:
        return low * (1.0 - along) + high * along
    if low is not None:
        return low + along
    return high - along if high is not None else np.concatenate([-along[::-1], along])


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in OF_NUMBERS
        if "cdf" not in case.missing and not case.make(validate=False).support.is_discrete
    ],
    ids=lambda case: case.name,
)
@pytest.mark.few(5)
def test_slopes_of_distribution_functions_are_densities(case):
    x = both_tails(case)
    x = np.broadcast_to(x, np.broadcast_shapes(x.shape, (1, *case.batch_shape))).astype("float32")

    def slopes_and_log_densities(x):
        d = case.make("float32", validate=False)
        return ops.stack([ops.values_and_gradients(d.cdf, x)[1], d.log_prob(x)])

    found = ops.compile(slopes_and_log_densities)(ops.convert_to_tensor(x))
    slope, log_density = ops.convert_to_numpy(found).astype("float64")
    # The digits of a density are those of its logarithm; an underflow on the way counts as 0.
    nats = np.where(np.isfinite(log_density), np.abs(log_density), 0.0)
    rounding, density = 32 * np.finfo("float32").eps * (1.0 + nats), np.exp(log_density)
    wrong = ~np.isclose(slope, density, rtol=rounding, atol=1e-30)
    assert not wrong.any(), (x[wrong], slope[wrong], density[wrong])


@pytest.mark.parametrize("case", ONE_OF_EACH_FAMILY, ids=lambda case: case.name)
@pytest.mark.few(12)
def test_missing_methods_say_what_to_do_instead(case):
    d = case.make()
    for name in case.missing:
        arguments = (0.5,) if name in NO_CDF else ()
        # A distribution that only wraps another one leaves the answer to it.
        owners = "|".join(type(x).__name__ for x in (d, getattr(d, "distribution", d)))
        with pytest.raises(NotImplementedError, match=f"^({owners}) has no") as error:
            getattr(d, name)(*arguments)
        assert any(way in str(error.value) for way in ("Normal(", "`distribution`", "sample"))


def test_a_new_family_without_closed_forms_refers_to_samples():
    class Triangular(Distribution):
        """The sum of two uniform numbers."""

        parameters = {"width": constraints.positive}
        support = constraints.real

        def _sample(self, shape, seed):
            seeds = ops.SeedSequence(seed)
            draws = [keras.random.uniform(shape, seed=seeds) for _ in range(2)]
            return self.width * (draws[0] + draws[1])

        def _log_prob(self, value):
            z = value / self.width
            return ops.log(1.0 - ops.abs(z - 1.0)) - ops.log(self.width)

    d = Triangular(width=2.0)
    assert 0.0 < float(d.sample(seed=0)) < 4.0
    assert float(d.log_prob(2.0)) == pytest.approx(-np.log(2.0))
    for name in ("mean", "variance", "stddev", "mode", "entropy"):
        with pytest.raises(NotImplementedError, match=r"^Triangular has no .* sample"):
            getattr(d, name)()
    for name in ("cdf", "quantile"):
        with pytest.raises(NotImplementedError, match=r"^Triangular has no .* sample"):
            getattr(d, name)(0.5)


def test_log_prob_of_nan_is_nan_and_outside_the_support_minus_infinity():
    for d in (Normal(0.0, 1.0), ContinuousBernoulli(logits=1.0)):
        assert np.isnan(float(d.log_prob(np.nan)))
    outside = ContinuousBernoulli(logits=[1.0, -1.0]).log_prob([-0.1, 1.1])
    assert np.isneginf(ops.convert_to_numpy(outside)).all()


def test_bernoulli_log_prob_between_0_and_1_is_the_cross_entropy():
    x, probs = np.array([0.25, 0.5, 0.9]), np.array([0.1, 0.5, 0.7])
    expected = x * np.log(probs) + (1 - x) * np.log1p(-probs)
    for d in (Bernoulli(probs=probs), Bernoulli(logits=np.log(probs) - np.log1p(-probs))):
        np.testing.assert_allclose(ops.convert_to_numpy(d.log_prob(x)), expected, rtol=1e-5)


def test_covariance_of_the_multivariate_normal():
    case = next(case for case in CASES if case.name == "multivariate normal batch")
    covariance = ops.convert_to_numpy(case.make().covariance())
    expected = case.reference(**case.parameters).covariance[0]
    np.testing.assert_allclose(covariance, expected, rtol=1e-5, atol=1e-6)


# A value near the largest number, or a ratio to the scale that is beyond it or below the smallest.
FAR_OUT = {
    "gamma": (lambda: Gamma(1.0, 2.0), 3e38, -np.inf),
    "gamma of large concentration": (
        lambda: Gamma(3.0, 2.0**-120),
        2.0**127,
        2.0 * np.log(2.0**127) - 2.0**7 + 3.0 * np.log(2.0**-120) - np.log(2.0),
    ),
    "inverse gamma": (
        lambda: InverseGamma(2.0, 0.5),
        2.0**127,
        2.0 * np.log(0.5) - 3.0 * np.log(2.0**127),
    ),
    "weibull": (
        lambda: Weibull(0.125, 0.25),
        2.0**127,
        np.log(0.5) - 0.875 * np.log(2.0**129) - 2.0**16.125,
    ),
    "weibull near 0": (
        lambda: Weibull(0.5, 2.0**60),
        2.0**-100,
        np.log(2.0**-61) - 0.5 * np.log(2.0**-160),
    ),
}


@pytest.mark.parametrize(("make", "value", "expected"), FAR_OUT.values(), ids=FAR_OUT)
@pytest.mark.few(2)
def test_densities_at_values_that_overflow_a_ratio(make, value, expected):
    value = keras.Variable(value, dtype="float32")
    result, (slope,) = ops.compile(
        ops.value_and_grad(lambda: make().log_prob(value), [value]), [value]
    )()
    np.testing.assert_allclose(float(result), expected, rtol=1e-5)
    assert np.isfinite(float(slope))


BAD_VALUE_SHAPES = {
    "one entry for three": (
        lambda: Dirichlet([1.0, 2.0, 3.0]).log_prob(np.ones(1)),
        "Dirichlet: log_prob .* of the shape (1,), .* event shape (3,): reshape or broadcast",
    ),
    "a number for a vector": (
        lambda: Independent(Normal(np.zeros(3), 1.0)).log_prob(0.0),
        "Independent: log_prob was given a value of the shape (), .* event shape (3,)",
    ),
    "a row for a matrix": (
        lambda: Independent(Normal(np.zeros((2, 3)), 1.0)).log_prob(np.zeros((1, 3))),
        "Independent: .* shape (1, 3), .* event shape (2, 3)",
    ),
    "a batch": (
        lambda: Normal(np.zeros(3), 1.0).log_prob(np.zeros(2)),
        "Normal: log_prob .* of the shape (2,), which does not broadcast .* batch shape (3,).",
    ),
    "a batch of vectors": (
        lambda: Dirichlet(np.ones((4, 3))).log_prob(np.ones((5, 3)) / 3.0),
        "Dirichlet: .* (5, 3), which, without the event shape (3,), does not .* shape (4,).",
    ),
    "a mixture": (
        lambda: MixtureSameFamily(
            Categorical([0.0, 0.0]), Independent(Normal(np.zeros((2, 3)), 1.0), 1)
        ).log_prob(0.0),
        "MixtureSameFamily: .* shape (), .* event shape (3,)",
    ),
}


test_values_of_another_shape_are_named = refuses_arguments(BAD_VALUE_SHAPES)


def test_values_broadcast_along_the_batch():
    d = Independent(Normal(np.zeros((4, 1, 3)), 1.0), 1)
    assert d.log_prob(np.zeros(3)).shape == (4, 1)
    assert d.log_prob(np.zeros((2, 3))).shape == (4, 2)
    assert d.log_prob(np.zeros((5, 4, 2, 3))).shape == (5, 4, 2)


@pytest.mark.parametrize(
    "shape", [(-1,), -1, 2.5, (2.5,), "ab", None], ids=lambda shape: repr(shape)
)
def test_bad_sample_shapes_are_named(shape):
    for draw in (Normal(0.0, 1.0).sample, Normal(0.0, 1.0).sample_and_log_prob):
        with pytest.raises(ValueError, match=r"^Normal: sample_shape must be .* got") as error:
            draw(shape)
        assert repr(shape) in str(error.value)
    for make in (Normal.standard, lambda shape: Expanded(Normal(0.0, 1.0), shape)):
        with pytest.raises(ValueError, match="_shape must be a whole number of at least 0 or"):
            make(shape)
