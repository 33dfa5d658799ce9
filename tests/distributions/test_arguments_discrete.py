"""Bad parameters of discrete families, values outside of the supports, what is theirs alone."""

import keras
import numpy as np
import pytest
from scipy import special, stats

from kelbo import ops
from kelbo.distributions import (
    Binomial,
    Categorical,
    Delta,
    DiscretizedLogistic,
    ExpRelaxedOneHotCategorical,
    Geometric,
    NegativeBinomial,
    Normal,
    OneHotCategorical,
    Poisson,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
    ZeroInflated,
    kl_divergence,
)

from ..refusals import refuses_arguments, refuses_values

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


def compiled(function, *arguments):
    """The result as an array: one program takes less time than one for each operation."""
    result = ops.compile(function)(*arguments)
    return [numbers(x) for x in result] if isinstance(result, tuple | list) else numbers(result)


BAD_VALUES = {
    "sum of probabilities": (
        lambda **k: Categorical(probs=[0.2, 0.3, 0.4], **k),
        "Categorical: probs must be .* from 0.2 to 0.4; its sum along the last axis is 0.9",
    ),
    "sums of probabilities": (
        lambda **k: OneHotCategorical(probs=[[0.2, 0.4, 0.4], [0.5, 0.5, 0.5]], **k),
        "OneHotCategorical: .*; its sum along the last axis ranges from 1 to 1.5",
    ),
    "sum of relaxed probabilities": (
        lambda **k: RelaxedOneHotCategorical(1.0, probs=[0.25, 0.25], **k),
        "RelaxedOneHotCategorical: probs must be .*; its sum along the last axis is 0.5",
    ),
    "no class that is possible": (
        lambda **k: Categorical(logits=[[0.0, 1.0], [-np.inf, -np.inf]], **k),
        "Categorical: logits must be .* less than inf, which are not all -inf",
    ),
    "logits of inf": (
        lambda **k: Categorical(logits=[0.0, np.inf], **k),
        "Categorical: logits must be .* ranges from 0 to inf",
    ),
    "logits of NaN": (
        lambda **k: OneHotCategorical(logits=[0.0, np.nan], **k),
        "OneHotCategorical: logits must be .* 1 NaN of 2",
    ),
    "relaxed logits of -inf": (
        lambda **k: RelaxedOneHotCategorical(1.0, logits=[0.0, -np.inf], **k),
        "RelaxedOneHotCategorical: logits must be a vector of finite real numbers",
    ),
    "broken count": (
        lambda **k: Binomial([2.5, 3.0], 0.0, **k),
        "Binomial: total_count must be a whole number of at least 0, .* from 2.5 to 3",
    ),
    "probability over 1": (lambda **k: Binomial(3, probs=1.5, **k), "Binomial: probs .* 1.5"),
    "negative rate": (lambda **k: Poisson(-1.0, **k), "Poisson: rate must be at least 0"),
    "infinite log rate": (lambda **k: Poisson(log_rate=np.inf, **k), "Poisson: log_rate .* inf"),
    "no failure": (
        lambda **k: NegativeBinomial(1.0, probs=1.0, **k),
        "NegativeBinomial: probs must be at least 0 and less than 1, .* is 1.",
    ),
    "no failures": (
        lambda **k: NegativeBinomial(0.0, 0.0, **k),
        "NegativeBinomial: total_count must be greater than 0",
    ),
    "no success": (
        lambda **k: Geometric(probs=[0.0, 0.5], **k),
        "Geometric: probs must be greater than 0 and at most 1, .* from 0 to 0.5",
    ),
    "sum over 1": (
        lambda **k: Categorical(probs=[0.5, 0.6], **k),
        "Categorical: probs must be a vector .* sum to 1",
    ),
    "nan logits": (lambda **k: Categorical([np.nan, 0.0], **k), "Categorical: logits must be"),
    "negative probability": (
        lambda **k: OneHotCategorical(probs=[1.5, -0.5], **k),
        "OneHotCategorical: probs must be .* from -0.5 to 1.5",
    ),
    "probability of a zero": (
        lambda **k: ZeroInflated(Poisson(1.0), probs=-0.1, **k),
        "ZeroInflated: probs must be between 0 and 1, .* is -0.1",
    ),
    "scale": (
        lambda **k: DiscretizedLogistic(0.0, -1.0, **k),
        "DiscretizedLogistic: scale must be greater than 0",
    ),
    "loc": (lambda **k: Delta(np.nan, **k), "Delta: loc must be a finite real number"),
    "temperature": (
        lambda **k: RelaxedBernoulli(0.0, 0.0, **k),
        "RelaxedBernoulli: temperature must be greater than 0",
    ),
    "certain": (
        lambda **k: RelaxedBernoulli(1.0, probs=1.0, **k),
        "RelaxedBernoulli: probs must be greater than 0 and less than 1",
    ),
    "impossible class": (
        lambda **k: RelaxedOneHotCategorical(1.0, probs=[0.0, 1.0], **k),
        "RelaxedOneHotCategorical: probs must be a vector of numbers greater than 0",
    ),
    "cold": (
        lambda **k: ExpRelaxedOneHotCategorical(-1.0, [0.0, 1.0], **k),
        "ExpRelaxedOneHotCategorical: temperature must be",
    ),
}


