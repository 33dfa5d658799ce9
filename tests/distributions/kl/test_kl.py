"""The KL registry: closed forms against independent formulas, quadrature and samples."""

import keras
import numpy as np
import pytest
from scipy import special

from kelbo import ops
from kelbo.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    HalfNormal,
    Independent,
    Laplace,
    MultivariateNormalDiag,
    MultivariateNormalTriL,
    Normal,
    has_kl,
    kl_divergence,
    register_kl,
)
from kelbo.distributions.distribution import Distribution
from kelbo.distributions.kl import registry
from kelbo.distributions.kl.registry import comparable

from ..cases.foundation import ExponentialTiltReference

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


DRAWS = 2000
GENERATOR = np.random.default_rng(0)


def _factor(*shape):
    lower = np.tril(GENERATOR.normal(size=shape), -1)
    return lower + np.eye(shape[-1]) * GENERATOR.uniform(0.4, 2.0, shape[:-1])[..., None]


def normal_kl(q, p):
    """By quadrature over q's central 24 standard deviations."""
    (m, s), (n, t) = q, p
    nodes, weights = np.polynomial.legendre.leggauss(200)
    z = 12.0 * nodes.reshape(-1, *[1] * np.ndim(m + s + n + t))
    weights = 12.0 * weights.reshape(z.shape)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    x = m + s * z
    ratio = -0.5 * z**2 - np.log(s) + 0.5 * ((x - n) / t) ** 2 + np.log(t)
    return np.sum(weights * density * ratio, axis=0)


def gaussian_kl(q, p):
    """From means and covariances, by inverses and determinants."""
    (m, left), (n, right) = q, p
    cov, other = left @ np.swapaxes(left, -1, -2), right @ np.swapaxes(right, -1, -2)
    inverse = np.linalg.inv(other)
    trace = np.trace(inverse @ cov, axis1=-2, axis2=-1)
    distance = np.einsum("...i,...ij,...j->...", n - m, inverse, n - m)
    logs = np.linalg.slogdet(other)[1] - np.linalg.slogdet(cov)[1]
    return 0.5 * (trace + distance - m.shape[-1] + logs)


def bernoulli_kl(q, p):
    return special.rel_entr(q, p) + special.rel_entr(1 - q, 1 - p)


def continuous_bernoulli_kl(q, p):
    q, p = ExponentialTiltReference(q), ExponentialTiltReference(p)
    return q._integral(lambda x: q.log_prob(x) - p.log_prob(x)) / q.total


def diagonal(scale):
    return scale[..., None] * np.eye(scale.shape[-1])


_M, _N = GENERATOR.normal(size=(2, 4, 3))
_S, _T = GENERATOR.uniform(0.3, 3.0, size=(2, 4, 3))
_L, _R = _factor(4, 3, 3), _factor(3, 3)
_ETA, _ZETA = np.array([[-30.0, -1.0, 0.0], [1e-3, 2.0, 9.0]]), np.array([0.0, -2.0, 5.0])

PAIRS = {
    "normal": (Normal(_M, _S), Normal(_N[0], _T), normal_kl((_M, _S), (_N[0], _T))),
    "bernoulli by probs": (
        Bernoulli(probs=[0.0, 0.2, 0.5, 1.0]),
        Bernoulli(probs=[[0.1], [0.9]]),
        bernoulli_kl(np.array([0.0, 0.2, 0.5, 1.0]), np.array([[0.1], [0.9]])),
    ),
    "bernoulli by logits": (
        Bernoulli(logits=_ETA),
        Bernoulli(logits=_ZETA),
        bernoulli_kl(special.expit(_ETA), special.expit(_ZETA)),
    ),
    "continuous bernoulli": (
        ContinuousBernoulli(logits=_ETA),
        ContinuousBernoulli(logits=_ZETA),
        continuous_bernoulli_kl(_ETA, _ZETA),
    ),
    "multivariate normal": (
        MultivariateNormalTriL(_M, _L),
        MultivariateNormalTriL(_N[0], _R),
        gaussian_kl((_M, _L), (_N[0], _R)),
    ),
    "multivariate normal from independent": (
        MultivariateNormalTriL(_M, _L),
        Independent(Normal(_N[0], _T), 1),
        gaussian_kl((_M, _L), (_N[0], diagonal(_T))),
    ),
    "independent from multivariate normal": (
        Independent(Normal(_M, _S), 1),
        MultivariateNormalTriL(_N[0], _R),
        gaussian_kl((_M, diagonal(_S)), (_N[0], _R)),
    ),
    "independent normals": (
        Independent(Normal(_M, _S), 1),
        Normal.standard((3,)),
        np.sum(normal_kl((_M, _S), (np.zeros(3), np.ones(3))), axis=-1),
    ),
    "independent normals over images": (
        Independent(Normal(_M, _S), 2),
        Independent(Normal(_N, 1.5), 2),
        np.sum(normal_kl((_M, _S), (_N, np.array(1.5)))),
    ),
    "independent of no axis": (
        Independent(Normal(_M[0], _S[0]), 0),
        Normal.standard(()),
        normal_kl((_M[0], _S[0]), (np.zeros(()), np.ones(()))),
    ),
    "independent bernoullis": (
        Independent(Bernoulli(logits=_ETA), 1),
        Independent(Bernoulli(logits=_ZETA), 1),
        bernoulli_kl(special.expit(_ETA), special.expit(_ZETA)).sum(-1),
    ),
    "independent multivariate normals": (
        Independent(MultivariateNormalTriL(_M, _L), 1),
        Independent(MultivariateNormalTriL(_N, _L), 1),
        gaussian_kl((_M, _L), (_N, _L)).sum(-1),
    ),
}


