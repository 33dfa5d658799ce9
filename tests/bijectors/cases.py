"""The table that drives every generic test of bijectors: adding one is adding an entry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from kelbo import bijectors as kb
from kelbo import ops


def _nothing(random, batch, size):
    return {}


def _numbers(random, shape):
    return random.normal(size=shape)


def _positive(random, shape):
    return random.uniform(0.2, 3.0, size=shape)


def _vectors(random, batch, size):
    return random.normal(size=(*batch, size))


def _entries(y, rank):
    """All entries of the values, in one axis."""
    return ops.reshape(y, (*y.shape[: len(y.shape) - rank], -1))


def _lower(y, k=0):
    """The entries on and below a diagonal, in one axis."""
    rows, columns = np.tril_indices(y.shape[-1], k)
    return ops.stack([y[..., i, j] for i, j in zip(rows, columns, strict=True)], axis=-1)


@dataclass(frozen=True)
class Case:
    """A bijector, and what is known about it.

    Attributes:
        name: As it stands in the test's id.
        make: From the parameters, and dtype and validate, to the bijector.
        forward: From x and the parameters to y, by NumPy in float64.
        parameters: From a random generator, a batch shape and a size to the arguments of `make`.
        points: From a random generator, a batch shape and a size to values of x.
        coordinates: From y to the entries that determine it, in the last axis.
        event_rank, inverse_event_rank: What the bijector must say.
        is_increasing: Of a map of numbers, what the bijector must say (of a batch: if it is
            increasing everywhere), or None.
        takes_dtype: Whether `make` takes dtype and validate.
    """

    name: str
    make: Callable[..., Any]
    forward: Callable[..., Any]
    parameters: Callable[..., dict] = _nothing
    points: Callable[..., Any] = lambda random, batch, size: _numbers(random, batch)
    coordinates: Callable[[Any], Any] = lambda y: y[..., None]
    event_rank: int = 0
    inverse_event_rank: int | None = None
    is_increasing: bool | None = None
    takes_dtype: bool = True

    def build(self, random, batch, size, dtype=None):
        """The bijector with random parameters, and these."""
        parameters = self.parameters(random, batch, size)
        more = {"dtype": dtype} if self.takes_dtype else {}
        bijector = self.make(**parameters, **more)
        return (bijector if dtype is None else bijector.astype(dtype)), parameters


def vectors(name, make, forward, **more):
    """An entry of a map of vectors to vectors."""
    return Case(
        name,
        make,
        forward,
        **{"points": _vectors, "coordinates": lambda y: y, "event_rank": 1, **more},
    )


def _factors(random, batch, size):
    lower = np.tril(random.normal(size=(*batch, size, size)), -1)
    return lower + np.eye(size) * random.uniform(0.3, 2.0, (*batch, size))[..., None]


def _stick_breaking(x):
    rest, shares = np.ones_like(x[..., 0]), []
    for i in range(x.shape[-1]):
        share = special.expit(x[..., i] - np.log(x.shape[-1] - i))
        shares.append(rest * share)
        rest = rest * (1 - share)
    return np.stack([*shares, rest], axis=-1)


def _triangle(x):
    """By TensorFlow Probability's rule: clockwise, from the end."""
    size = int(np.sqrt(2 * x.shape[-1]))
    square = np.concatenate([x[..., size:], x[..., ::-1]], axis=-1)
    return np.tril(square.reshape(*x.shape[:-1], size, size))


def _cholesky_factor(x, positive=np.exp):
    matrix = _triangle(x)
    index = np.arange(matrix.shape[-1])
    matrix[..., index, index] = positive(matrix[..., index, index])
    return matrix


def _outer(factor):
    return factor @ np.swapaxes(factor, -1, -2)


def _correlation_cholesky(x):
    below = np.tanh(_triangle(x))
    size = below.shape[-1] + 1
    factor = np.zeros((*x.shape[:-1], size, size))
    for i in range(size):
        rest = np.ones(x.shape[:-1])
        for j in range(i):
            factor[..., i, j] = below[..., i - 1, j] * np.sqrt(rest)
            rest = rest - factor[..., i, j] ** 2
        factor[..., i, i] = np.sqrt(rest)
    return factor


