"""The entries of distributions that are made of others: mixtures, Masked, Expanded, Transformed."""

import numpy as np
from scipy import special, stats

from kelbo.bijectors import Chain, Inverse, Scale, Shift
from kelbo.distributions import (
    Bernoulli,
    Categorical,
    Expanded,
    Exponential,
    Independent,
    Laplace,
    Masked,
    Mixture,
    MixtureSameFamily,
    MultivariateNormalDiag,
    MultivariateNormalTriL,
    Normal,
    Transformed,
)

from .case import NO_CDF, Case
from .references import IndependentReference, MultivariateNormalReference, ScipyReference

_generator = np.random.default_rng(21)
_normals, _uniforms = _generator.normal, _generator.uniform


class MixtureReference:
    """A weighted sum of references, one for each of the last entries of `weights`."""

    def __init__(self, weights, components, rank=0):
        self.weights, self.components, self.rank = np.asarray(weights), components, rank

    def _total(self, numbers, rank):
        total = 0.0
        for k, number in enumerate(numbers):
            weight = self.weights[..., k]
            total = total + np.reshape(weight, np.shape(weight) + (1,) * rank) * number
        return total

    def log_prob(self, x):
        with np.errstate(divide="ignore"):
            return np.log(self._total([np.exp(c.log_prob(x)) for c in self.components], 0))

    def cdf(self, x):
        return self._total([c.cdf(x) for c in self.components], 0)

    def mean(self):
        return self._total([c.mean() for c in self.components], self.rank)

    def variance(self):
        squares = [c.variance() + np.square(c.mean()) for c in self.components]
        return self._total(squares, self.rank) - self.mean() ** 2


def _normal(loc, scale):
    return ScipyReference(stats.norm(loc, scale), np.broadcast_arrays(loc, scale)[0])


def _softmax(logits):
    return special.softmax(logits, axis=-1)


def _each(make, count, **parameters):
    """References of the entries along the last axis."""
    return [make(**{n: p[..., k] for n, p in parameters.items()}) for k in range(count)]


def _mixture_of_normals(loc, scale, logits=None, probs=None):
    weights = _softmax(logits) if probs is None else probs
    scale = np.broadcast_to(scale, (*np.shape(scale)[:-1], weights.shape[-1]))
    return MixtureReference(weights, _each(_normal, weights.shape[-1], loc=loc, scale=scale))


def _make_mixture(loc, scale, logits=None, probs=None, **options):
    weights = Categorical(logits=logits, probs=probs, **options)
    return MixtureSameFamily(weights, Normal(loc, scale, **options))


def _numpyro_mixture_of_normals(loc, scale, logits):
    from numpyro import distributions

    weights = distributions.Categorical(logits=logits)
    return distributions.MixtureSameFamily(weights, distributions.Normal(loc, scale))


def _mixture_of_vectors(loc, scale_tril, logits):
    components = [
        MultivariateNormalReference(loc[..., k, :], scale_tril[..., k, :, :])
        for k in range(logits.shape[-1])
    ]
    return MixtureReference(_softmax(logits), components, rank=1)


def _make_mixture_of_vectors(loc, scale_tril, logits, **options):
    components = MultivariateNormalTriL(loc, scale_tril, **options)
    return MixtureSameFamily(Categorical(logits=logits, **options), components)


def _numpyro_mixture_of_vectors(loc, scale_tril, logits):
    from numpyro import distributions

    components = distributions.MultivariateNormal(loc, scale_tril=scale_tril)
    return distributions.MixtureSameFamily(distributions.Categorical(logits=logits), components)


def _make_mixture_of_images(loc, scale, logits, **options):
    components = Independent(Normal(loc, scale, **options), 2)
    return MixtureSameFamily(Categorical(logits=logits, **options), components)


def _mixture_of_images(loc, scale, logits):
    components = [IndependentReference(_normal(loc[k], scale), 2) for k in range(logits.shape[-1])]
    return MixtureReference(_softmax(logits), components, rank=2)


