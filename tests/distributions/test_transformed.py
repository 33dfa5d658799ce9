"""Transformed: outside of what is reached, shapes, supports, and divergences through one map."""

import keras
import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import ops
from kelbo.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Dirichlet,
    Exponential,
    Gamma,
    HalfNormal,
    Independent,
    LKJCholesky,
    MultivariateNormalTriL,
    Normal,
    Transformed,
    TruncatedNormal,
    Uniform,
    constraints,
    has_kl,
    kl_divergence,
)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

NAN, INF = np.nan, np.inf


def numbers(x):
    return ops.convert_to_numpy(x)


def normal_vector(size=2, **more):
    return Independent(Normal(np.zeros(size), 1.0, **more), 1)


# Of what is not reached: the distribution, values, and where they are reached.
EDGES = {
    "exp": (Transformed(Normal(0.0, 1.0), kb.Exp()), [-1.0, 0.0, 2.0, INF], [0, 0, 1, 0]),
    "softplus": (Transformed(Normal(0.0, 1.0), kb.Softplus()), [-1.0, 0.0, 2.0], [0, 0, 1]),
    "sigmoid": (
        Transformed(Normal(0.0, 1.0), kb.Sigmoid()),
        [-0.1, 0.0, 0.5, 1.0, 1.1],
        [0, 0, 1, 0, 0],
    ),
    "tanh": (Transformed(Normal(0.0, 1.0), kb.Tanh()), [-1.0, 0.0, 1.0, 3.0], [0, 1, 0, 0]),
    "chain": (
        Transformed(Normal(0.0, 1.0), kb.Chain([kb.Exp(), kb.Affine(1.0, -2.0)])),
        [-3.0, 0.9, 1.0, 2.0],
        [1, 1, 0, 0],
    ),
    "power of positive numbers": (
        Transformed(Transformed(Normal(0.0, 1.0), kb.Exp()), kb.Power(0.5)),
        [-1.0, 0.0, 2.0],
        [0, 0, 1],
    ),
    "part of what is reached": (
        Transformed(ContinuousBernoulli(logits=1.0), kb.Exp()),
        [0.5, 1.5, 3.0],
        [0, 1, 0],
    ),
    "entries": (
        Transformed(normal_vector(), kb.Exp()),
        [[1.0, 2.0], [1.0, -1.0], [0.0, 0.0]],
        [1, 0, 0],
    ),
    "ordered": (
        Transformed(normal_vector(), kb.Ordered()),
        [[1.0, 2.0], [1.0, 1.0], [2.0, 1.0]],
        [1, 0, 0],
    ),
    "simplex": (
        Transformed(normal_vector(), kb.Simplex()),
        [[0.2, 0.3, 0.5], [0.5, 0.5, 0.0], [0.5, 0.6, 0.2], [-0.5, 0.5, 1.0]],
        [1, 0, 0, 0],
    ),
    "cholesky factor": (
        Transformed(normal_vector(3), kb.CholeskyFactor()),
        [[[1.0, 0.0], [5.0, 2.0]], [[1.0, 0.1], [5.0, 2.0]], [[1.0, 0.0], [5.0, -2.0]]],
        [1, 0, 0],
    ),
    "stack": (
        Transformed(normal_vector(), kb.Stack([kb.Exp(), kb.Tanh()])),
        [[1.0, 0.5], [-1.0, 0.5], [1.0, 1.5]],
        [1, 0, 0],
    ),
    "split": (
        Transformed(normal_vector(3), kb.Split([kb.Ordered(), kb.Exp()], [2, 1])),
        [[1.0, 2.0, 1.0], [1.0, 0.5, 1.0], [1.0, 2.0, -1.0]],
        [1, 0, 0],
    ),
}


@pytest.mark.parametrize(("d", "values", "inside"), EDGES.values(), ids=EDGES)
@pytest.mark.few(4)
def test_there_is_no_mass_outside_of_what_is_reached(d, values, inside):
    value = keras.Variable(values)

    def total():
        log_prob = d.log_prob(value)
        return ops.sum(ops.where(ops.isfinite(log_prob), log_prob, 0.0)), log_prob

    differentiate = ops.compile(ops.value_and_grad(total, [value], has_aux=True), [value])
    (_, log_prob), (gradient,) = differentiate()
    log_prob, inside = numbers(log_prob), np.array(inside, bool)
    assert np.isfinite(log_prob[inside]).all()
    assert np.isneginf(log_prob[~inside]).all()
    assert np.isfinite(numbers(gradient)).all()

    def look(value):
        return d.support.contains(value), d.log_prob(ops.full_like(value[0], NAN))

    contained, of_nan = map(numbers, ops.compile(look)(ops.convert_to_tensor(values)))
    # Of vectors the support may be that of one entry.
    assert contained.reshape(len(inside), -1).all(axis=1).tolist() == inside.tolist()
    assert np.isnan(of_nan).all()


