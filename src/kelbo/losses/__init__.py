"""Losses for any Keras model: its outputs are the parameters of a distribution."""

from kelbo.losses.negative_log_likelihood import NegativeLogLikelihood

__all__ = ["NegativeLogLikelihood"]
