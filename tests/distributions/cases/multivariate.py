"""The entries of vectors and matrices: multivariate normals, LKJCholesky."""

import numpy as np
from scipy import special

from kelbo.distributions import (
    LKJCholesky,
    MultivariateNormalDiag,
    MultivariateNormalFullCovariance,
    MultivariateNormalLowRank,
    MultivariateNormalTriL,
)

from .case import NO_CDF, Case, Tail
from .references import MultivariateNormalReference

_generator = np.random.default_rng(11)
_normals, _uniforms = _generator.normal, _generator.uniform


def _diagonals(vectors):
    return np.asarray(vectors)[..., None] * np.eye(np.shape(vectors)[-1])


def _by_covariance(loc, covariance_matrix):
    return MultivariateNormalReference(loc, np.linalg.cholesky(covariance_matrix))


def _by_diagonal(loc, scale_diag):
    return MultivariateNormalReference(loc, _diagonals(scale_diag))


def _by_low_rank(loc, cov_diag_factor, cov_perturb_factor):
    spread = cov_perturb_factor @ np.swapaxes(cov_perturb_factor, -1, -2)
    return _by_covariance(loc, _diagonals(cov_diag_factor) + spread)


def _numpyro_diagonal(loc, scale_diag):
    from numpyro import distributions

    return distributions.Normal(loc, scale_diag).to_event(1)


def _numpyro_tril(loc, scale_tril):
    from numpyro import distributions

    return distributions.MultivariateNormal(loc, scale_tril=scale_tril)


def _numpyro_covariance(loc, covariance_matrix):
    from numpyro import distributions

    return distributions.MultivariateNormal(loc, covariance_matrix=covariance_matrix)


def _numpyro_low_rank(loc, cov_diag_factor, cov_perturb_factor):
    from numpyro import distributions

    return distributions.LowRankMultivariateNormal(loc, cov_perturb_factor, cov_diag_factor)


def _covariances(*shape):
    factors = _normals(size=shape)
    return factors @ np.swapaxes(factors, -1, -2) + 0.3 * np.eye(shape[-1])


def _symmetric(x):
    return 0.5 * (x + np.swapaxes(x, -1, -2))


class LKJReference:
    """By quadrature over the angle between a row and its last axis, one row after another.

    The row i lies on half a sphere: its part v below the diagonal is anywhere in a ball of i - 1
    dimensions, with a density of cos(angle)^exponent; |v| = sin(angle). The rule is that of
    Takahasi and Mori, which converges where an end is singular.
    """

    steps = np.linspace(-4.2, 4.2, 801)
    # Of the angle, in units of pi / 2: what is left to 1, which keeps its digits near 1.
    rest = 1.0 / (1.0 + np.exp(np.pi * np.sinh(steps)))
    angle_weights = 0.5 * np.pi * rest * (1.0 - rest) * np.pi * np.cosh(steps) * np.diff(steps)[0]
    sines, cosines = np.cos(0.5 * np.pi * rest), np.sin(0.5 * np.pi * rest)

    def __init__(self, dimension, concentration):
        self.dimension = dimension
        self.rows = np.arange(2, dimension + 1)
        eta = np.asarray(concentration, "float64")[..., None]
        self.batch = eta.shape[:-1]
        self.eta = eta[..., 0]
        self.exponents = dimension - self.rows + 2.0 * (eta - 1.0)
        size = self.rows - 1.0  # of v
        surface = 2.0 * np.pi ** (size / 2) / special.gamma(size / 2)
        sines = self.sines ** (size[:, None] - 1.0)
        masses = sines * self.cosines ** (self.exponents[..., None] + 1.0) * self.angle_weights
        masses = surface[:, None] * masses
        self.log_total = np.log(masses.sum(-1))
        self.masses = masses / masses.sum(-1, keepdims=True)

    def log_prob(self, x):
        diagonal = np.diagonal(x, axis1=-2, axis2=-1)[..., 1:]
        return np.sum(self.exponents * np.log(diagonal) - self.log_total, axis=-1)

    def entropy(self):
        mean_log = np.sum(self.masses * np.log(self.cosines), axis=-1)
        return np.sum(self.log_total - self.exponents * mean_log, axis=-1)

    def mean(self):
        result = np.zeros((*self.batch, self.dimension, self.dimension))
        result[..., 0, 0] = 1.0
        result[..., self.rows - 1, self.rows - 1] = np.sum(self.masses * self.cosines, axis=-1)
        return result

    def variance(self):
        result = np.zeros((*self.batch, self.dimension, self.dimension))
        for k, row in enumerate(self.rows - 1):
            squares = np.sum(self.masses[..., k, :] * self.sines**2, axis=-1)
            result[..., row, :row] = (squares / row)[..., None]
            result[..., row, row] = 1.0 - squares - self.mean()[..., row, row] ** 2
        return result

    def mode(self):
        is_bounded = (self.eta >= 1.0)[..., None, None]
        return np.where(is_bounded, np.eye(self.dimension), np.nan)


class _Densities:
    """Of numpyro, beside moments that it does not have."""

    def __init__(self, log_prob, reference):
        self.log_prob = log_prob
        self.mean, self.variance = reference.mean(), reference.variance()


def _lkj(dimension):
    return lambda concentration: LKJReference(dimension, concentration)