@pytest.mark.parametrize(("q", "p", "expected"), PAIRS.values(), ids=PAIRS)
@pytest.mark.few(4)
def test_closed_forms(q, p, expected):
    def everything(seed):
        left, right = comparable(q, p)
        new_axes = [1] * (len(p.batch_shape) - len(q.batch_shape))
        x = left.sample((DRAWS, *new_axes), seed=ops.SeedSequence(seed))
        return kl_divergence(q, p), kl_divergence(q, q), left.log_prob(x) - right.log_prob(x)

    assert has_kl(q, p)
    kl, zero, ratios = (ops.convert_to_numpy(x) for x in ops.compile(everything)(0))
    assert kl.shape == expected.shape == ratios.shape[1:]
    np.testing.assert_allclose(kl, expected, rtol=2e-5, atol=2e-6)
    assert (kl >= 0).all()
    np.testing.assert_allclose(zero, 0.0, atol=5e-7 * np.prod(q.event_shape, initial=1.0) + 1e-12)
    error = ratios.std(0) / np.sqrt(DRAWS) + 2e-4  # a rare event may not be among the draws
    assert (np.abs(ratios.mean(0) - kl) < 5 * error).all()


def test_bernoullis_that_are_certain():
    def kl(q, p):
        return float(kl_divergence(Bernoulli(probs=q), Bernoulli(probs=p)))

    assert kl(0.0, 0.0) == kl(1.0, 1.0) == 0.0
    assert kl(0.5, 1.0) == kl(0.5, 0.0) == kl(0.0, 1.0) == np.inf
    far = kl_divergence(Bernoulli(logits=1e3), Bernoulli(logits=-1e3))
    assert float(far) == pytest.approx(1e3)


def test_float64_beside_float32_gives_float64(float64):
    wide = Independent(Normal(np.array([0.1, 0.2]), 1.0), 1)
    for q, p in ((wide, Normal.standard((2,))), (Normal.standard((2,)), wide)):
        result = kl_divergence(q, p)
        assert keras.backend.standardize_dtype(result.dtype) == "float64"
        assert float(result) == pytest.approx(0.5 * (0.1**2 + 0.2**2), rel=1e-12)


@pytest.mark.parametrize(
    ("q", "p", "names"),
    [
        (Normal(0.0, 1.0), ContinuousBernoulli(logits=0.0), r"Normal || ContinuousBernoulli"),
        (
            Independent(Bernoulli(probs=[0.5])),
            Independent(Normal([0.0], 1.0)),
            r"Independent[Bernoulli] || Independent[Normal]",
        ),
        (
            Independent(MultivariateNormalTriL([[0.0]], [[1.0]])),
            Independent(Normal([[0.0]], 1.0)),
            r"Independent[MultivariateNormalTriL] || Independent[Normal]",
        ),
    ],
)
def test_no_closed_form_names_the_pair_and_the_way_out(q, p, names):
    assert not has_kl(q, p)
    with pytest.raises(NotImplementedError) as error:
        kl_divergence(q, p)
    assert f"KL({names})" in str(error.value)
    assert "MonteCarloKL" in str(error.value)


