"""Estimators with the interface of scikit-learn, for people who want an answer."""

from kelbo.sklearn.classification import GaussianProcessClassifier
from kelbo.sklearn.regression import GaussianProcessRegressor

__all__ = ["GaussianProcessClassifier", "GaussianProcessRegressor"]
