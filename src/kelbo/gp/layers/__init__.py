"""Gaussian processes as Keras layers."""

from kelbo.gp.layers.gp_layer import GPLayer

__all__ = ["GPLayer"]
