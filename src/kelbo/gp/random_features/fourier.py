"""Fourier features of stationary kernels, by name."""

from kelbo.gp.kernels import Constant, Kernel, Product, Sum
from kelbo.gp.random_features.features import (
    ConcatenatedFeatures,
    FourierFeatures,
    RandomFeatures,
    ScaledFeatures,
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
        kernel: `RBF`, a Matérn kernel or `RationalQuadratic`, products of one with numbers or
            `Constant`, and sums of those. The shape `alpha` of `RationalQuadratic` is that of this
            moment; length scales and variances may train on.
        dimension: Number of columns of the inputs.
        count: Number of features, even (of sums: for each part alike). A grid has at most as many;
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
        >>> ops.matmul(phi, ops.transpose(phi))  # 1 and exp(-1)
        [[1., 0.367...], [0.367..., 1.]]
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
    columns = dimension if kernel.active_dims is None else len(kernel.active_dims)
    if isinstance(kernel, Sum):
        parts = len(kernel.kernels)
        if count % (2 * parts):
            raise ValueError(
                f"random_features.fourier: count must be a multiple of {2 * parts} for a sum of "
                f"{parts} kernels, got {count}."
            )
        # Frequencies of the parts are independent.
        features = [
            fourier(part, columns, count // parts, how, seed + i)
            for i, part in enumerate(kernel.kernels)
        ]
        return ConcatenatedFeatures(features, kernel)
    if isinstance(kernel, Product):
        constants = [part.variance for part in kernel.kernels if isinstance(part, Constant)]
        others = [part for part in kernel.kernels if not isinstance(part, Constant)]
        if len(others) == 1:
            return ScaledFeatures(
                ConcatenatedFeatures([fourier(others[0], columns, count, how, seed)], kernel),
                constants,
            )
    if count % 2:
        raise ValueError(
            f"random_features.fourier: count must be even, a cosine and a sine for each frequency, "
            f"got {count}."
        )
    return FourierFeatures(kernel, *HOW[how](spectrum_of(kernel), columns, count // 2, seed))
