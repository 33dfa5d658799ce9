"""Pictures of data, latent spaces and fits: plain arrays in, matplotlib figures out.

Nothing here opens a window or touches matplotlib's global state; `save` writes a figure as PNG.
"""

from kelbo.plots.curves import learning_curves
from kelbo.plots.images import image_grid, reconstructions
from kelbo.plots.latent import latent_space
from kelbo.plots.manifold import manifold, manifold_grid
from kelbo.plots.samples import samples
from kelbo.plots.saving import save

__all__ = [
    "image_grid",
    "latent_space",
    "learning_curves",
    "manifold",
    "manifold_grid",
    "reconstructions",
    "samples",
    "save",
]