@pytest.mark.parametrize(
    ("q", "p"),
    [
        (Normal([0.0, 1.0], 1.0), Normal.standard((2,))),
        (Normal.standard((3,)), Normal.standard((2,))),
        (Normal.standard((1,)), MultivariateNormalTriL([0.0, 0.0], np.eye(2))),
        (Normal.standard((1,)), Normal.standard((4,))),
    ],
)
def test_event_shapes_must_agree(q, p):
    assert not has_kl(q, p)
    with pytest.raises(ValueError) as error:
        kl_divergence(q, p)
    assert str(q.event_shape) in str(error.value)
    assert str(p.event_shape) in str(error.value)
    assert "Independent" in str(error.value)


def test_a_new_family_registers_its_divergence(monkeypatch):
    monkeypatch.setattr(registry, "_FORMULAS", dict(registry._FORMULAS))  # it is the process's

    class Shifted(Normal):
        """Its own family by name, a normal by descent."""

    class Point(Distribution):
        """All mass in one place."""

        def _sample(self, shape, seed):
            return ops.zeros(shape)

        def _log_prob(self, value):
            return ops.zeros(value.shape)

    normal = Normal(0.0, 1.0)
    assert float(kl_divergence(Shifted(1.0, 1.0), normal)) == 0.5  # the parent's formula

    @register_kl(Point, Normal)
    def _point_normal(q, p):
        return ops.convert_to_tensor(7.0)

    from kelbo.distributions import constraints

    Point.parameters = {"at": constraints.real}
    assert float(kl_divergence(Point(at=0.0), normal)) == 7.0
    assert float(kl_divergence(Independent(Point(at=0.0), 0), normal)) == 7.0
    with pytest.raises(ValueError, match="registered already"):
        register_kl(Point, Normal)(lambda q, p: 0.0)


# Of scales whose square underflows; the derivatives are by the logarithms of the scales.
SMALL = 2.0**-66
SMALL_SCALES = {
    "normal": (
        lambda s, t: kl_divergence(Normal(0.0, s), Normal(0.0, t)),
        lambda r: 0.5 * (r**2 - 1.0) - np.log(r),
        lambda r: r**2 - 1.0,
    ),
    "half normal": (
        lambda s, t: kl_divergence(HalfNormal(s), HalfNormal(t)),
        lambda r: 0.5 * (r**2 - 1.0) - np.log(r),
        lambda r: r**2 - 1.0,
    ),
    "multivariate normal": (
        lambda s, t: kl_divergence(
            MultivariateNormalDiag([0.0], s[..., None]), MultivariateNormalDiag([0.0], t[..., None])
        ),
        lambda r: 0.5 * (r**2 - 1.0) - np.log(r),
        lambda r: r**2 - 1.0,
    ),
    "laplace": (
        lambda s, t: kl_divergence(Laplace(0.0, s), Laplace(0.0, t)),
        lambda r: r - 1.0 - np.log(r),
        lambda r: r - 1.0,
    ),
}


@pytest.mark.parametrize(
    ("divergence", "expected", "slope"), SMALL_SCALES.values(), ids=SMALL_SCALES
)
@pytest.mark.few(2)
def test_scales_whose_square_underflows(divergence, expected, slope):
    ratios = np.array([0.25, 1.0, 2.0])
    s, t = keras.Variable(SMALL * ratios), keras.Variable(np.full(3, SMALL))

    def total():
        kl = divergence(s.value, t.value)
        return ops.sum(kl), kl

    (_, kl), (by_s, by_t) = ops.compile(ops.value_and_grad(total, [s, t], has_aux=True), [s, t])()
    np.testing.assert_allclose(numbers(kl), expected(ratios), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(SMALL * ratios * numbers(by_s), slope(ratios), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(SMALL * numbers(by_t), -slope(ratios), rtol=1e-5, atol=1e-6)


def test_the_divergence_of_a_small_scale_from_1_is_finite():
    scale = keras.Variable(SMALL)
    kl, (slope,) = ops.compile(
        ops.value_and_grad(lambda: kl_divergence(Normal(0.0, scale), Normal(0.0, 1.0)), [scale]),
        [scale],
    )()
    assert float(kl) == pytest.approx(-0.5 - np.log(SMALL), rel=1e-6)
    assert float(slope) == pytest.approx(-1.0 / SMALL, rel=1e-6)


def test_batches_that_do_not_broadcast_are_named():
    q, p = Normal(np.zeros(3), 1.0), Normal(np.zeros(2), 1.0)
    message = r"^The batch shape \(3,\) of Normal does not broadcast against \(2,\), that of Normal"
    for compare in (kl_divergence, comparable):
        with pytest.raises(ValueError, match=message):
            compare(q, p)