def _numpyro_lkj(dimension):
    def make(concentration):
        from numpyro import distributions

        theirs = distributions.LKJCholesky(dimension, concentration)
        return _Densities(theirs.log_prob, LKJReference(dimension, concentration))

    return make


def _correlation_factors(*shape):
    lower = np.tril(_normals(size=shape))
    diagonal = np.diagonal(lower, axis1=-2, axis2=-1)
    lower = lower + _diagonals(np.abs(diagonal) - diagonal)
    return lower / np.linalg.norm(lower, axis=-1, keepdims=True)


CASES = [
    Case(
        "multivariate normal of a factor per row",
        MultivariateNormalTriL,
        {
            "loc": _normals(size=(3, 1, 2)),
            "scale_tril": np.linalg.cholesky(_covariances(3, 1, 2, 2)),
        },
        MultivariateNormalReference,
        _normals(size=(4, 3, 5, 2)),
        batch_shape=(3, 1),
        event_shape=(2,),
        missing=NO_CDF,
        numpyro=_numpyro_tril,
        is_variant=True,
    ),
    Case(
        "multivariate normal by a diagonal",
        MultivariateNormalDiag,
        {"loc": _normals(size=(2, 1, 3)), "scale_diag": _uniforms(0.2, 3.0, size=(4, 3))},
        _by_diagonal,
        _normals(size=(3, 2, 4, 3)),
        batch_shape=(2, 4),
        event_shape=(3,),
        missing=NO_CDF,
        numpyro=_numpyro_diagonal,
    ),
    Case(
        "multivariate normal by a diagonal of one number",
        MultivariateNormalDiag,
        {"loc": np.array([0.5]), "scale_diag": np.array([1e-3])},
        _by_diagonal,
        0.5 + 1e-3 * _normals(size=(3, 1)),
        event_shape=(1,),
        missing=NO_CDF,
        # The digits that 0.5 leaves to a value, in units of the scale.
        tolerance={"rtol": 1e-3, "atol": 1e-3},
        is_variant=True,
    ),
    Case(
        "multivariate normal by a covariance",
        MultivariateNormalFullCovariance,
        {"loc": _normals(size=(3,)), "covariance_matrix": _covariances(2, 3, 3)},
        _by_covariance,
        _normals(size=(4, 2, 3)),
        batch_shape=(2,),
        event_shape=(3,),
        missing=NO_CDF,
        directions={"covariance_matrix": _symmetric},
        numpyro=_numpyro_covariance,
    ),
    Case(
        "multivariate normal of low rank",
        MultivariateNormalLowRank,
        {
            "loc": _normals(size=(2, 1, 4)),
            "cov_diag_factor": _uniforms(0.1, 2.0, size=(3, 4)),
            "cov_perturb_factor": _normals(size=(2, 1, 4, 2)),
        },
        _by_low_rank,
        _normals(size=(3, 2, 3, 4)),
        batch_shape=(2, 3),
        event_shape=(4,),
        missing=NO_CDF,
        numpyro=_numpyro_low_rank,
    ),
    Case(
        "multivariate normal of more directions than entries",
        MultivariateNormalLowRank,
        {
            "loc": _normals(size=(2,)),
            "cov_diag_factor": _uniforms(0.1, 2.0, size=(2,)),
            "cov_perturb_factor": _normals(size=(2, 5)),
        },
        _by_low_rank,
        _normals(size=(3, 2)),
        event_shape=(2,),
        missing=NO_CDF,
        is_variant=True,
    ),
    Case(
        "correlations",
        LKJCholesky,
        {"concentration": np.array([0.6, 1.0, 7.5])},
        _lkj(3),
        _correlation_factors(4, 3, 3, 3),
        batch_shape=(3,),
        event_shape=(3, 3),
        settings={"dimension": 3},
        missing=NO_CDF,
        pathwise="implicit",
        numpyro=_numpyro_lkj(3),
    ),
    Case(
        "correlations of two",
        LKJCholesky,
        {"concentration": np.array(1.5)},
        _lkj(2),
        _correlation_factors(4, 2, 2),
        event_shape=(2, 2),
        settings={"dimension": 2},
        missing=NO_CDF,
        pathwise="implicit",
        numpyro=_numpyro_lkj(2),
    ),
    Case(
        "correlations of seven",
        LKJCholesky,
        {"concentration": np.array([[2.0], [0.5]])},
        _lkj(7),
        _correlation_factors(3, 2, 1, 7, 7),
        batch_shape=(2, 1),
        event_shape=(7, 7),
        settings={"dimension": 7},
        missing=NO_CDF,
        pathwise="implicit",
        numpyro=_numpyro_lkj(7),
        is_variant=True,
    ),
]


def _diagonal_tail():
    scale, values = np.array([1e-6, 1.0, 1e10])[:, None], np.array([-1e4, 0.0, 3.0])
    constant = -0.5 * np.log(2 * np.pi)
    return Tail(
        "multivariate normal by a diagonal",
        lambda scale: _OneNumber(scale),
        scale,
        values,
        -0.5 * (values / scale) ** 2 - np.log(scale) + constant,
        values**2 / scale**3 - 1.0 / scale,
    )


class _OneNumber:
    """Vectors of one entry, of numbers."""

    def __init__(self, scale):
        self.distribution = MultivariateNormalDiag([0.0], scale[..., None])

    def log_prob(self, value):
        return self.distribution.log_prob(value[..., None])


TAILS = [_diagonal_tail()]