test_bad_values_are_named = refuses_values(BAD_VALUES)


BAD_ARGUMENTS = {
    "both": (lambda: Poisson(1.0, 0.0), "Poisson: give exactly one of rate and log_rate"),
    "none": (lambda: Categorical(), "Categorical: give exactly one of logits and probs"),
    "no vector": (
        lambda: Categorical(0.5),
        "Categorical: logits has the shape (); it must be a",
    ),
    "shapes": (
        lambda: NegativeBinomial(np.ones(2), np.zeros(3)),
        "NegativeBinomial: the shapes .* total_count (2,), logits (3,)",
    ),
    "temperatures": (
        lambda: RelaxedOneHotCategorical(np.ones(2), np.zeros((3, 4))),
        "RelaxedOneHotCategorical: the shapes .* temperature (2,), logits (3, 4)",
    ),
    "continuous inside": (
        lambda: ZeroInflated(Normal(0.0, 1.0), 0.0),
        "ZeroInflated: Normal(.*) is continuous; give a discrete distribution of numbers",
    ),
    "vectors inside": (
        lambda: ZeroInflated(OneHotCategorical([0.0, 1.0]), 0.0),
        "ZeroInflated: OneHotCategorical(.*) is one of vectors; give",
    ),
    "shapes inside": (
        lambda: ZeroInflated(Poisson(np.ones(2)), np.zeros(3)),
        "ZeroInflated: logits has the shape (3,), which does not .* Poisson(batch_shape=(2,)",
    ),
    "low": (
        lambda: DiscretizedLogistic(0.0, 1.0, low=0.5),
        "DiscretizedLogistic: low must be a whole number, got 0.5",
    ),
    "high": (
        lambda: DiscretizedLogistic(0.0, 1.0, low=3, high=2),
        "DiscretizedLogistic: high must be a whole number of at least 3, got 2",
    ),
}


test_bad_arguments_are_named = refuses_arguments(BAD_ARGUMENTS)


OUTSIDE = {
    "binomial": (lambda: Binomial(3, 0.0), [-1.0, 0.5, 4.0, np.inf]),
    "poisson": (lambda: Poisson(1.5), [-1.0, 0.5, np.inf]),
    "negative binomial": (lambda: NegativeBinomial(1.5, 0.0), [-1.0, 0.5, np.inf]),
    "geometric": (lambda: Geometric(0.0), [-1.0, 0.5, np.inf]),
    "categorical": (lambda: Categorical([0.0, 1.0]), [-1.0, 0.5, 2.0, np.inf, -np.inf]),
    "zero-inflated": (lambda: ZeroInflated(Poisson(1.5), 0.0), [-1.0, 0.5, np.inf]),
    "discretized logistic": (
        lambda: DiscretizedLogistic(9.0, 2.0),
        [-1.0, 0.5, 256.0, np.inf, -np.inf],
    ),
    "delta": (lambda: Delta(1.0), [0.0, np.inf]),
    "relaxed bernoulli": (lambda: RelaxedBernoulli(1.0, 0.0), [0.0, 1.0, -0.5, 1.5, np.inf]),
}


