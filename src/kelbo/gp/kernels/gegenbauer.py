r"""Functions of an angle, and their series in the polynomials that belong to a sphere.

On the sphere $S^{d-1}$ in $d$ dimensions, with its uniform distribution, zonal functions
$g(t)$, $t = x^\top x'$, are series in the Gegenbauer polynomials, here with the value 1 at 1:
$P_n = C_n^{(\alpha)} / C_n^{(\alpha)}(1)$, $\alpha = (d - 2) / 2$ (for $d = 2$ those of Chebyshev).

$$g(t) = \sum_n a_n N_n P_n(t), \qquad
  a_n = \frac{\int g(t) P_n(t) (1 - t^2)^{(d - 3) / 2} dt}{\int (1 - t^2)^{(d - 3) / 2} dt}$$

The second is the formula of Funk and Hecke. $N_n$ is the number of spherical harmonics of level
$n$, of which $a_n$ is the eigenvalue where $g$ is a kernel: $\sum_j \phi_{nj}(x) \phi_{nj}(x') =
N_n P_n(x^\top x')$. (Dutordoir et al., 2020, "Sparse Gaussian processes with spherical harmonic
features"; $N_n C_n^{(\alpha)} / C_n^{(\alpha)}(1) = \frac{n + \alpha}{\alpha}
C_n^{(\alpha)}$ there.)
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from kelbo import ops
from kelbo.typing import Tensor

# For each half of the angles: of what is smooth there, more than enough for some hundred levels.
_NODES = 400

# What is left of terms that cancel, in parts of the sum of their sizes.
_ROUNDING = 1e-14


def harmonics_of_level(level: int, dimension: int) -> int:
    """The number of spherical harmonics of a level, $N_n$.

    Args:
        level: $n$, from 0.
        dimension: $d$, at least 2: of the space that the sphere lies in.

    Returns:
        A whole number.

    Example:
        >>> from kelbo.gp.kernels.gegenbauer import harmonics_of_level
        >>> [harmonics_of_level(n, 3) for n in range(4)]
        [1, 3, 5, 7]
    """
    polynomials = math.comb(level + dimension - 1, dimension - 1)
    return polynomials - (math.comb(level + dimension - 3, dimension - 1) if level > 1 else 0)


@functools.cache
def level_sizes(dimension: int, levels: int) -> np.ndarray:
    """$N_n$ of the first levels, as an array of floats.

    Args:
        dimension: $d$.
        levels: How many.

    Returns:
        An array of shape (levels,).
    """
    return np.array([float(harmonics_of_level(n, dimension)) for n in range(levels)])


def polynomials(t: np.ndarray, dimension: int, levels: int) -> np.ndarray:
    """$P_n(t)$ of the first levels, in NumPy.

    Args:
        t: Array of any shape.
        dimension: $d$.
        levels: How many.

    Returns:
        An array of shape (levels, *shape of t).
    """
    found = [np.ones_like(t), t][:levels]
    for n in range(1, levels - 1):
        up, down = _recurrence(n, dimension)
        found.append(up * t * found[n] - down * found[n - 1])
    return np.stack(found)


def _recurrence(n, dimension):
    """P_(n+1) = up t P_n - down P_(n-1)."""
    below = n + dimension - 2
    return (2 * n + dimension - 2) / below, n / below


@functools.cache
def _rule(dimension):
    """Nodes t and weights of the uniform distribution on the sphere, with the angle 90° between.

    By Gauss and Legendre in the angle: what has its edge at t = 0, and kernels with a root at
    t = 1, are smooth functions of the angle on each half.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    angles = np.concatenate([(nodes + 1.0), (nodes + 3.0)]) * (np.pi / 4)
    weights = np.tile(weights, 2) * np.sin(angles) ** (dimension - 2)
    return np.cos(angles), weights / weights.sum()


