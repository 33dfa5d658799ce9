"""Random draws: their distribution at fixed seeds, their gradients, their seeds."""

import keras
import numpy as np
import pytest
from scipy import special, stats

from kelbo import ops

pytestmark = pytest.mark.core

COUNT = 20_000


def array(x):
    return keras.ops.convert_to_numpy(x).astype("float64")


def draw(name, *parameters, dtype, seed=11, count=COUNT):
    """Draws of the shape (count, parameters)."""

    def compiled(*parameters):
        shape = (count, *(parameters[0].shape if parameters else ()))
        return getattr(ops.random, name)(shape, *parameters, dtype=dtype, seed=seed)

    tensors = [ops.convert_to_tensor(np.asarray(p, dtype)) for p in parameters]
    result = ops.compile(compiled)(*tensors)
    assert keras.backend.standardize_dtype(result.dtype) == dtype
    return array(result)


def check(sample, family):
    assert np.isfinite(sample).all()
    assert stats.kstest(sample, family.cdf).pvalue > 1e-3
    assert abs(stats.spearmanr(sample[1:], sample[:-1]).statistic) < 4 / np.sqrt(COUNT)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("uniform_open", stats.uniform),
        ("exponential", stats.expon),
        ("gumbel", stats.gumbel_r),
        ("logistic", stats.logistic),
    ],
)
def test_draws_without_parameters(name, family, dtype):
    check(draw(name, dtype=dtype), family)


@pytest.mark.few(1)
def test_gamma_draws(dtype):
    concentrations = [0.2, 0.7, 1.0, 2.5, 40.0, 1e4]
    for a, sample in zip(concentrations, draw("gamma", concentrations, dtype=dtype).T, strict=True):
        check(sample, stats.gamma(np.asarray(a, dtype)))


@pytest.mark.few(1)
def test_log_gamma_draws(dtype):
    concentrations = [1e-6, 1e-3, 0.05, 0.7, 1.0, 2.5, 40.0, 1e4]
    draws = draw("log_gamma", concentrations, dtype=dtype).T
    # SciPy's own has no digits left at 1e-6: log G is -E / a, to one part in a million.
    check(-draws[0], stats.expon(scale=1e6))
    for a, sample in zip(concentrations[1:], draws[1:], strict=True):
        check(sample, stats.loggamma(np.asarray(a, dtype)))


def discrete_p_value(sample, family):
    """The p-value of a chi-square test over bins of about equal probability."""
    edges = np.unique(family.ppf(np.linspace(0, 1, 41)[1:-1]))
    probabilities = np.diff(np.concatenate([[0.0], family.cdf(edges), [1.0]]))
    observed = np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1)
    kept = probabilities > 0
    assert observed[~kept].sum() == 0
    return stats.chisquare(observed[kept], COUNT * probabilities[kept]).pvalue


@pytest.mark.few(1)
def test_poisson_draws(dtype):
    rates = [0.0, 0.01, 0.7, 5.0, 9.9, 10.1, 300.0, 1e6]
    draws = draw("poisson", rates, dtype=dtype).T
    np.testing.assert_array_equal(draws[0], 0)
    for rate, sample in zip(rates[1:], draws[1:], strict=True):
        np.testing.assert_array_equal(sample, np.round(sample))
        assert discrete_p_value(sample, stats.poisson(np.asarray(rate, dtype))) > 1e-3


BINOMIAL = [
    *(
        (1, 0.3),
        (7, 0.5),
        (30, 0.97),
        (24, 0.5),
        (40, 0.4),
        (1000, 0.002),
        (5000, 0.3),
        (5000, 0.9),
    ),
]
CERTAIN = [(0, 0.3, 0), (9, 0.0, 0), (9, 1.0, 9), (10**6, 0.0, 0), (10**6, 1.0, 10**6), (0, 1.0, 0)]


@pytest.mark.slow
def test_binomial_draws(dtype):
    counts, probs = np.array(BINOMIAL).T
    for n, p, sample in zip(
        counts, probs.astype(dtype), draw("binomial", counts, probs, dtype=dtype).T, strict=True
    ):
        np.testing.assert_array_equal(sample, np.round(sample))
        assert discrete_p_value(sample, stats.binom(n, float(p))) > 1e-3