@pytest.mark.parametrize(("make", "values"), OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.few(4)
def test_values_outside_have_no_mass_and_finite_gradients(make, values):
    d = make()
    value = keras.Variable(np.array([*values, np.nan], "float32"))

    def total():
        log_prob = d.log_prob(value)
        return ops.sum(ops.where(ops.isfinite(log_prob), log_prob, 0.0)), log_prob

    differentiated = ops.compile(ops.value_and_grad(total, [value], has_aux=True), [value])
    (_, log_prob), (gradient,) = differentiated()
    log_prob = numbers(log_prob)
    assert np.isneginf(log_prob[:-1]).all()
    assert np.isnan(log_prob[-1])
    assert np.isfinite(numbers(gradient)[:-1]).all()
    assert not numbers(d.support.contains(value)).any()


@pytest.mark.parametrize(
    ("make", "rows"),
    [
        (lambda: OneHotCategorical([0.0, 1.0]), [[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [2.0, -1.0]]),
        (lambda: RelaxedOneHotCategorical(1.0, [0.0, 1.0]), [[0.0, 1.0], [-0.5, 1.5]]),
        (lambda: ExpRelaxedOneHotCategorical(1.0, [0.0, 1.0]), [[-np.inf, 0.0], [1.0, -1.0]]),
    ],
)
def test_vectors_outside_have_no_mass(make, rows):
    log_prob = numbers(make().log_prob(np.array([*rows, [np.nan, np.nan]], "float32")))
    assert np.isneginf(log_prob[:-1]).all()
    assert np.isnan(log_prob[-1])


def test_counts_of_millions_keep_their_digits_in_float32():
    # Parameters that float32 holds exactly; the references by SciPy in float64.
    k = np.array([999000.0, 1e6, 1001000.0])

    def score(k):
        return [
            Poisson(1e6).log_prob(k),
            Binomial(2e6, probs=0.5).log_prob(k),
            NegativeBinomial(2.0**20, probs=0.5).log_prob(k),
        ]

    references = [stats.poisson(1e6), stats.binom(2e6, 0.5), stats.nbinom(2**20, 0.5)]
    for actual, reference in zip(compiled(score, k.astype("float32")), references, strict=True):
        np.testing.assert_allclose(actual, reference.logpmf(k), rtol=2e-6, atol=2e-4)


def test_categories_are_floats_of_the_dtype_and_may_be_given_as_integers():
    d = Categorical(np.array([[0.0, 1.0, 2.0], [3.0, 1.0, 0.0]], "float32"))
    x = ops.compile(lambda: d.sample((50,), seed=0))()
    assert keras.backend.standardize_dtype(x.dtype) == "float32"
    given = [numbers(x), *(numbers(x).astype(i) for i in ("int32", "int64", "uint8"))]
    scores, *others, beyond = map(
        numbers, ops.compile(lambda: [d.log_prob(v) for v in (*given, np.array([-1, 3]))])()
    )
    for other in others:
        np.testing.assert_array_equal(other, scores)
    assert np.isneginf(beyond).all()
    with pytest.raises(NotImplementedError, match="labels, not amounts"):
        d.mean()


@pytest.mark.parametrize("classes", [5, 500, 2000])  # each has its own way of drawing
@pytest.mark.parametrize("possible", [[1, 3], [0, 4]])
@pytest.mark.few(2)
def test_an_impossible_class_is_never_drawn(classes, possible):
    probs = np.zeros(classes, "float32")
    probs[possible] = 0.25, 0.75
    x = compiled(lambda probs: Categorical(probs=probs).sample(4000, seed=0), probs)
    assert set(np.unique(x)) == set(possible)
    assert abs((x == possible[0]).mean() - 0.25) < 0.035


@pytest.mark.parametrize("classes", [1, 100])
def test_draws_of_one_class_and_of_a_hundred(classes):
    logits = np.random.default_rng(0).normal(size=(2, classes)).astype("float32")
    x = compiled(lambda logits: Categorical(logits).sample(8000, seed=5), logits)
    for column, row in zip(x.T, logits, strict=True):
        counts = np.bincount(column.astype(int), minlength=classes)
        assert counts.size == classes
        expected = 8000 * special.softmax(row.astype("float64"))
        assert classes == 1 or stats.chisquare(counts, expected).pvalue > 1e-5


def test_straight_through_samples_are_one_hot_with_the_gradient_of_the_probabilities():
    logits = keras.Variable(np.array([0.5, -1.0, 2.0], "float32"))
    weights = ops.convert_to_tensor(np.array([1.0, 5.0, -2.0], "float32"))

    def score(straight_through):
        x = OneHotCategorical(logits, straight_through=straight_through).sample(seed=3)
        return ops.sum(x * weights), x

    differentiate = ops.value_and_grad(score, [logits], has_aux=True)
    (_, x), (gradient,) = differentiate(True)
    assert sorted(numbers(x)) == [0.0, 0.0, 1.0]
    p = special.softmax(numbers(logits.value))
    expected = p * (numbers(weights) - p @ numbers(weights))
    np.testing.assert_allclose(numbers(gradient), expected, rtol=1e-5)
    (_, same), (gradient,) = differentiate(False)
    np.testing.assert_array_equal(numbers(same), numbers(x))
    assert (numbers(gradient) == 0).all()
    assert OneHotCategorical(logits, straight_through=True).reparameterized
    assert not OneHotCategorical(logits).reparameterized


def test_the_largest_entry_of_a_relaxed_vector_has_the_probabilities_of_the_classes():
    logits = np.array([0.5, -1.0, 2.0], "float32")
    for temperature in (0.05, 3.0):
        d = RelaxedOneHotCategorical(temperature, logits)
        x = compiled(lambda d=d: d.sample(4000, seed=1))
        counts = np.bincount(x.argmax(-1), minlength=3)
        assert stats.chisquare(counts, 4000 * special.softmax(logits)).pvalue > 1e-5
        assert (x > 0).all()


def test_a_relaxed_vector_of_two_is_a_relaxed_bernoulli():
    x = np.array([0.01, 0.3, 0.9], "float32")
    vector = RelaxedOneHotCategorical(0.6, [0.7, -0.2]).log_prob(np.stack([x, 1 - x], -1))
    number = RelaxedBernoulli(0.6, 0.9).log_prob(x)
    np.testing.assert_allclose(numbers(vector), numbers(number), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RelaxedBernoulli(0.01, [0.0, 5.0]),
        lambda: RelaxedOneHotCategorical(0.01, [0.0, 5.0, 1.0]),
        lambda: ExpRelaxedOneHotCategorical(0.01, [0.0, 5.0, 1.0]),
    ],
)
def test_relaxed_draws_stay_inside_at_low_temperatures(make):
    def draw():
        x = make().sample(1000, seed=0)
        return x, make().log_prob(x)

    x, log_prob = compiled(draw)
    assert np.isfinite(log_prob).all()
    assert np.isfinite(x).all()


def test_draws_of_a_delta_carry_the_gradient_of_its_point():
    loc = keras.Variable([1.0, 2.0])
    gradient = ops.value_and_grad(lambda: ops.sum(Delta(loc).sample(3)), [loc])()[1][0]
    np.testing.assert_array_equal(numbers(gradient), [3.0, 3.0])


def test_the_discretized_logistic_matches_pixel_cnn():
    # As written there: images in [-1, 1], log(max(difference of sigmoids, 1e-12)), edge bins.
    image, loc, log_scale = np.arange(256.0) / 127.5 - 1.0, 0.1, -2.0
    plus = special.expit((image - loc + 1 / 255) * np.exp(-log_scale))
    minus = special.expit((image - loc - 1 / 255) * np.exp(-log_scale))
    expected = np.log(
        np.where(image < -0.999, plus, np.where(image > 0.999, 1 - minus, plus - minus))
    )
    d = DiscretizedLogistic((loc + 1) * 127.5, 127.5 * np.exp(log_scale))
    actual = numbers(d.log_prob(np.arange(256.0)))
    np.testing.assert_allclose(actual, expected, rtol=1e-4)
    assert special.logsumexp(actual) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: NegativeBinomial(2.0, np.zeros(3000)),
        lambda: ZeroInflated(Poisson(np.full(3000, 2.0)), 0.0),
    ],
)
@pytest.mark.slow
def test_several_draws_from_one_seed_are_independent_of_each_other_and_repeat(make):
    def draw(seed):
        return make().sample(seed=ops.SeedSequence(seed))

    drawn = ops.compile(draw)
    first = numbers(drawn(1))
    np.testing.assert_array_equal(first, numbers(drawn(1)))
    assert (first != numbers(drawn(2))).any()
    # Independent: of counts with one rate, the variance is that of the mixture.
    assert first.var() == pytest.approx(float(numbers(make().variance())[0]), rel=0.25)
    generator = keras.random.SeedGenerator(1)
    assert (numbers(make().sample(seed=generator)) != numbers(make().sample(seed=generator))).any()