def coefficients(
    function: Callable[[np.ndarray], np.ndarray], dimension: int, levels: int
) -> np.ndarray:
    r"""$a_n$ of a function by quadrature: the formula of Funk and Hecke.

    What rounding hides is 0: in many dimensions the coefficients of smooth functions soon are
    smaller than that, and so are eigenvalues of kernels, by which they are divided.

    Args:
        function: $g$, from arrays of $t$ in [-1, 1]. At 0 it may have an edge.
        dimension: $d$.
        levels: How many.

    Returns:
        An array of shape (levels,).

    Example:
        >>> import numpy as np
        >>> from kelbo.gp.kernels.gegenbauer import coefficients
        >>> coefficients(lambda t: np.maximum(t, 0.0), 3, 3).round(6)
        array([0.25    , 0.166667, 0.0625  ])
    """
    t, weights = _rule(dimension)
    parts = polynomials(t, dimension, levels) * (weights * function(t))
    found = parts.sum(axis=-1)
    return np.where(np.abs(found) > _ROUNDING * np.abs(parts).sum(axis=-1), found, 0.0)


def step_power_coefficients(power: int, dimension: int, levels: int) -> np.ndarray:
    r"""$a_n$ of $t^p$ above 0 and 0 below, in closed form: a step, ReLU, its square.

    By the formula of Rodrigues and $p + 1$ partial integrations. With $\alpha = (d - 2) / 2$,
    $\beta = n + \alpha - 1/2$ and $n - p - 1 = 2 m$, where $n > p$,

    $$a_n = (-1)^{n + p + 1 + m}\, p!\, \frac{(2 m)!}{2^n} \binom{\beta}{m}
      \frac{\Gamma(\alpha + 1)}{\sqrt\pi\, \Gamma(n + \alpha + 1/2)}$$

    and 0 where $n - p$ is even. (Bach, 2017, "Breaking the curse of dimensionality with convex
    neural networks", app. D.)

    Args:
        power: $p$, 0, 1 or 2.
        dimension: $d$.
        levels: How many.

    Returns:
        An array of shape (levels,).
    """
    alpha = dimension / 2.0 - 1.0
    first = coefficients(lambda t: np.where(t > 0, t**power, 0.0), dimension, power + 1)
    found = list(first[:levels])
    for n in range(power + 1, levels):
        m, is_odd = divmod(n - power - 1, 2)
        if is_odd:
            found.append(0.0)
            continue
        # (beta choose m) / Gamma(beta + 1) = 1 / (m! Gamma(beta - m + 1))
        log_size = (
            math.lgamma(power + 1)
            + math.lgamma(2 * m + 1)
            - n * math.log(2.0)
            - math.lgamma(m + 1)
            - math.lgamma(n + alpha + 0.5 - m)
            + math.lgamma(alpha + 1)
            - 0.5 * math.log(math.pi)
        )
        found.append((-1) ** (n + power + 1 + m) * math.exp(log_size))
    return np.array(found)


def series(t: Tensor, sizes: Tensor, dimension: int) -> Tensor:
    r"""$\sum_n c_n P_n(t)$, by the recurrence of Clenshaw.

    Args:
        t: Tensor of any shape, in [-1, 1].
        sizes: $c$, of shape (levels,), of the dtype of t.
        dimension: $d$.

    Returns:
        A tensor of the shape of t.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.gp.kernels.gegenbauer import series
        >>> t, sizes = ops.convert_to_tensor([0.5]), ops.convert_to_tensor([0.0, 0.0, 1.0])
        >>> series(t, sizes, 3)  # (3 t^2 - 1) / 2
        [-0.125]
    """
    levels = sizes.shape[0]
    following, after = ops.zeros_like(t), ops.zeros_like(t)
    for n in reversed(range(1, levels)):
        up = _recurrence(n, dimension)[0]
        down = _recurrence(n + 1, dimension)[1]
        following, after = sizes[n] + up * t * following - down * after, following
    # P_0 = 1 and P_1 = t begin the recurrence.
    down = _recurrence(1, dimension)[1]
    return sizes[0] + t * following - down * after
