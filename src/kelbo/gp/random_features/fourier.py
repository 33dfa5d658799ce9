"""Fourier features of stationary kernels, by name."""

import numpy as np

from kelbo.gp.kernels import Constant, Kernel, Product, SpectralMixture, Sum
from kelbo.gp.random_features.features import (
    ConcatenatedFeatures,
    ConstantFeatures,
    MixtureFeatures,
    RandomFeatures,
    ScaledFeatures,
    StationaryFeatures,
)
from kelbo.gp.random_features.nodes import draws, grid, orthogonal, sobol
from kelbo.gp.random_features.spectra import spectrum_of
from kelbo.parameters import whole_number

HOW = {"random": draws, "orthogonal": orthogonal, "sobol": sobol, "quadrature": grid}


def fourier(
    kernel: Kernel, dimension: int, count: int, how: str = "orthogonal", seed: int = 0
) -> RandomFeatures:
    r"""Features $\phi$ with $\phi(x)^\top \phi(x') \approx k(x, x')$, by Bochner's theorem.

    $$k(x, x') = \sigma^2\, \mathbb{E}_\omega \cos(\omega^\top (x - x'))
      \approx \sigma^2 \sum_j w_j \cos(\omega_j^\top (x - x'))$$

    - "random": independent frequencies; the error falls with the root of their number.
    - "orthogonal": in orthogonal groups, with less error for smooth kernels.
    - "sobol": quasi-random, whose error falls faster in few columns.
    - "quadrature": a grid, in a handful of columns at most; nothing is random.

    Args:
        kernel: `RBF`, a Matérn kernel, `RationalQuadratic` or `SpectralMixture`, products of one
            with numbers or `Constant`, and sums of those. The shape `alpha` of `RationalQuadratic`
            is that of this moment; length scales and variances may train on.
        dimension: Number of columns of the inputs.
        count: Number of features, even; of a sum the parts share them. A grid has at most as many;
            `features.count` says it.
        how: One of the names above.
        seed: Integer seed.

    Returns:
        A function of inputs: `features(x)` has the shape (n, count).

    Raises:
        TypeError: There is no spectral density of the kernel.
        ValueError: Another argument is not what it must be; a grid does not fit into `count`.

    Example:
        >>> from kelbo import gp, ops
        >>> kernel = gp.kernels.RBF(length_scale=[1.0, 2.0])
        >>> features = gp.random_features.fourier(kernel, dimension=2, count=400, how="quadrature")
        >>> phi = features([[0.0, 0.0], [1.0, 2.0]])
        >>> ops.convert_to_numpy(ops.matmul(phi, ops.transpose(phi))).round(3)  # 1 and exp(-1)
        array([[1.   , 0.368],
               [0.368, 1.   ]])
    """
    dimension = whole_number("random_features.fourier", "dimension", dimension)
    count = whole_number("random_features.fourier", "count", count, 2)
    if how not in HOW:
        raise ValueError(
            f"random_features.fourier: how must be one of {', '.join(map(repr, HOW))}, got {how!r}."
        )
    if not isinstance(kernel, Kernel):
        raise TypeError(
            f"random_features.fourier: kernel must be one of gp.kernels, got {kernel!r}."
        )
    if not kernel.built:
        kernel.build()
    if count % 2:
        raise ValueError(
            f"random_features.fourier: count must be even, a cosine and a sine for each frequency, "
            f"got {count}."
        )
    seed = whole_number("random_features.fourier", "seed", seed, 0)
    return _features(kernel, dimension, count // 2, HOW[how], np.random.default_rng(seed))


def _features(kernel, dimension, pairs, nodes, rng):
    """Features of a kernel, of the columns that are left to it, with so many frequencies."""
    columns = dimension if kernel.active_dims is None else len(kernel.active_dims)
    if isinstance(kernel, Constant):
        return ConstantFeatures(kernel)
    if isinstance(kernel, Sum):
        shares = _shares(kernel.kernels, pairs)
        parts = [
            _features(part, columns, share, nodes, rng)
            for part, share in zip(kernel.kernels, shares, strict=True)
        ]
        return ConcatenatedFeatures(parts, kernel)
    if isinstance(kernel, Product):
        constants = [part.variance for part in kernel.kernels if isinstance(part, Constant)]
        others = [part for part in kernel.kernels if not isinstance(part, Constant)]
        if len(others) == 1:
            only = _features(others[0], columns, pairs, nodes, rng)
            return ScaledFeatures(ConcatenatedFeatures([only], kernel), constants)
    if isinstance(kernel, SpectralMixture):
        parts = kernel.means.shape[0]
        if pairs % (2 * parts):
            raise ValueError(
                f"random_features.fourier: a SpectralMixture of {parts} parts needs a count that "
                f"is a multiple of {4 * parts}, got {2 * pairs}."
            )
        # Opposite ones are the same wave only where they are about 0.
        frequencies, weights = nodes(None, columns, pairs // (2 * parts), rng)
        frequencies = np.concatenate([frequencies, -frequencies])
        return MixtureFeatures(kernel, frequencies, np.tile(weights, 2) / 2)
    return StationaryFeatures(kernel, *nodes(spectrum_of(kernel), columns, pairs, rng))


def _shares(kernels, pairs):
    """Frequencies for each part of a sum: one for a constant, else alike."""
    waves = [not isinstance(kernel, Constant) for kernel in kernels]
    left = pairs - waves.count(False)
    if left < sum(waves):
        raise ValueError(
            f"random_features.fourier: a sum of {len(kernels)} kernels needs "
            f"count={2 * len(kernels)} at least, got {2 * pairs}."
        )
    each, more = divmod(left, max(sum(waves), 1))
    numbers = (each + (i < more) for i in range(sum(waves)))
    return [next(numbers) if is_wave else 1 for is_wave in waves]