MASKED, OPEN = np.array([0.5, -np.inf, 1.5, -np.inf]), [0, 2]


@pytest.mark.parametrize("family", [Categorical, OneHotCategorical])
def test_a_logit_of_minus_infinity_is_a_class_that_is_never_drawn(family):
    logits = keras.Variable(MASKED, dtype="float32")
    values = np.arange(4, dtype="float32") if family is Categorical else np.eye(4, dtype="float32")

    def scores():
        d, even = family(logits=logits), family(logits=[0.0] * 4)
        log_prob, entropy = d.log_prob(values), d.entropy()
        divergence = kl_divergence(d, even)
        more = d.sample(2000, seed=0), kl_divergence(d, d), kl_divergence(even, d)
        return ops.sum(log_prob) + entropy + divergence, (log_prob, entropy, divergence, *more)

    differentiated = ops.compile(ops.value_and_grad(scores, [logits], has_aux=True), [logits])
    (_, (log_prob, entropy, divergence, drawn, same, far)), (gradient,) = differentiated()
    expected = special.log_softmax(MASKED)
    np.testing.assert_allclose(numbers(log_prob), expected, rtol=1e-6)
    mean = special.entr(special.softmax(MASKED)).sum()
    assert float(entropy) == pytest.approx(mean, rel=1e-5)
    assert float(divergence) == pytest.approx(np.log(4.0) - mean, rel=1e-5)
    assert np.isfinite(numbers(gradient)).all()

    drawn = numbers(drawn)
    counts = drawn.sum(0) if family is OneHotCategorical else np.bincount(drawn.astype(int))
    assert set(np.flatnonzero(counts)) == {*OPEN}
    assert float(same) == 0.0
    assert np.isposinf(float(far))


