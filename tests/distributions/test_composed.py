"""What is particular to mixtures, Masked, Expanded, LKJCholesky and affine Transformed."""

import keras
import numpy as np
import pytest
from scipy import stats

from kelbo import ops
from kelbo.bijectors import AffineTriL, Chain, Exp, Permute, Scale
from kelbo.distributions import (
    Bernoulli,
    Categorical,
    Expanded,
    Exponential,
    Independent,
    LKJCholesky,
    Masked,
    Mixture,
    MixtureSameFamily,
    MultivariateNormalDiag,
    MultivariateNormalFullCovariance,
    MultivariateNormalLowRank,
    MultivariateNormalTriL,
    Normal,
    Transformed,
    Uniform,
    constraints,
    kl_divergence,
)
from kelbo.distributions.combinators.mixing import log_sum_exp

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


def gradients(f, *values):
    variables = [keras.Variable(v, dtype="float32") for v in values]
    differentiate = ops.value_and_grad(lambda: ops.sum(f(*variables)), variables)
    _, result = ops.compile(differentiate, variables)()
    return [numbers(g) for g in result]


MAKERS = {
    "normal": lambda a: Normal(a, 1.0),
    "exponential": lambda a: Exponential(ops.exp(a)),
    "uniform": lambda a: Uniform(a - 1.0, a + 5.0),
    "bernoulli": lambda a: Bernoulli(logits=a),
    "transformed": lambda a: Transformed(Normal(a, 1.0), Exp()),
    "mixture": lambda a: MixtureSameFamily(
        Categorical(logits=[0.0, 1.0]), Exponential(ops.exp(a)[:, None] * ops.ones((1, 2)))
    ),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.few(2)
def test_missing_values_leave_no_trace_in_gradients(make):
    mask, value = [True, False, True], np.array([1.0, np.nan, 0.0], "float32")
    a = np.array([0.1, 0.2, 0.3])

    def masked(a, value):
        return Masked(make(a), mask).log_prob(value)

    by_a, by_value = gradients(masked, a, value)
    assert np.isfinite(by_a).all()
    assert np.isfinite(by_value).all()
    assert by_a[1] == by_value[1] == 0.0
    scores = numbers(masked(ops.convert_to_tensor(a, dtype="float32"), value))
    assert scores[1] == 0.0
    there = [0, 2]
    expected = numbers(
        make(ops.convert_to_tensor(a[there], dtype="float32")).log_prob(value[there])
    )
    np.testing.assert_allclose(scores[there], expected, rtol=1e-6)


def test_missing_vectors_leave_no_trace_in_gradients():
    x = np.full((2, 3, 3), np.nan)
    x[0] = np.eye(3)

    def matrices(concentration):
        return Masked(LKJCholesky(3, concentration), [1, 0]).log_prob(x)

    (by_concentration,) = gradients(matrices, np.array([2.0, 3.0]))
    assert np.isfinite(by_concentration).all()
    assert by_concentration[1] == 0.0

    def pixels(loc):
        d = Independent(Masked(Normal(loc, 1.0), [[True, False], [True, True]]), 1)
        return d.log_prob([[0.0, np.nan], [1.0, 2.0]])

    (by_loc,) = gradients(pixels, np.zeros((2, 2)))
    np.testing.assert_allclose(by_loc, [[0.0, 0.0], [1.0, 2.0]])


def test_a_mask_under_compilation_is_an_argument():
    score = ops.compile(lambda x, mask: Masked(Normal(0.0, 1.0), mask).log_prob(x))
    x = ops.convert_to_tensor(np.array([0.0, np.nan], "float32"))
    mask = ops.convert_to_tensor(np.array([True, False]))
    np.testing.assert_allclose(numbers(score(x, mask)), [-0.5 * np.log(2 * np.pi), 0.0], rtol=1e-6)


def test_masked_draws_impute():
    d = Masked(Normal([0.0, 100.0], 1.0), [False, True])
    np.testing.assert_array_equal(
        numbers(d.sample(5, seed=1)), numbers(d.distribution.sample(5, 1))
    )
    grown = Masked(Normal(0.0, 1.0), [False, True, True])
    assert len(np.unique(numbers(grown.sample(seed=1)))) == 3


def test_draws_along_expanded_axes_are_independent():
    inner = MultivariateNormalTriL([[[0.0, 10.0]], [[20.0, 30.0]]], 0.1 * np.eye(2))
    d = Expanded(inner, (4, 2, 3))
    one = Expanded(inner, (4, 2, 1))

    def drawn():
        x, scores = d.sample_and_log_prob((5,), seed=1)
        return x, scores, d.log_prob(x), one.sample((5,), seed=1), inner.sample((5, 4), seed=1)

    x, scores, again, same, inner_draws = map(numbers, ops.compile(drawn)())
    assert x.shape == (5, 4, 2, 3, 2)
    assert len(np.unique(x)) == x.size
    center = np.array([[[0.0, 10.0]], [[20.0, 30.0]]])
    assert np.abs(x - center).max() < 1.0  # each entry is where it belongs
    np.testing.assert_allclose(scores, again, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(same, inner_draws)


def test_expanded_log_prob_broadcasts():
    d = Expanded(Normal([0.0, 1.0], 1.0), (3, 2))
    assert numbers(d.log_prob(0.0)).shape == (3, 2)
    assert numbers(d.log_prob(np.zeros((4, 1, 1)))).shape == (4, 3, 2)
    assert numbers(d.mean()).shape == (3, 2)
    nested = Expanded(Expanded(Normal(0.0, 1.0), (2, 1)), (4, 2, 3))
    assert len(np.unique(numbers(nested.sample(seed=0)))) == 24


def test_a_mixture_is_stable_far_out_and_has_no_gradient_where_there_is_no_mass():
    mixture = MixtureSameFamily(Categorical(logits=[0.0, 0.0]), Normal([-1.0, 1.0], 1.0))
    expected = -0.5 * (1e4 - 1.0) ** 2 - np.log(2.0) - 0.5 * np.log(2 * np.pi)
    assert float(mixture.log_prob(1e4)) == pytest.approx(expected, rel=1e-6)

    def outside(logits, rate):
        mixture = MixtureSameFamily(Categorical(logits=logits), Exponential(rate))
        return mixture.log_prob(-1.0)

    assert float(outside(np.zeros(2, "float32"), np.ones(2, "float32"))) == -np.inf
    for gradient in gradients(outside, np.zeros(2), np.ones(2)):
        assert (gradient == 0.0).all()
    assert np.isnan(float(mixture.log_prob(np.nan)))


def test_log_sum_exp():
    x = np.array([[1e4, 1e4], [-np.inf, 3.0], [-np.inf, -np.inf], [np.inf, 0.0], [np.nan, 0.0]])
    actual = numbers(log_sum_exp(ops.convert_to_tensor(x, dtype="float32")))
    np.testing.assert_allclose(actual, [1e4 + np.log(2.0), 3.0, -np.inf, np.inf, np.nan])


def test_supports_of_mixtures():
    weights = Categorical(logits=[0.0, 0.0])
    same = MixtureSameFamily(weights, Normal([0.0, 1.0], 1.0))
    assert same.support is constraints.real
    images = MixtureSameFamily(weights, Independent(Normal(np.zeros((2, 3)), 1.0), 1))
    assert images.support is constraints.real
    uniforms = MixtureSameFamily(weights, Uniform([0.0, 5.0], [1.0, 6.0]))
    inside = numbers(uniforms.support.contains([0.5, 3.0, 5.5, 7.0]))
    assert inside.tolist() == [True, False, True, False]
    boxes = Independent(Uniform([[0.0, 0.0], [5.0, 5.0]], [[1.0, 1.0], [6.0, 6.0]]), 1)
    inside = MixtureSameFamily(weights, boxes).support.contains([[0.5, 0.5], [0.5, 5.5]])
    assert numbers(inside).tolist() == [True, False]
    pieces = Mixture(weights, [Uniform(0.0, 1.0), Uniform(5.0, 6.0)])
    assert numbers(pieces.support.contains([0.5, 3.0, 5.5])).tolist() == [True, False, True]
    assert MixtureSameFamily(weights, Bernoulli(logits=[0.0, 1.0])).support.is_discrete


def test_draws_of_mixtures_choose_one_component_for_a_whole_event():
    weights = Categorical(probs=[0.3, 0.7])
    vectors = MixtureSameFamily(weights, MultivariateNormalDiag([[0.0, 0], [50, 50]], [[1.0, 1]]))
    x = numbers(vectors.sample(2000, seed=3))
    far = x > 25
    assert (far[:, 0] == far[:, 1]).all()
    assert far[:, 0].mean() == pytest.approx(0.7, abs=5 * np.sqrt(0.21 / 2000))


def test_mixtures_take_the_wider_dtype(float64):
    weights = Categorical(logits=np.zeros(2, "float32"), dtype="float32")
    mixture = MixtureSameFamily(weights, Normal(np.zeros(2), 1.0, dtype="float64"))
    assert mixture.dtype == mixture.mixture_distribution.dtype == "float64"
    parts = [Normal(0.0, 1.0, dtype="float32"), Normal(1.0, 1.0, dtype="float64")]
    assert {c.dtype for c in Mixture(weights, parts).components} == {"float64"}
    narrow = Masked(Expanded(mixture, 3), True).astype("float32")
    assert narrow.log_prob(0.0).dtype == Normal(0.0, 1.0, dtype="float32").mean().dtype


def test_correlations_follow_a_beta():
    # Each entry below the diagonal: (r + 1) / 2 follows Beta(a, a), a = eta + (d - 2) / 2.
    dimension, concentration = 4, 1.5
    d = LKJCholesky(dimension, concentration)
    x = numbers(ops.compile(lambda: d.sample(4000, seed=2))()).astype("float64")
    correlation = x @ np.swapaxes(x, -1, -2)
    np.testing.assert_allclose(correlation[:, range(4), range(4)], 1.0, rtol=1e-5)
    a = concentration + 0.5 * (dimension - 2)
    for i, j in zip(*np.tril_indices(dimension, -1), strict=True):
        share = 0.5 * (correlation[:, i, j] + 1.0)
        assert stats.kstest(share, stats.beta(a, a).cdf).pvalue > 1e-5


def test_a_density_of_correlations_has_a_total_of_one():
    r = np.linspace(-1.0, 1.0, 200_001)[1:-1]
    factors = np.zeros((len(r), 2, 2))
    factors[:, 0, 0], factors[:, 1, 0], factors[:, 1, 1] = 1.0, r, np.sqrt(1.0 - r**2)
    for concentration in (1.0, 2.0, 5.5):
        density = np.exp(numbers(LKJCholesky(2, concentration).log_prob(factors)))
        assert np.sum(density) * (r[1] - r[0]) == pytest.approx(1.0, rel=1e-4)


def test_correlations_of_a_large_concentration_keep_their_digits():
    d = LKJCholesky(3, 1e6)
    # Of a small angle: the entries below the diagonal have the variance 1 / (2 eta + 1).
    expected = 1.0 / (2e6 + 1.0)

    def variance_and_scores():
        return d.variance(), d.log_prob(d.sample(10, seed=0))

    variance, scores = map(numbers, ops.compile(variance_and_scores)())
    assert variance[1, 0] == pytest.approx(expected, rel=1e-4)
    assert variance[1, 1] == pytest.approx(0.5 * expected**2, rel=1e-3)
    assert variance[2, 2] == pytest.approx(expected**2, rel=1e-3)
    assert np.isfinite(scores).all()


def test_covariances_of_each_kind():
    loc, factor = np.zeros(2), np.array([[1.0, 0.0], [0.5, 2.0]])
    covariance = factor @ factor.T
    for d, expected in (
        (MultivariateNormalTriL(loc, factor), covariance),
        (MultivariateNormalFullCovariance(loc, covariance), covariance),
        (MultivariateNormalDiag(loc, [2.0, 3.0]), np.diag([4.0, 9.0])),
        (
            MultivariateNormalLowRank(loc, [2.0, 3.0], [[1.0], [-2.0]]),
            np.array([[3.0, -2.0], [-2.0, 7.0]]),
        ),
    ):
        np.testing.assert_allclose(numbers(d.covariance()), expected, rtol=1e-6)
        np.testing.assert_allclose(numbers(d.variance()), np.diagonal(expected), rtol=1e-6)


def test_a_covariance_that_is_singular_up_to_rounding_needs_no_check():
    singular = np.array([[4.0, 2.0], [2.0, 1.0]], "float32")
    with pytest.raises(ValueError, match="covariance_matrix must be a symmetric positive-definite"):
        MultivariateNormalFullCovariance([0.0, 0.0], singular)
    d = MultivariateNormalFullCovariance([0.0, 0.0], singular, validate=False)
    assert np.isfinite(numbers(d.log_prob([2.0, 1.0])))
    indefinite = [[1.0, 2.0], [2.0, 1.0]]
    with pytest.raises(ops.CholeskyError, match=r"covariance_matrix, of shape .* eigenvalue is -1"):
        MultivariateNormalFullCovariance([0.0, 0.0], indefinite, validate=False)


def test_affine_maps_of_vectors_map_means_and_entropies():
    base = Independent(Normal([0.5, -1.0], [1.0, 2.0]), 1)
    factor = np.array([[2.0, 0.0], [1.0, 3.0]])
    d = Transformed(base, AffineTriL([1.0, 1.0], factor))
    expected = factor @ [0.5, -1.0] + 1.0
    np.testing.assert_allclose(numbers(d.mean()), expected, rtol=1e-6)
    np.testing.assert_allclose(numbers(d.mode()), expected, rtol=1e-6)
    same = MultivariateNormalTriL(expected, factor * [1.0, 2.0])
    assert float(d.entropy()) == pytest.approx(float(same.entropy()), rel=1e-6)
    with pytest.raises(
        NotImplementedError, match="Transformed has no closed form for its variance"
    ):
        d.variance()
    turned = Transformed(base, Chain([Scale([1.0, -2.0]), Permute([1, 0])]))
    np.testing.assert_allclose(numbers(turned.mean()), [2.0, 0.5], rtol=1e-6)
    with pytest.raises(NotImplementedError, match="Transformed has no closed form for its mean"):
        Transformed(base, Exp()).mean()


class Scores(keras.layers.Layer):
    """Draws and scores of distributions that are made in a batch of unknown size."""

    def call(self, x):
        eye = ops.eye(3, dtype=x.dtype)
        wide = 1.0 + ops.square(x)
        full = MultivariateNormalTriL(x, wide[..., None] * eye)
        low_rank = MultivariateNormalLowRank(x, wide, x[..., None])
        weights, pair = Categorical(logits=x), Categorical(logits=x[..., :2])
        vectors = MultivariateNormalDiag(x[..., None] * ops.ones((3, 2)), ops.ones((3, 2)))
        scored = [
            (MultivariateNormalTriL(x, eye), 2.0 * x),
            (full, 2.0 * x),
            (low_rank, 2.0 * x),
            (MixtureSameFamily(weights, Normal(x, 1.0)), x[..., 0]),
            (MixtureSameFamily(weights, vectors), x[..., :2]),
            (Mixture(pair, [Normal(x[..., 0], 1.0), Normal(0.0, 2.0)]), x[..., 0]),
            (Independent(Masked(Normal(0.0, 1.0), x > 0), 1), x),
        ]
        results = [d.log_prob(value) for d, value in scored]
        for d, value in scored:
            apart = d.sample(seed=1) - value
            results.append(ops.sum(apart, axis=-1) if d.event_shape else apart)
        results += [kl_divergence(full, low_rank), kl_divergence(low_rank, full)]
        return ops.stack(results, axis=-1)


@pytest.mark.usefixtures("quick_compilation", "in_a_graph")
@pytest.mark.slow
def test_batches_of_unknown_size():
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    inputs = keras.Input((3,))
    results = keras.Model(inputs, Scores()(inputs)).predict(x, verbose=0)
    np.testing.assert_allclose(results, numbers(Scores()(x)), rtol=1e-5, atol=1e-5)
