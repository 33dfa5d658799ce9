"""References that several entries share, in float64, never by the formulas under test."""

import numpy as np
from scipy import stats


class ScipyReference:
    """A frozen distribution of `scipy.stats`; `mode` stands beside it."""

    def __init__(self, frozen, mode):
        self.frozen, self._mode = frozen, mode
        self.log_prob = frozen.logpmf if hasattr(frozen.dist, "logpmf") else frozen.logpdf
        self.cdf, self.quantile = frozen.cdf, frozen.ppf

    def mean(self):
        return self.frozen.mean()

    def variance(self):
        return self.frozen.var()

    def entropy(self):
        return self.frozen.entropy()

    def mode(self):
        return self._mode


class MultivariateNormalReference:
    """`scipy.stats.multivariate_normal`, one batch entry after another."""

    def __init__(self, loc, scale_tril):
        loc, scale_tril = np.asarray(loc, "float64"), np.asarray(scale_tril, "float64")
        batch = np.broadcast_shapes(loc.shape[:-1], scale_tril.shape[:-2])
        self.loc = np.broadcast_to(loc, batch + loc.shape[-1:])
        factor = np.broadcast_to(scale_tril, batch + scale_tril.shape[-2:])
        self.covariance = factor @ np.swapaxes(factor, -1, -2)

    def log_prob(self, x):
        shape = np.broadcast_shapes(np.shape(x)[:-1], self.loc.shape[:-1])
        size = self.loc.shape[-1]
        x = np.broadcast_to(x, (*shape, size))
        loc = np.broadcast_to(self.loc, (*shape, size))
        covariance = np.broadcast_to(self.covariance, (*shape, size, size))
        result = np.empty(shape)
        for i in np.ndindex(shape):
            result[i] = stats.multivariate_normal(loc[i], covariance[i]).logpdf(x[i])
        return result

    def mean(self):
        return self.loc

    mode = mean

    def variance(self):
        return np.diagonal(self.covariance, axis1=-2, axis2=-1)

    def entropy(self):
        sign, log_det = np.linalg.slogdet(2.0 * np.pi * np.e * self.covariance)
        assert (sign > 0).all()
        return 0.5 * log_det


class IndependentReference:
    """The last `rank` batch axes of another reference, seen as one event."""

    def __init__(self, inner, rank):
        self.inner, self.axes = inner, tuple(range(-rank, 0))
        self.mean, self.variance, self.mode = inner.mean, inner.variance, inner.mode

    def log_prob(self, x):
        return (
            np.sum(self.inner.log_prob(x), axis=self.axes) if self.axes else self.inner.log_prob(x)
        )

    def entropy(self):
        return np.sum(self.inner.entropy(), axis=self.axes) if self.axes else self.inner.entropy()