def test_distribution_functions_beside_the_support():
    rising = Transformed(Normal(0.0, 1.0), kb.Chain([kb.Exp(), kb.Shift(1.0)]))
    falling = Transformed(Normal(0.0, 1.0), kb.Chain([kb.Exp(), kb.Affine(1.0, -1.0)]))
    x = np.array([-INF, -5.0, 1.0, 2.0, INF], "float32")
    np.testing.assert_allclose(numbers(rising.cdf(x))[[0, 1, 2, 4]], [0.0, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(numbers(falling.cdf(x))[[0, 2, 3, 4]], [0.0, 1.0, 1.0, 1.0])
    assert float(rising.cdf(2.0)) == pytest.approx(0.5)
    assert float(falling.cdf(0.0)) == pytest.approx(0.5)
    u = np.array([0.1, 0.5, 0.9], "float32")
    np.testing.assert_allclose(numbers(falling.cdf(falling.quantile(u))), u, rtol=1e-5)
    mixed = Transformed(Normal(0.0, 1.0), kb.Scale([2.0, -2.0]))
    np.testing.assert_allclose(numbers(mixed.cdf(2.0)), [0.841345, 0.841345], rtol=1e-5)


def test_missing_distribution_functions_are_named():
    for d in (
        Transformed(normal_vector(), kb.Exp()),
        Transformed(Normal(0.0, 1.0), kb.Inline(ops.sinh, ops.arcsinh, ops.abs)),
    ):
        with pytest.raises(NotImplementedError, match="cumulative distribution function"):
            d.cdf(0.5)
        with pytest.raises(NotImplementedError, match="quantile function"):
            d.quantile(0.5)


FACTOR = np.array([[1.0, 0.0], [0.5, 2.0]])
SHAPES = {
    "batch of maps": (lambda: Transformed(Normal(0.0, 1.0), kb.Shift([0.0, 1.0, 2.0])), (3,), ()),
    "two batches": (
        lambda: Transformed(Normal([0.0, 1.0], 1.0), kb.Scale([[1.0], [2.0], [3.0]])),
        (3, 2),
        (),
    ),
    "map of entries": (
        lambda: Transformed(normal_vector(3), kb.Shift([0.0, 1.0, 2.0])),
        (),
        (3,),
    ),
    "batch of maps of entries": (
        lambda: Transformed(normal_vector(3), kb.Shift(np.zeros((4, 1)))),
        (4,),
        (3,),
    ),
    "batch of matrices": (
        lambda: Transformed(normal_vector(), kb.ScaleTriL(np.stack([FACTOR] * 3))),
        (3,),
        (2,),
    ),
    "rows": (
        lambda: Transformed(
            Independent(Normal(np.zeros((5, 4, 2)), 1.0), 2), kb.ScaleTriL(np.stack([FACTOR] * 4))
        ),
        (5,),
        (4, 2),
    ),
    "one number more": (
        lambda: Transformed(Independent(Normal(np.zeros((5, 2)), 1.0), 1), kb.Simplex()),
        (5,),
        (3,),
    ),
    "matrices": (lambda: Transformed(normal_vector(3), kb.CholeskyFactor()), (), (2, 2)),
}


@pytest.mark.parametrize(("make", "batch", "event"), SHAPES.values(), ids=SHAPES)
@pytest.mark.few(3)
def test_shapes(make, batch, event):
    d = make()
    assert (d.batch_shape, d.event_shape) == (batch, event)

    def draw(seed):
        d = make()
        one, seeds = d.sample(seed=0), [ops.SeedSequence(seed) for _ in range(2)]
        y, log_prob = d.sample_and_log_prob((6,), seed=seeds[0])
        return one, y, log_prob, d.sample((6,), seed=seeds[1]), d.log_prob(y)

    one, y, log_prob, again, score = map(numbers, ops.compile(draw)(1))
    assert one.shape == batch + event
    assert y.shape == again.shape == (6, *batch, *event)
    assert log_prob.shape == score.shape == (6, *batch)
    np.testing.assert_allclose(y, again, rtol=1e-6)
    np.testing.assert_allclose(log_prob, score, rtol=1e-3, atol=1e-3)
    # Each of a batch has draws of its own.
    flat = y.reshape(6, *batch, -1)[..., 0].reshape(6, -1)
    assert len(np.unique(flat)) >= flat.size // 2


def test_what_does_not_fit_is_refused():
    cases = {
        r"maps values of rank 1, but .* Independent\(distribution, 1\)": (
            Normal(np.zeros(2), 1.0),
            kb.Ordered(),
        ),
        "is discrete": (Bernoulli(probs=0.5), kb.Exp()),
        r"a batch of shape \(3,\), which does not fit in values of shape \(1,\)": (
            normal_vector(1),
            kb.Shift([0.0, 1.0, 2.0]),
        ),
        r"ScaleTriL: .* of 2 entries, not values of shape \(3,\)": (
            normal_vector(3),
            kb.ScaleTriL(FACTOR),
        ),
        "do not broadcast": (Normal(np.zeros(2), 1.0), kb.Shift([0.0, 1.0, 2.0])),
    }
    for message, (distribution, bijector) in cases.items():
        with pytest.raises(ValueError, match=message) as error:
            Transformed(distribution, bijector)
        assert "\n" not in str(error.value)


def test_supports():
    simple = {
        constraints.real: Transformed(Normal(0.0, 1.0), kb.Scale(2.0)),
        constraints.positive: Transformed(Normal(0.0, 1.0), kb.Exp()),
        constraints.ordered: Transformed(normal_vector(), kb.Ordered()),
    }
    for support, d in simple.items():
        assert d.support is support
    doubled = Transformed(ContinuousBernoulli(logits=0.0), kb.Scale(2.0)).support
    contained = numbers(doubled.contains(np.array([-0.5, 0.5, 1.5, 2.5], "float32")))
    assert contained.tolist() == [False, True, True, False]
    # Of vectors that are themselves constrained, by a map of numbers.
    inner = Transformed(normal_vector(), kb.Simplex())
    shares = Transformed(inner, kb.Scale(3.0)).support
    assert shares.event_rank == 1
    contained = numbers(shares.contains(np.array([[1.0, 1.0, 1.0], [0.2, 0.3, 0.5]], "float32")))
    assert contained.tolist() == [True, False]


LEAVES = {
    "numbers into a logarithm": lambda: (Normal(0.0, 1.0), kb.Log()),
    "by entries": lambda: (normal_vector(), kb.Power(2.0)),
    "positive numbers into shares": lambda: (Gamma(1.0, 1.0), kb.Inverse(kb.Sigmoid())),
    "an interval that is too long": lambda: (Uniform(-0.5, 0.5), kb.Inverse(kb.Sigmoid())),
    "one of a batch of intervals": lambda: (Uniform([1.0, -1.0], 2.0), kb.Log()),
    "one of a batch of maps": lambda: (Uniform(0.0, 1.0), kb.Inverse(kb.Sigmoid(0.0, [1.0, 0.5]))),
    "what a chain takes": lambda: (Normal(0.0, 1.0), kb.Chain([kb.Shift(3.0), kb.Log()])),
    "what a chain that mirrors takes": lambda: (
        Gamma(1.0, 1.0),
        kb.Chain([kb.Affine(0.0, -1.0), kb.Log()]),
    ),
    "an image": lambda: (
        Transformed(Normal(0.0, 1.0), kb.Chain([kb.Exp(), kb.Shift(-2.0)])),
        kb.Log(),
    ),
    "vectors that are not ordered": lambda: (normal_vector(), kb.Inverse(kb.Ordered())),
    "vectors that are no shares": lambda: (normal_vector(), kb.Inverse(kb.Simplex())),
    "shares that do not stay between": lambda: (
        Dirichlet([1.0, 1.0]),
        kb.Inverse(kb.Sigmoid(0.1, 0.9)),
    ),
}


@pytest.mark.parametrize("make", LEAVES.values(), ids=LEAVES)
def test_a_base_that_leaves_the_domain_is_refused(make):
    base, bijector = make()
    with pytest.raises(ValueError, match=r"^Transformed: .* has the support .* its domain, .*onto"):
        Transformed(base, bijector)


STAYS = {
    "positive numbers": lambda: (Gamma(1.0, 1.0), kb.Log()),
    "numbers of at least 0": lambda: (Exponential(1.0), kb.Power(-1.0)),
    "a closed interval in an open one": lambda: (Uniform(0.0, 1.0), kb.Inverse(kb.Sigmoid())),
    "a batch of intervals": lambda: (
        Uniform([0.1, 0.3], [0.7, 0.9]),
        kb.Inverse(kb.Sigmoid([0.1, 0.3], [0.7, 0.9])),
    ),
    "shares by entries": lambda: (Dirichlet([1.0, 1.0]), kb.Log()),
    "shares": lambda: (Dirichlet([1.0, 1.0]), kb.Inverse(kb.Simplex())),
    "a truncated normal": lambda: (TruncatedNormal(0.0, 1.0, 0.0, np.inf), kb.Log()),
    "what a chain takes": lambda: (
        TruncatedNormal(0.0, 1.0, -0.3, np.inf),
        kb.Chain([kb.Shift(0.3), kb.Log()]),
    ),
    "an image that is rounded": lambda: (
        Transformed(Gamma(1.0, 1.0), kb.Chain([kb.Shift(0.1), kb.Scale(3.0)])),
        kb.Chain([kb.Affine(-0.1, 1.0 / 3.0), kb.Log()]),
    ),
    "ordered vectors": lambda: (
        Transformed(normal_vector(), kb.Ordered()),
        kb.Inverse(kb.Ordered()),
    ),
    "intervals side by side, which are ordered": lambda: (
        Independent(Uniform([0.0, 2.0], [1.0, 3.0])),
        kb.Inverse(kb.Ordered()),
    ),
    "factors": lambda: (LKJCholesky(3, 1.0), kb.CholeskyOuterProduct()),
    "parts": lambda: (normal_vector(), kb.Stack([kb.Exp(), kb.Tanh()])),
    "a half that is infinite": lambda: (HalfNormal(1.0), kb.Chain([kb.Log(), kb.Exp(), kb.Log()])),
}


@pytest.mark.parametrize("make", STAYS.values(), ids=STAYS)
@pytest.mark.few(2)
def test_a_base_that_stays_in_the_domain_is_taken(make):
    d = Transformed(*make())
    y, log_prob = ops.compile(lambda: d.sample_and_log_prob((50,), seed=0))()
    assert np.isfinite(numbers(y)).all()
    assert np.isfinite(numbers(log_prob)).all()


def test_traced_ends_are_not_judged():
    def score(low):
        return Transformed(Uniform(low, low + 1.0), kb.Log()).log_prob(0.0)

    assert float(ops.compile(score)(ops.convert_to_tensor(0.5))) == pytest.approx(0.0)
    with pytest.raises(ValueError, match="has the support"):
        ops.compile(lambda loc: Transformed(Normal(loc, 1.0), kb.Log()).log_prob(0.0))(
            ops.convert_to_tensor(0.5)
        )


def test_the_wider_dtype_wins(float64):
    for d in (
        Transformed(Normal(0.0, 1.0), kb.Shift(1.0, dtype="float64")),
        Transformed(Normal(0.0, 1.0, dtype="float64"), kb.Shift(1.0)),
        Transformed(Normal(0.0, 1.0, dtype="float64"), kb.Exp()),
    ):
        assert d.dtype == d.distribution.dtype == d.bijector.dtype == "float64"
        assert str(numbers(d.sample(seed=0)).dtype) == "float64"
        assert d.astype("float32").dtype == "float32"
    assert Transformed(Normal(0.0, 1.0), kb.Exp(dtype="float64")).dtype == "float32"


def test_parameters_of_both_train():
    loc, shift = keras.Variable(0.5), keras.Variable([1.0, 2.0])

    def total():
        d = Transformed(Normal(loc, 1.0), kb.Chain([kb.Exp(), kb.Shift(shift)]))
        return ops.sum(d.sample(seed=0)) + ops.sum(d.log_prob([2.0, 3.0]))

    variables = [loc, shift]
    _, gradients = ops.compile(ops.value_and_grad(total, variables), variables)()
    assert all(np.isfinite(numbers(gradient)).all() for gradient in gradients)
    assert all((numbers(gradient) != 0).all() for gradient in gradients)


def test_ends_that_are_traced():
    def score(low, high):
        d = Transformed(Normal(0.0, 1.0), kb.Sigmoid(low, high))
        return d.log_prob([0.5, 1.5]), d.cdf([0.5, 1.5])

    arguments = [ops.convert_to_tensor(x) for x in (0.0, 1.0)]
    compiled, eager = ops.compile(score)(*arguments), score(*arguments)
    for one, other in zip(compiled, eager, strict=True):
        np.testing.assert_allclose(numbers(one), numbers(other), rtol=1e-6)
    assert np.isneginf(numbers(compiled[0])[1])
    assert numbers(compiled[1])[1] == 1.0


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shapes are static elsewhere")
@pytest.mark.usefixtures("quick_compilation", "in_a_graph")
def test_batches_of_unknown_size():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, 2), "float32")])
    def draw(shift):
        d = Transformed(normal_vector(), kb.Chain([kb.Ordered(), kb.Shift(shift), kb.Exp()]))
        assert d.batch_shape == (None,)
        y, log_prob = d.sample_and_log_prob((3,), seed=0)
        assert (d[1:].batch_shape, d[-1].batch_shape) == ((None,), ())
        return y, log_prob, d.log_prob(y), d[:1].log_prob(y[:, :1]), d[-1].log_prob(y[:, -1])

    for size in (4, 1):
        y, log_prob, again, first, last = draw(tf.zeros((size, 2)))
        np.testing.assert_allclose(numbers(first), numbers(again)[:, :1], rtol=1e-5)
        np.testing.assert_allclose(numbers(last), numbers(again)[:, -1], rtol=1e-5)
        assert tuple(y.shape) == (3, size, 2)
        np.testing.assert_allclose(numbers(log_prob), numbers(again), rtol=1e-3, atol=1e-4)
        assert len(np.unique(numbers(y))) == y.shape.num_elements()


