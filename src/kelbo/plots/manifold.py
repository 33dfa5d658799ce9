"""The image of a two-dimensional latent space."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.special import ndtri

from kelbo.errors import InputError
from kelbo.plots.arrays import as_images
from kelbo.plots.images import show, tile
from kelbo.plots.style import styled

_TICKS = 7


def manifold_grid(size: int) -> np.ndarray:
    r"""Points of the plane at evenly spaced probabilities of a standard normal.

    Coordinates are \(\Phi^{-1}((i + 1/2) / \text{size})\) for i = 0, ..., size - 1, so that each
    point stands for the same share of the prior (Kingma and Welling, "Auto-Encoding Variational
    Bayes", 2014, appendix A). Points run row by row as in a picture: the first row has the
    largest second coordinate, and the first coordinate grows along a row.

    Args:
        size: points along each axis.

    Returns:
        Shape (size * size, 2), float32.

    Raises:
        InputError: `size` is below 1.

    Example:
        >>> from kelbo import plots
        >>> plots.manifold_grid(2).round(2)
        array([[-0.67,  0.67],
               [ 0.67,  0.67],
               [-0.67, -0.67],
               [ 0.67, -0.67]], dtype=float32)
    """
    values = _coordinates(size)
    first, second = np.meshgrid(values, values[::-1])
    return np.stack([first.ravel(), second.ravel()], axis=-1).astype(np.float32)


@styled
def manifold(images: ArrayLike, size: int) -> Figure:
    """Shows the images that a model decodes from `manifold_grid(size)`, each at its place.

    Args:
        images: shape (size * size, H, W), (..., 1) or (..., 3), in the order of `manifold_grid`,
            values in [0, 1].
        size: images along each axis.

    Returns:
        A figure with one image, whose ticks are labelled by the latent coordinates.

    Raises:
        InputError: the number of images is not `size` squared, or they are unusable (see
            `image_grid`).

    Example:
        >>> from sklearn.datasets import load_digits
        >>> from kelbo import plots
        >>> figure = plots.manifold(load_digits().images[:25] / 16, size=5)
        >>> figure.axes[0].images[0].get_array().shape
        (44, 44)
    """
    values = _coordinates(size)
    images = as_images(images, "images")
    if len(images) != size * size:
        raise InputError(
            f"images must have shape ({size * size}, H, W) for a grid of {size} x {size}; "
            f"got shape {images.shape}."
        )
    # Tiny images would run together; larger ones have a margin, or are better without a seam.
    gap = 1 if min(images.shape[1:3]) < 16 else 0
    picture, across, down = tile(images, size, gap)
    figure, axes = show(picture, left=0.65, below=0.4)
    at = np.unique(np.linspace(0, size - 1, min(size, _TICKS)).round().astype(int))
    labels = [f"{values[i]:.2f}".replace("-", "\N{MINUS SIGN}") for i in at]
    axes.set_xticks(across[at], labels)
    axes.set_yticks(down[size - 1 - at], labels)
    axes.set_xlabel("$z_1$")
    axes.set_ylabel("$z_2$", rotation=0, labelpad=10)
    return figure


def _coordinates(size: int) -> np.ndarray:
    if size < 1:
        raise InputError(f"size must be at least 1; got {size}.")
    return ndtri((np.arange(size) + 0.5) / size)