@pytest.mark.few(1)
def test_binomial_draws_that_are_certain(dtype):
    counts, probs, expected = np.array(CERTAIN).T
    sample = draw("binomial", counts, probs, dtype=dtype, count=100)
    np.testing.assert_array_equal(sample, np.tile(expected, (100, 1)))


@pytest.mark.slow
def test_the_variance_of_large_counts():
    # The log-probabilities cancel there: one that is off by some units in float32 shows in this.
    for name, parameters, variance in (
        ("poisson", ([1e6],), 1e6),
        ("poisson", ([1e9],), 1e9),
        ("binomial", ([1e7], [0.25]), 1875000.0),
    ):
        sample = draw(name, *parameters, dtype="float32", count=100_000)
        assert abs(np.var(sample) / variance - 1) < 4 * np.sqrt(2 / 100_000)


@pytest.mark.slow
def test_the_open_interval_is_open():
    uniform = draw("uniform_open", dtype="float32", count=2**24)  # some draws of 0 among them
    assert uniform.min() > 0
    assert uniform.max() < 1


# The slope of a draw x by a is -(dF / da) / f, here from F by central differences; log G below.
CONCENTRATIONS = [0.02, 0.4, 1.0, 3.0, 30.0, 150.0, 250.0, 3e3]


def reference_slope(a, x):
    step = 1e-4 * a
    # Fourth order, so that a step this large, which rounding asks for, is small enough.
    by_a = sum(
        weight * special.gammainc(a + k * step, x)
        for k, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
    )
    return -by_a / step / stats.gamma.pdf(x, a)


@pytest.mark.parametrize("name", ["gamma", "log_gamma"])
@pytest.mark.few(1)
def test_slopes_are_those_of_the_quantile(name, dtype, derivative):
    shape = (200, len(CONCENTRATIONS))
    a = np.broadcast_to(np.array(CONCENTRATIONS, dtype), shape)
    slope = derivative(lambda v: getattr(ops.random, name)(shape, v, seed=4), a)
    assert slope.dtype == dtype
    sample = array(getattr(ops.random, name)(shape, ops.convert_to_tensor(a), seed=4))
    a = a.astype("float64")
    x = np.exp(sample) if name == "log_gamma" else sample
    expected = reference_slope(a, np.maximum(x, 1e-300))
    if name == "log_gamma":
        expected = expected / np.maximum(x, 1e-300)
    # Where x is far out the reference has lost its digits, and below 1e-30 float32 has.
    quantile = special.gammainc(a, x)
    seen = (quantile > 1e-3) & (quantile < 0.999) & (x > 1e-30)
    assert (seen.sum(0) > 40).all()
    # PyTorch's own slope has three digits up to a = 200.
    tolerance = np.where((keras.backend.backend() == "torch") & (a < 200), 1e-3, 2e-5)
    assert (np.abs(slope / expected - 1) < tolerance)[seen].all()


@pytest.mark.few(1)
def test_the_slope_of_a_logarithm_far_below_underflow(dtype, derivative):
    # F(x; a) = x^a / Γ(a + 1) there.
    a = np.array([1e-6, 1e-4, 1e-3] * 20, dtype)
    slope = derivative(lambda v: ops.random.log_gamma((60,), v, seed=4), a)
    log_x = array(ops.random.log_gamma((60,), ops.convert_to_tensor(a), seed=4))
    a = a.astype("float64")
    seen = log_x < -40
    assert seen.sum() > 50
    expected = (special.digamma(a + 1) - log_x) / a
    np.testing.assert_allclose(slope[seen], expected[seen], rtol=1e-5)
    assert np.isfinite(slope).all()


@pytest.mark.slow
def test_gradients_sum_over_what_was_broadcast(derivative):
    slope = derivative(
        lambda v: ops.random.gamma((3, 2), v, seed=4), np.array([0.5, 4.0], "float32")
    )
    wide = derivative(
        lambda v: ops.random.gamma((3, 2), v, seed=4), np.array([[0.5, 4.0]] * 3, "float32")
    )
    np.testing.assert_allclose(slope, wide.sum(0), rtol=1e-6)


