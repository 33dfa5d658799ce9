"""Models: `keras.Model` subclasses with `fit`, made of conditionals and an objective."""

from kelbo.models.density_estimator import DensityEstimator
from kelbo.models.vae import VAE

__all__ = ["VAE", "DensityEstimator"]