def maps():
    return kb.Chain([kb.ScaleTriL(FACTOR), kb.Exp()])


@pytest.mark.slow
def test_one_map_of_both_leaves_the_divergence_as_it_is():
    q = MultivariateNormalTriL([0.3, -0.2], FACTOR)
    p = MultivariateNormalTriL([[0.0, 0.0], [1.0, 1.0]], np.eye(2))
    expected = numbers(kl_divergence(q, p))
    shared = maps()
    for first, second in ((shared, shared), (maps(), maps())):
        one, other = Transformed(q, first), Transformed(p, second)
        assert has_kl(one, other)
        np.testing.assert_allclose(numbers(kl_divergence(one, other)), expected, rtol=1e-6)
    # By samples, where the maps count.
    x, log_q = Transformed(q, shared).sample_and_log_prob((4000, 1), seed=3)
    estimate = numbers(log_q - Transformed(p, shared).log_prob(x))
    error = 5 * estimate.std(0) / np.sqrt(len(estimate))
    assert (np.abs(estimate.mean(0) - expected) < error).all()


def test_other_maps_have_no_closed_divergence():
    q, p = Normal(0.0, 1.0), Normal(1.0, 2.0)
    pairs = [
        (Transformed(q, kb.Scale(2.0)), Transformed(p, kb.Scale(3.0))),
        (Transformed(q, kb.Exp()), Transformed(p, kb.Softplus())),
        (Transformed(q, kb.Exp()), p),
        (Transformed(q, kb.Exp()), Transformed(ContinuousBernoulli(logits=1.0), kb.Exp())),
    ]
    for one, other in pairs:
        assert not has_kl(one, other)
        with pytest.raises(NotImplementedError, match=r"KL\(Transformed\[.* has no closed form"):
            kl_divergence(one, other)


def test_divergences_of_batches_of_maps_and_of_independent_ones():
    bijector = kb.Scale([1.0, 2.0, 3.0])
    q, p = Normal(0.0, 1.0), Normal(1.0, 1.0)
    kl = numbers(kl_divergence(Transformed(q, bijector), Transformed(p, bijector)))
    np.testing.assert_allclose(kl, [0.5, 0.5, 0.5], rtol=1e-6)
    vectors = [Independent(Transformed(d, bijector), 1) for d in (q, p)]
    assert float(kl_divergence(*vectors)) == pytest.approx(1.5)
    mixed = Transformed(q, bijector), Transformed(p, kb.Scale([1.0, 2.0, 3.0], validate=False))
    assert has_kl(*mixed)


def test_divergences_across_dtypes(float64):
    q = Transformed(Normal(0.0, 1.0, dtype="float64"), kb.Scale(2.0))
    p = Transformed(Normal(1.0, 1.0), kb.Scale(2.0))
    assert has_kl(q, p)
    assert float(kl_divergence(q, p)) == pytest.approx(0.5)