@pytest.mark.parametrize("classes", [40, 2000])
@pytest.mark.few(1)
def test_many_classes_that_are_never_drawn(classes):
    logits = np.where(np.arange(classes) % 2, 0.0, -np.inf)
    drawn = numbers(Categorical(logits=logits).sample(3000, seed=0))
    assert (drawn % 2 == 1).all()


def test_divergence_from_what_cannot_be_is_infinite_without_a_gradient():
    logits = keras.Variable(np.zeros(4), dtype="float32")
    value, (gradient,) = ops.compile(
        ops.value_and_grad(
            lambda: kl_divergence(Categorical(logits=logits), Categorical(logits=MASKED)), [logits]
        ),
        [logits],
    )()
    assert np.isposinf(float(value))
    assert np.isfinite(numbers(gradient)).all()


@pytest.mark.slow
def test_negative_binomial_draws_saturate():
    counts, logits = np.array([[0.01], [1.0], [5.0]]), np.array([-1000.0, 1000.0])
    d = NegativeBinomial(counts, logits=logits)
    drawn = numbers(d.sample(50, seed=0))
    assert np.isfinite(drawn).all()
    assert (drawn[..., 0] == 0).all()
    assert (drawn[:, 1:, 1] > 1e38).all()
    for moment, beyond in ((d.mean, np.inf), (d.variance, np.inf)):
        np.testing.assert_array_equal(numbers(moment()), np.broadcast_to([0.0, beyond], (3, 2)))
    # The most probable count is 0 up to a total count of 1.
    np.testing.assert_array_equal(numbers(d.mode()), [[0, 0], [0, 0], [0, np.inf]])
    assert not np.isnan(numbers(d.log_prob(np.array([[[0.0]], [[3.0]]])))).any()


@pytest.mark.parametrize("rate", [1e12, 1e20, 3e38])
@pytest.mark.few(1)
def test_poisson_draws_of_large_rates(rate):
    drawn = numbers(Poisson(rate).sample(100, seed=0)).astype("float64")
    spread = max(5.0 / np.sqrt(rate), 3e-7)
    np.testing.assert_allclose(drawn, rate, rtol=spread)
