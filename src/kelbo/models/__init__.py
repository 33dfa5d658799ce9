"""Models: `keras.Model` subclasses with `fit`, made of conditionals and an objective."""

from kelbo.models.conditional_density import ConditionalDensity
from kelbo.models.density_estimator import DensityEstimator
from kelbo.models.draws import predict_draws
from kelbo.models.latent_variable import LatentVariableModel
from kelbo.models.vae import VAE

__all__ = [
    "VAE",
    "ConditionalDensity",
    "DensityEstimator",
    "LatentVariableModel",
    "predict_draws",
]