def _triangle_points(random, batch, size):
    return random.normal(size=(*batch, size * (size + 1) // 2))


def _softplus(x):
    return np.logaddexp(0, x)


def _interval(random, batch, size):
    low = _numbers(random, batch)
    return {"low": low, "high": low + _positive(random, batch)}


CASES = [
    Case("identity", kb.Identity, lambda x: x, is_increasing=True),
    Case(
        "shift",
        kb.Shift,
        lambda x, shift: x + shift,
        lambda random, batch, size: {"shift": _numbers(random, batch)},
        is_increasing=True,
    ),
    Case(
        "scale",
        kb.Scale,
        lambda x, scale: x * scale,
        lambda random, batch, size: {"scale": _positive(random, batch)},
        is_increasing=True,
    ),
    Case(
        "affine that mirrors",
        kb.Affine,
        lambda x, shift, scale: x * scale + shift,
        lambda random, batch, size: {
            "shift": _numbers(random, batch),
            "scale": -_positive(random, batch),
        },
        is_increasing=False,
    ),
    Case(
        "batch normalization",
        kb.BatchNormalization,
        lambda x, mean, variance, offset, scale, epsilon: (
            mean + np.sqrt(variance + epsilon) * (x - offset) / scale
        ),
        lambda random, batch, size: {
            "mean": _numbers(random, batch),
            "variance": _positive(random, batch),
            "offset": _numbers(random, batch),
            "scale": _positive(random, batch),
            "epsilon": 0.1,
        },
        is_increasing=True,
    ),
    Case("exp", kb.Exp, np.exp, is_increasing=True),
    Case(
        "log",
        kb.Log,
        np.log,
        points=lambda random, batch, size: _positive(random, batch),
        is_increasing=True,
    ),
    Case("softplus", kb.Softplus, _softplus, is_increasing=True),
    Case(
        "softplus above an end",
        lambda **more: kb.Softplus(-0.5, **more),
        lambda x: _softplus(x) - 0.5,
        is_increasing=True,
    ),
    Case("sigmoid", kb.Sigmoid, special.expit, is_increasing=True),
    Case(
        "sigmoid onto an interval",
        kb.Sigmoid,
        lambda x, low, high: low + (high - low) * special.expit(x),
        _interval,
        is_increasing=True,
    ),
    Case("tanh", kb.Tanh, np.tanh, is_increasing=True),
    Case(
        "power",
        kb.Power,
        lambda x, power: x**power,
        lambda random, batch, size: {"power": _positive(random, batch)},
        points=lambda random, batch, size: _positive(random, batch),
        is_increasing=True,
    ),
    Case(
        "negative power",
        kb.Power,
        lambda x, power: x**power,
        lambda random, batch, size: {"power": -_positive(random, batch)},
        points=lambda random, batch, size: _positive(random, batch),
        is_increasing=False,
    ),
    vectors(
        "scale_tril",
        kb.ScaleTriL,
        lambda x, scale_tril: (scale_tril @ x[..., None])[..., 0],
        parameters=lambda random, batch, size: {"scale_tril": _factors(random, batch, size)},
    ),
    vectors(
        "affine_tril",
        kb.AffineTriL,
        lambda x, shift, scale_tril: (scale_tril @ x[..., None])[..., 0] + shift,
        parameters=lambda random, batch, size: {
            "shift": _vectors(random, batch, size),
            "scale_tril": _factors(random, (), size),
        },
    ),
    vectors(
        "permute",
        kb.Permute,
        lambda x, permutation: x[..., permutation],
        parameters=lambda random, batch, size: {"permutation": random.permutation(size)},
    ),
    vectors(
        "ordered",
        kb.Ordered,
        lambda x: np.cumsum(np.concatenate([x[..., :1], np.exp(x[..., 1:])], axis=-1), axis=-1),
    ),
    vectors("simplex", kb.Simplex, _stick_breaking, coordinates=lambda y: y[..., :-1]),
    vectors(
        "log simplex",
        kb.LogSimplex,
        lambda x: special.log_softmax(np.concatenate([x, 0 * x[..., :1]], axis=-1), axis=-1),
        coordinates=lambda y: y[..., :-1] - y[..., -1:],
    ),
    vectors(
        "fill triangular",
        kb.FillTriangular,
        _triangle,
        points=_triangle_points,
        coordinates=_lower,
        inverse_event_rank=2,
    ),
    vectors(
        "cholesky factor",
        kb.CholeskyFactor,
        _cholesky_factor,
        points=_triangle_points,
        coordinates=_lower,
        inverse_event_rank=2,
        takes_dtype=False,
    ),
    vectors(
        "cholesky factor by a batch of chains",
        lambda shift: kb.CholeskyFactor(kb.Chain([kb.Softplus(), kb.Shift(shift)])),
        lambda x, shift: _cholesky_factor(
            np.broadcast_to(x, (*np.broadcast_shapes(x.shape[:-1], shift.shape[:-1]), x.shape[-1]))
            + 0.0,
            lambda d: _softplus(d) + shift,
        ),
        parameters=lambda random, batch, size: {"shift": _positive(random, (*batch, 1))},
        points=_triangle_points,
        coordinates=_lower,
        inverse_event_rank=2,
        takes_dtype=False,
    ),
    vectors(
        "positive definite",
        lambda: kb.Chain([kb.CholeskyFactor(), kb.CholeskyOuterProduct()]),
        lambda x: _outer(_cholesky_factor(x)),
        points=_triangle_points,
        coordinates=_lower,
        inverse_event_rank=2,
        takes_dtype=False,
    ),
    vectors(
        "correlation cholesky",
        kb.CorrelationCholesky,
        _correlation_cholesky,
        points=_triangle_points,
        coordinates=lambda y: _lower(y, -1),
        inverse_event_rank=2,
    ),
    vectors(
        "reshape",
        lambda size, dtype=None: kb.Reshape((size, 2), (2 * size,), dtype=dtype),
        lambda x, size: x.reshape(*x.shape[:-1], size, 2),
        parameters=lambda random, batch, size: {"size": size},
        points=lambda random, batch, size: random.normal(size=(*batch, 2 * size)),
        coordinates=lambda y: _entries(y, 2),
        inverse_event_rank=2,
    ),
    vectors(
        "stack",
        lambda shift: kb.Stack([kb.Exp(), kb.Chain([kb.Tanh(), kb.Shift(shift)])]),
        lambda x, shift: np.stack(
            np.broadcast_arrays(np.exp(x[..., 0]), np.tanh(x[..., 1]) + shift), axis=-1
        ),
        parameters=lambda random, batch, size: {"shift": _numbers(random, batch)},
        points=lambda random, batch, size: random.normal(size=(*batch, 2)),
        takes_dtype=False,
    ),
    vectors(
        "stack of vectors",
        lambda scale_tril: kb.Stack([kb.ScaleTriL(scale_tril), kb.Ordered()]),
        lambda x, scale_tril: np.stack(
            np.broadcast_arrays(
                (scale_tril @ x[..., 0, :, None])[..., 0],
                np.cumsum(np.concatenate([x[..., 1, :1], np.exp(x[..., 1, 1:])], axis=-1), axis=-1),
            ),
            axis=-2,
        ),
        parameters=lambda random, batch, size: {"scale_tril": _factors(random, batch, size)},
        points=lambda random, batch, size: random.normal(size=(*batch, 2, size)),
        coordinates=lambda y: _entries(y, 2),
        event_rank=2,
        takes_dtype=False,
    ),
    vectors(
        "split",
        lambda scale: kb.Split([kb.Scale(scale), kb.Simplex(), kb.Sigmoid(-1.0, 2.0)], [2, 2, 1]),
        lambda x, scale: np.concatenate(
            [
                np.broadcast_to(
                    scale * x[..., :2],
                    (*np.broadcast_shapes(scale.shape, x[..., :2].shape)[:-1], 2),
                ),
                *(
                    np.broadcast_to(
                        part,
                        (*np.broadcast_shapes(scale.shape[:-1], x.shape[:-1]), part.shape[-1]),
                    )
                    for part in (
                        _stick_breaking(x[..., 2:4]),
                        3.0 * special.expit(x[..., 4:]) - 1.0,
                    )
                ),
            ],
            axis=-1,
        ),
        parameters=lambda random, batch, size: {"scale": _positive(random, (*batch, 2))},
        points=lambda random, batch, size: random.normal(size=(*batch, 5)),
        coordinates=lambda y: ops.concatenate([y[..., :4], y[..., 5:]], axis=-1),
        takes_dtype=False,
    ),
    vectors(
        "chain of numbers and vectors",
        lambda shift, scale_tril: kb.Chain(
            [kb.Tanh(), kb.ScaleTriL(scale_tril), kb.Shift(shift), kb.Ordered()]
        ),
        lambda x, shift, scale_tril: CASES_BY_NAME["ordered"].forward(
            (scale_tril @ np.tanh(x)[..., None])[..., 0] + shift
        ),
        parameters=lambda random, batch, size: {
            "shift": _vectors(random, batch, size),
            "scale_tril": _factors(random, (), size),
        },
        takes_dtype=False,
    ),
    vectors(
        "chain that needs vectors later",
        lambda low: kb.Chain([kb.Sigmoid(low, 2.0 + low), kb.Log(), kb.Simplex()]),
        lambda x, low: _stick_breaking(np.log(low + 2.0 * special.expit(x))),
        parameters=lambda random, batch, size: {"low": _positive(random, (*batch, 1))},
        coordinates=lambda y: y[..., :-1],
        takes_dtype=False,
    ),
    vectors(
        "split of affine maps",
        lambda scale: kb.Split([kb.Scale(scale), kb.Permute([1, 0])], [2, 2]),
        lambda x, scale: np.concatenate([scale * x[..., :2], x[..., 3:], x[..., 2:3]], axis=-1),
        parameters=lambda random, batch, size: {"scale": _positive(random, (2,))},
        points=lambda random, batch, size: random.normal(size=(*batch, 4)),
        takes_dtype=False,
    ),
    Case(
        "inverse of a chain",
        lambda shift: kb.Inverse(kb.Chain([kb.Shift(shift), kb.Exp()])),
        lambda x, shift: np.log(x) - shift,
        lambda random, batch, size: {"shift": _numbers(random, batch)},
        points=lambda random, batch, size: _positive(random, batch),
        is_increasing=True,
        takes_dtype=False,
    ),
]
CASES_BY_NAME = {case.name: case for case in CASES}