def test_a_gamma_and_its_logarithm_are_one_draw():
    a = ops.convert_to_tensor(np.array([0.3, 1.0, 5.0], "float32"))
    draws = array(ops.random.gamma((9, 3), a, seed=2))
    logarithms = array(ops.random.log_gamma((9, 3), a, seed=2))
    np.testing.assert_allclose(np.exp(logarithms), draws, rtol=1e-4)


def test_a_wrong_concentration_gives_nan_and_ends():
    for name in ("gamma", "log_gamma"):
        sample = array(getattr(ops.random, name)((2,), np.array([np.nan, 2.0]), seed=1))
        assert np.isfinite(sample[1])
        if keras.backend.backend() == "jax":  # the others' samplers give numbers
            assert np.isnan(sample[0])


DRAWS = {
    "uniform_open": (),
    "exponential": (),
    "gumbel": (),
    "logistic": (),
    "gamma": (0.7,),
    "log_gamma": (0.7,),
    "poisson": (30.0,),
    "binomial": (50, 0.4),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.few(3)
def test_seeds(name):
    def values(seed, shape=(4,)):
        return array(getattr(ops.random, name)(shape, *DRAWS[name], seed=seed))

    np.testing.assert_array_equal(values(3), values(3))
    assert (values(3) != values(4)).any()
    for kind in (keras.random.SeedGenerator, ops.SeedSequence):
        first, second = kind(5), kind(5)
        np.testing.assert_array_equal(values(first), values(second))
        assert (values(first) != values(5)).any()  # the second draw of the generator
    keras.utils.set_random_seed(1)
    unseeded = values(None), values(None)
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(unseeded, (values(None), values(None)))
    assert (unseeded[0] != unseeded[1]).any()
    assert values(3, ()).shape == ()
    assert values(3, (0, 2)).shape == (0, 2)


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.few(2)
def test_one_compilation_serves_every_seed(name):
    @ops.compile
    def compiled(seed):
        return getattr(ops.random, name)((4,), *DRAWS[name], seed=ops.SeedSequence(seed))

    for seed in (3, 4):
        eager = getattr(ops.random, name)((4,), *DRAWS[name], seed=ops.SeedSequence(seed))
        np.testing.assert_allclose(array(compiled(seed)), array(eager), rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the global state of PyTorch")
@pytest.mark.parametrize("name", DRAWS)
def test_the_global_generator_is_left_alone(name):
    import torch

    before = torch.random.get_rng_state()
    getattr(ops.random, name)((4,), *DRAWS[name], seed=3)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.slow
def test_a_layer_may_draw_in_a_functional_model():
    class Noisy(keras.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = keras.random.SeedGenerator(1)

        def call(self, x):
            a = ops.softplus(x)
            shape = ops.shape(x)
            return (
                ops.random.gamma(shape, a, seed=self.seeds)
                + ops.random.poisson(shape, a, seed=self.seeds)
                + ops.random.binomial(shape, 5, 0.5, seed=self.seeds)
                + ops.random.logistic(shape, seed=self.seeds)
            )

    inputs = keras.Input((3,))
    model = keras.Model(inputs, Noisy()(keras.layers.Dense(3)(inputs)))
    assert model.output_shape == (None, 3)
    model.compile("sgd", "mse")
    history = model.fit(np.ones((8, 3)), np.ones((8, 3)), batch_size=5, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.slow
def test_the_type_of_the_parameter_decides(float64):
    wide = ops.convert_to_tensor(np.array([1.5, 2.5]))
    name = lambda x: keras.backend.standardize_dtype(x.dtype)  # noqa: E731
    assert name(ops.random.gamma((2,), wide, seed=1)) == "float64"
    assert name(ops.random.gamma((2,), 2.0, seed=1)) == "float32"
    assert name(ops.random.gamma((2,), wide, dtype="float32", seed=1)) == "float32"
    assert name(ops.random.binomial((2,), ops.convert_to_tensor([3, 4]), 0.5, seed=1)) == "float32"
