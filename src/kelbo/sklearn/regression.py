"""Gaussian process regression with the interface of scikit-learn."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from kelbo import gp, ops
from kelbo.sklearn.preparation import Standardised, inducing_points, kernel_of, seed_of


class GaussianProcessRegressor(RegressorMixin, BaseEstimator):
    """Regression that says how sure it is, without a choice to make.

    Inputs and targets are standardised, the kernel has a length scale for each column, noise is
    learned, all in float64. Up to `exact_below` examples the process is exact; above it is sparse,
    by the collapsed bound of Titsias (2009) with `inducing` points that start at the centres of
    clusters. Parameters are fitted by L-BFGS.

    Unlike scikit-learn's own, it takes 100,000 rows, and what it says of new observations has the
    learned noise in it.

    Args:
        kernel: "rbf", "matern12", "matern32", "matern52", "rational_quadratic", or a kernel of
            `kelbo.gp.kernels`, of which a copy is fitted; its columns are the standardised ones.
        exact_below: Largest number of examples of which the process is exact.
        inducing: Number of inducing points above that.
        max_iterations: Of L-BFGS.
        restarts: How often the fit starts again from other parameters.
        random_state: Integer, generator, or None: decides clusters and restarts.

    Attributes:
        model_: The fitted `gp.GPRegression` or `gp.SGPR`, in standardised units.
        n_features_in_: Number of columns.

    Example:
        >>> import numpy as np
        >>> from kelbo.sklearn import GaussianProcessRegressor
        >>> x = np.linspace(0, 6, 30)[:, None]
        >>> model = GaussianProcessRegressor(random_state=0).fit(x, np.sin(x[:, 0]))
        >>> mean, std = model.predict([[1.57]], return_std=True)
        >>> round(float(mean[0]), 2)
        1.0
    """

    def __init__(
        self,
        kernel: Any = "matern52",
        *,
        exact_below: int = 2000,
        inducing: int = 200,
        max_iterations: int = 200,
        restarts: int = 0,
        random_state: Any = None,
    ):
        self.kernel = kernel
        self.exact_below = exact_below
        self.inducing = inducing
        self.max_iterations = max_iterations
        self.restarts = restarts
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "GaussianProcessRegressor":
        """Fits the process.

        Args:
            X: Inputs, of shape (n, d).
            y: Targets, of shape (n,).

        Returns:
            The estimator.

        Raises:
            ValueError: The data are not what scikit-learn takes, or there is no such kernel.
        """
        X, y = validate_data(self, X, y, dtype="float64", y_numeric=True)
        self._inputs, self._targets = Standardised(X), Standardised(y)
        x, values = self._inputs.into(X), self._targets.into(y)
        kernel = kernel_of(type(self).__name__, self.kernel, x.shape[1])
        seed = seed_of(self.random_state)
        if len(x) <= self.exact_below:
            self.model_ = gp.GPRegression(kernel, noise_variance=0.1, jitter=1e-8, seed=seed)
        else:
            points = inducing_points(x, self.inducing, self.random_state)
            self.model_ = gp.SGPR(kernel, points, noise_variance=0.1, seed=seed)
        self.model_.fit(
            x, values, max_iterations=self.max_iterations, restarts=self.restarts, verbose=0
        )
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predicts observations.

        Args:
            X: Inputs, of shape (n, d).
            return_std: Whether standard deviations of observations are returned too, noise
                included.

        Returns:
            Means, of shape (n,); or means and standard deviations.

        Raises:
            NotFittedError: There was no fit.
        """
        found = self._given(X)
        mean = self._targets.back(ops.convert_to_numpy(found.mean()))
        if not return_std:
            return mean
        return mean, self._targets.scale * ops.convert_to_numpy(found.stddev())

    def _given(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype="float64", reset=False)
        return self.model_.given(self._inputs.into(X), marginal=True, observed=True)

    def log_prob(self, X: Any, y: Any) -> np.ndarray:
        """Log predictive densities of observations, in nats.

        Args:
            X: Inputs, of shape (n, d).
            y: Observations, of shape (n,).

        Returns:
            An array of shape (n,).

        Raises:
            NotFittedError: There was no fit.
        """
        found = self._given(X)
        values = self._targets.into(np.asarray(y, "float64"))
        return ops.convert_to_numpy(found.log_prob(values)) - np.log(self._targets.scale)

    def sample_y(self, X: Any, n_samples: int = 1, random_state: Any = 0) -> np.ndarray:
        """Draws functions at inputs, without noise.

        Args:
            X: Inputs, of shape (n, d).
            n_samples: Number of draws.
            random_state: As in scikit-learn.

        Returns:
            An array of shape (n, n_samples).

        Raises:
            NotFittedError: There was no fit.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype="float64", reset=False)
        given = self.model_.given(self._inputs.into(X))
        draws = ops.convert_to_numpy(given.sample(n_samples, seed=seed_of(random_state)))
        return self._targets.back(draws).T