def _make_mixture_of_bits(bits, logits, **options):
    return MixtureSameFamily(Categorical(logits=logits, **options), Bernoulli(bits, **options))


def _mixture_of_bits(bits, logits):
    probs = np.sum(special.expit(bits) * _softmax(logits), axis=-1)
    return ScipyReference(stats.bernoulli(probs), None)


def _make_two_families(loc, scale, rate, logits, **options):
    components = [Normal(loc, scale, **options), Exponential(rate, **options)]
    return Mixture(Categorical(logits=logits, **options), components)


def _two_families(loc, scale, rate, logits):
    exponential = ScipyReference(stats.expon(scale=1.0 / rate), 0.0)
    return MixtureReference(_softmax(logits), [_normal(loc, scale), exponential])


def _make_bell_and_tent(loc, scale, logits, **options):
    components = [Normal(loc, scale, **options), Laplace(loc, scale, **options)]
    return Mixture(Categorical(logits=logits, **options), components)


def _bell_and_tent(loc, scale, logits):
    laplace = ScipyReference(stats.laplace(loc, scale), loc)
    return MixtureReference(_softmax(logits), [_normal(loc, scale), laplace])


def _numpyro_bell_and_tent(loc, scale, logits):
    from numpyro import distributions

    components = [distributions.Normal(loc, scale), distributions.Laplace(loc, scale)]
    return distributions.MixtureGeneral(distributions.Categorical(logits=logits), components)


def _make_two_vectors(loc, scale_diag, scale_tril, logits, **options):
    components = [
        MultivariateNormalDiag(loc, scale_diag, **options),
        MultivariateNormalTriL(loc, scale_tril, **options),
    ]
    return Mixture(Categorical(logits=logits, **options), components)


def _two_vectors(loc, scale_diag, scale_tril, logits):
    diagonal = scale_diag[..., None] * np.eye(scale_diag.shape[-1])
    factors = (diagonal, scale_tril)
    components = [MultivariateNormalReference(loc, factor) for factor in factors]
    return MixtureReference(_softmax(logits), components, rank=1)


_MASK = np.array([[True], [False]])


class MaskedReference(ScipyReference):
    """Where the mask is false, densities and entropies of 0."""

    def __init__(self, inner, mask):
        super().__init__(inner.frozen, inner.mode())
        self.log_prob = lambda x: np.where(mask, inner.log_prob(x), 0.0)
        self.entropy = lambda: np.where(mask, inner.entropy(), 0.0)
        self.cdf = lambda x: inner.cdf(x) + 0.0 * mask
        self.quantile = lambda u: inner.quantile(u) + 0.0 * mask


def _numpyro_masked(loc, scale):
    from numpyro import distributions

    # The mask's batch is of one axis more than that of the distribution.
    return distributions.Normal(loc, scale).expand((2, 3)).mask(_MASK)


def _numpyro_expanded(loc, scale):
    from numpyro import distributions

    return distributions.Normal(loc, scale).expand((4, 2, 3))


class ExpandedReference:
    """Another reference, whose batch is repeated."""

    def __init__(self, inner, batch):
        self.inner, self.batch = inner, batch
        self.mean, self.variance, self.mode = inner.mean, inner.variance, inner.mode
        self.entropy = inner.entropy

    def _expanded(self, numbers):
        return numbers + np.zeros(self.batch)

    def log_prob(self, x):
        return self._expanded(self.inner.log_prob(x))

    def cdf(self, x):
        return self._expanded(self.inner.cdf(x))

    def quantile(self, u):
        return self._expanded(self.inner.quantile(u))


def _affine(d):
    scale = Scale(np.array([[2.0], [-0.5]]), dtype=d.dtype)
    return Transformed(
        d, Chain([scale, Shift(3.0, dtype=d.dtype), Inverse(Scale(4.0, dtype=d.dtype))])
    )


