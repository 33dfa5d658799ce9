r"""Spectral densities of stationary kernels, as mixtures of normal ones over their scale.

$\rho(r^2) = \mathbb{E}\, e^{-s^2 r^2 / 2}$, so that frequencies are $\omega = s z$ with standard
normal $z$: for `RBF` $s = 1$, for the Matérn kernels $s^2 = \nu / g$ with $g \sim
\mathrm{Gamma}(\nu, 1)$, which makes Student's t with $2 \nu$ degrees of freedom, and for
`RationalQuadratic` $s^2 = g / \alpha$ with $g \sim \mathrm{Gamma}(\alpha, 1)$. (Rasmussen and
Williams, 2006, eq. 4.15 and 4.20.)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kelbo import ops
from kelbo.gp.kernels import RBF, Matern12, Matern32, Matern52, RationalQuadratic, Stationary

_SMOOTHNESS = {Matern12: 0.5, Matern32: 1.5, Matern52: 2.5}


@dataclass(frozen=True)
class ScaleMixture:
    """The distribution of the scale of frequencies.

    Attributes:
        shape: Of the gamma variable, of rate 1.
        scale: From values of it to scales.
    """

    shape: float
    scale: Callable[[np.ndarray], np.ndarray]


def spectrum_of(kernel: Stationary) -> ScaleMixture | None:
    """The spectral density of a kernel.

    Args:
        kernel: A stationary kernel, with a value of `alpha` that can be read.

    Returns:
        The distribution of scales; None where they are 1.

    Raises:
        TypeError: None is known.
    """
    if type(kernel) is RBF:
        return None
    if type(kernel) in _SMOOTHNESS:
        nu = _SMOOTHNESS[type(kernel)]
        return ScaleMixture(nu, lambda g: np.sqrt(nu / g))
    if type(kernel) is RationalQuadratic:
        alpha = float(ops.convert_to_numpy(kernel.alpha()))
        return ScaleMixture(alpha, lambda g: np.sqrt(g / alpha))
    raise TypeError(
        f"random_features.fourier: no spectral density of {type(kernel).__name__} is known. It "
        "takes RBF, Matern12, Matern32, Matern52, RationalQuadratic and SpectralMixture, "
        "multiplied by numbers or Constant, and sums of those."
    )
