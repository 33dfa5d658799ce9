"""Frequencies of a spectral density: drawn, orthogonal, quasi-random, or on a grid."""

import itertools
import math

import numpy as np
from scipy import special, stats

from kelbo.gp.random_features.spectra import ScaleMixture

# Uniform numbers are kept so far from 0 and 1, where quantiles are infinite.
_EDGE = 2.0**-40

# In each column of a grid: more would resolve nothing but lags of some ten length scales.
_MOST_NODES = 100


def draws(
    spectrum: ScaleMixture | None, dimension: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Independent draws.

    (Rahimi and Recht, 2007, "Random features for large-scale kernel machines".)

    Args:
        spectrum: The spectral density.
        dimension: Number of columns.
        count: How many frequencies.
        rng: Where they are drawn from.

    Returns:
        Frequencies, of shape (count, dimension), and their weights, of shape (count,).
    """
    normal = rng.normal(size=(count, dimension))
    return _scaled(normal, spectrum, rng), _equal(count)


def orthogonal(
    spectrum: ScaleMixture | None, dimension: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws whose directions are orthogonal in groups of as many as there are columns.

    Each by itself is distributed as an independent one. (Yu et al., 2016, "Orthogonal random
    features".)

    Args:
        spectrum: As in `draws`.
        dimension: As in `draws`.
        count: As in `draws`.
        rng: As in `draws`.

    Returns:
        As in `draws`.
    """
    groups = -(-count // dimension)
    normal = rng.normal(size=(groups, dimension, dimension))
    rotations, upper = np.linalg.qr(normal)
    # With a positive diagonal the rotation is uniform.
    rotations *= np.sign(np.diagonal(upper, axis1=-2, axis2=-1))[:, None, :]
    directions = np.swapaxes(rotations, -1, -2).reshape(-1, dimension)[:count]
    lengths = np.sqrt(rng.chisquare(dimension, size=(count, 1)))
    return _scaled(lengths * directions, spectrum, rng), _equal(count)


def sobol(
    spectrum: ScaleMixture | None, dimension: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Quasi-random frequencies: quantiles at a scrambled sequence of Sobol.

    Most even where their number is a power of 2. (Yang et al., 2014, "Quasi-Monte Carlo feature
    maps for shift-invariant kernels".)

    Args:
        spectrum: As in `draws`.
        dimension: As in `draws`.
        count: As in `draws`.
        rng: As in `draws`.

    Returns:
        As in `draws`.
    """
    sequence = stats.qmc.Sobol(dimension + (spectrum is not None), seed=rng)
    # A whole power of two, of which the first are the same as without the rest.
    uniform = sequence.random_base2(math.ceil(math.log2(count)))[:count]
    uniform = np.clip(uniform, _EDGE, 1.0 - _EDGE)
    normal = special.ndtri(uniform[:, :dimension])
    if spectrum is not None:
        normal = normal * spectrum.scale(
            special.gammaincinv(spectrum.shape, uniform[:, dimension:])
        )
    return normal, _equal(count)


def grid(
    spectrum: ScaleMixture | None, dimension: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of Gauss and Hermite in each column, and of Gauss and Laguerre in the scale.

    Of two opposite frequencies one is kept. Exact to rounding where the kernel is smooth over the
    inputs and columns are few. (Dao, De Sa and Ré, 2017, "Gaussian quadrature for kernel features";
    Mutný and Krause, 2018, "Efficient high dimensional Bayesian optimization with additivity and
    quadrature Fourier features".)

    Args:
        spectrum: As in `draws`.
        dimension: As in `draws`.
        count: How many frequencies at most.
        rng: Not used: nothing is drawn.

    Returns:
        As in `draws`, of as many frequencies as the largest grid has.

    Raises:
        ValueError: A grid of two nodes in each column has more.
    """

    def size(nodes):
        return -(-(nodes**dimension) // 2) * (1 if spectrum is None else nodes)

    nodes = 1
    while nodes < _MOST_NODES and size(nodes + 1) <= count:
        nodes += 1
    if nodes < 2:
        raise ValueError(
            f'random_features.fourier: how="quadrature" needs count={2 * size(2)} at least for '
            f'{dimension} columns, got {2 * count}. In many columns take "orthogonal" or "sobol".'
        )
    places, weights = np.polynomial.hermite_e.hermegauss(nodes)
    places[np.abs(places) < 1e-12] = 0.0
    weights = weights / weights.sum()
    half = nodes**dimension // 2
    # Node j is the opposite of node -1 - j: those after the middle are opposites of those before.
    index = np.array(list(itertools.product(range(nodes), repeat=dimension)))[half:]
    points, products = places[index], weights[index].prod(axis=1)
    products[nodes % 2 :] *= 2.0
    if spectrum is None:
        return points, products
    values, of_scale = special.roots_genlaguerre(nodes, spectrum.shape - 1.0)
    scales = spectrum.scale(values)
    of_scale = of_scale / of_scale.sum()
    points = (scales[:, None, None] * points).reshape(-1, dimension)
    return points, np.outer(of_scale, products).reshape(-1)


def _scaled(normal, spectrum, rng):
    if spectrum is None:
        return normal
    return normal * spectrum.scale(rng.gamma(spectrum.shape, size=(len(normal), 1)))


def _equal(count):
    return np.full(count, 1.0 / count)