def _affine_of_laplace(loc, scale):
    a = np.array([[0.5], [-0.125]])
    loc = a * loc + 0.75
    return ScipyReference(stats.laplace(loc, np.abs(a) * scale), loc)


_TRILS = np.linalg.cholesky(
    (lambda f: f @ np.swapaxes(f, -1, -2) + 0.3 * np.eye(2))(_normals(size=(3, 2, 2)))
)
_NO_MODE = ("mode", "entropy", "quantile")
_TO_ZERO = {"probs": lambda x: x - x.mean(-1, keepdims=True)}

CASES = [
    Case(
        "mixture of normals",
        MixtureSameFamily,
        {
            "loc": 3.0 * _normals(size=(2, 3)),
            "scale": _uniforms(0.2, 2.0, size=(3,)),
            "logits": _normals(size=(3,)),
        },
        _mixture_of_normals,
        3.0 * _normals(size=(4, 2)),
        batch_shape=(2,),
        inner=_make_mixture,
        missing=_NO_MODE,
        numpyro=_numpyro_mixture_of_normals,
    ),
    Case(
        "mixture of normals by probabilities, in a larger batch",
        MixtureSameFamily,
        {
            "loc": _normals(size=(1, 3, 2)),
            "scale": np.array([[[1.0]]]),
            "probs": np.array([[[0.2, 0.8]], [[0.5, 0.5]], [[0.9, 0.1]], [[0.001, 0.999]]]),
        },
        _mixture_of_normals,
        _normals(size=(5, 4, 3)),
        batch_shape=(4, 3),
        inner=_make_mixture,
        directions=_TO_ZERO,
        missing=_NO_MODE,
    ),
    Case(
        "mixture with a component of no weight",
        MixtureSameFamily,
        {
            "loc": np.array([-1.0, 0.0, 3.0]),
            "scale": np.array([1.0]),
            "probs": np.array([0.5, 0.0, 0.5]),
        },
        _mixture_of_normals,
        _normals(size=(5,)),
        inner=_make_mixture,
        directions={"probs": lambda x: np.array([1.0, 0.0, -1.0]) * x[0]},
        missing=_NO_MODE,
    ),
    Case(
        "mixture of vectors",
        MixtureSameFamily,
        {
            "loc": 2.0 * _normals(size=(2, 3, 2)),
            "scale_tril": _TRILS,
            "logits": _normals(size=(2, 3)),
        },
        _mixture_of_vectors,
        _normals(size=(5, 2, 2)),
        batch_shape=(2,),
        event_shape=(2,),
        inner=_make_mixture_of_vectors,
        missing=(*_NO_MODE, "cdf"),
        numpyro=_numpyro_mixture_of_vectors,
    ),
    Case(
        "mixture of images",
        MixtureSameFamily,
        {
            "loc": _normals(size=(3, 2, 2)),
            "scale": _uniforms(0.5, 2.0, size=(2, 2)),
            "logits": _normals(size=(3,)),
        },
        _mixture_of_images,
        _normals(size=(5, 2, 2)),
        event_shape=(2, 2),
        inner=_make_mixture_of_images,
        missing=(*_NO_MODE, "cdf"),
        is_variant=True,
    ),
    Case(
        "mixture of bits",
        MixtureSameFamily,
        {"bits": _normals(size=(4, 3)), "logits": _normals(size=(3,))},
        _mixture_of_bits,
        np.array([0.0, 1.0])[:, None],
        batch_shape=(4,),
        inner=_make_mixture_of_bits,
        missing=_NO_MODE,
    ),
    Case(
        "mixture of a normal and an exponential",
        Mixture,
        {
            "loc": np.array([-2.0, 0.5, 3.0]),
            "scale": np.array(0.7),
            "rate": np.array([[1.0], [0.3]]),
            "logits": np.array([0.3, -0.4]),
        },
        _two_families,
        np.array([-3.0, -0.1, 0.2, 2.0, 20.0])[:, None, None],
        batch_shape=(2, 3),
        inner=_make_two_families,
        missing=_NO_MODE,
        # At 0, where the exponential begins, lies no value.
        middle=1.0,
    ),
    Case(
        "mixture of a bell and a tent",
        Mixture,
        {
            "loc": np.array(0.4),
            "scale": np.array([0.5, 2.0]),
            "logits": np.array([[1.0, -0.5], [0.0, 0.3]]),
        },
        _bell_and_tent,
        _normals(size=(5, 2)),
        batch_shape=(2,),
        inner=_make_bell_and_tent,
        missing=_NO_MODE,
        numpyro=_numpyro_bell_and_tent,
    ),
    Case(
        "mixture of two kinds of vectors",
        Mixture,
        {
            "loc": _normals(size=(2,)),
            "scale_diag": np.array([0.3, 1.0]),
            "scale_tril": _TRILS,
            "logits": np.array([1.0, -0.5]),
        },
        _two_vectors,
        _normals(size=(4, 3, 2)),
        batch_shape=(3,),
        event_shape=(2,),
        inner=_make_two_vectors,
        missing=(*_NO_MODE, "cdf"),
        is_variant=True,
    ),
    Case(
        "masked normals",
        Masked,
        {"loc": _normals(size=(3,)), "scale": np.array(0.5)},
        lambda loc, scale: MaskedReference(_normal(loc, scale), _MASK),
        _normals(size=(4, 2, 3)),
        batch_shape=(2, 3),
        inner=Normal,
        wrap=lambda d: Masked(d, _MASK),
        numpyro=_numpyro_masked,
    ),
    Case(
        "masked vectors",
        Masked,
        {"loc": _normals(size=(2, 2)), "scale_tril": _TRILS[:2]},
        lambda loc, scale_tril: _MaskedVectors(loc, scale_tril),
        _normals(size=(4, 2, 2)),
        batch_shape=(2,),
        event_shape=(2,),
        inner=MultivariateNormalTriL,
        wrap=lambda d: Masked(d, [1, 0]),
        missing=NO_CDF,
        is_variant=True,
    ),
    Case(
        "expanded normals",
        Expanded,
        {"loc": _normals(size=(2, 1)), "scale": np.array(0.5)},
        lambda loc, scale: ExpandedReference(_normal(loc, scale), (4, 2, 3)),
        _normals(size=(2, 3)),
        batch_shape=(4, 2, 3),
        inner=Normal,
        wrap=lambda d: Expanded(d, (4, 2, 3)),
        numpyro=_numpyro_expanded,
    ),
    Case(
        "expanded vectors",
        Expanded,
        {"loc": _normals(size=(1, 2)), "scale_tril": _TRILS[:1]},
        lambda loc, scale_tril: MultivariateNormalReference(
            np.broadcast_to(loc, (3, 2)), scale_tril
        ),
        _normals(size=(5, 1, 2)),
        batch_shape=(3,),
        event_shape=(2,),
        inner=MultivariateNormalTriL,
        wrap=lambda d: Expanded(d, 3),
        missing=NO_CDF,
    ),
    Case(
        "affine map of laplaces",
        Transformed,
        {"loc": _normals(size=(3,)), "scale": np.array(0.5)},
        _affine_of_laplace,
        _normals(size=(4, 2, 3)),
        batch_shape=(2, 3),
        inner=Laplace,
        wrap=_affine,
        # That of 0.0001 under a negative scale is that of 0.9999, rounded in float32.
        probabilities=(0.02, 0.2, 0.45, 0.55, 0.95),
    ),
]


class _MaskedVectors(MultivariateNormalReference):
    """Two vectors, of which the second is masked."""

    def log_prob(self, x):
        return np.where([True, False], super().log_prob(x), 0.0)

    def entropy(self):
        return np.where([True, False], super().entropy(), 0.0)
