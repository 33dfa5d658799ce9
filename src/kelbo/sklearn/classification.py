"""Gaussian process classification with the interface of scikit-learn."""

from typing import Any

import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from kelbo import gp, ops
from kelbo.sklearn.preparation import Standardised, inducing_points, kernel_of, seed_of


class GaussianProcessClassifier(ClassifierMixin, BaseEstimator):
    """Classification by a variational Gaussian process, with probabilities that may be believed.

    Inputs are standardised, the kernel has a length scale for each column, all in float64. Two
    classes are a Bernoulli likelihood of one process, more are a softmax of one for each, whose
    kernel and inducing points they share. (Hensman, Matthews and Ghahramani, 2015, "Scalable
    variational Gaussian process classification".)

    Args:
        kernel: As in `GaussianProcessRegressor`.
        inducing: Number of inducing points, at the most; they start at the centres of clusters.
        epochs: Passes over the data.
        batch_size: Examples per step.
        learning_rate: Of Adam, for the kernel and the inducing points; the posterior takes steps
            along its natural gradient.
        random_state: Integer, generator, or None: decides clusters and the order of examples.

    Attributes:
        classes_: The classes, sorted.
        model_: The fitted `gp.SVGP`, of standardised inputs.
        n_features_in_: Number of columns.

    Example:
        >>> import numpy as np
        >>> from kelbo.sklearn import GaussianProcessClassifier
        >>> x = np.linspace(-3, 3, 60)[:, None]
        >>> model = GaussianProcessClassifier(epochs=30, random_state=0).fit(x, np.abs(x[:, 0]) < 1)
        >>> model.predict([[0.0], [2.5]])
        array([ True, False])
    """

    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        inducing: int = 100,
        epochs: int = 100,
        batch_size: int = 200,
        learning_rate: float = 0.02,
        random_state: Any = None,
    ):
        self.kernel = kernel
        self.inducing = inducing
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "GaussianProcessClassifier":
        """Fits the process.

        Args:
            X: Inputs, of shape (n, d).
            y: Classes, of shape (n,).

        Returns:
            The estimator.

        Raises:
            ValueError: The data are not what scikit-learn takes, there is one class alone, or no
                such kernel.
        """
        X, y = validate_data(self, X, y, dtype="float64")
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes in y, got 1 class: "
                f"{self.classes_[0]!r}."
            )
        self._inputs = Standardised(X)
        x = self._inputs.into(X)
        kernel = kernel_of(type(self).__name__, self.kernel, x.shape[1])
        is_binary = len(self.classes_) == 2
        self.model_ = gp.SVGP(
            kernel,
            gp.likelihoods.Bernoulli() if is_binary else gp.likelihoods.Categorical(self._count),
            inducing_points(x, self.inducing, self.random_state),
            seed=seed_of(self.random_state),
        )
        adam = keras.optimizers.Adam(self.learning_rate)
        self.model_.compile(gp.NaturalGradient(adam, step=0.1, first_step=1e-2, ramp=50))
        self.model_.fit(
            x, numbers, batch_size=min(self.batch_size, len(x)), epochs=self.epochs, verbose=0
        )
        return self

    @property
    def _count(self):
        return len(self.classes_)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class.

        Args:
            X: Inputs, of shape (n, d).

        Returns:
            An array of shape (n, number of classes).

        Raises:
            NotFittedError: There was no fit.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype="float64", reset=False)
        found = self.model_.given(self._inputs.into(X), observed=True)
        log_probs = [found.log_prob(np.full(len(X), k, "float64")) for k in range(self._count)]
        probabilities = np.exp(ops.convert_to_numpy(ops.stack(log_probs, axis=1)))
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class.

        Args:
            X: Inputs, of shape (n, d).

        Returns:
            An array of shape (n,).

        Raises:
            NotFittedError: There was no fit.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]
