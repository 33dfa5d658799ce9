"""Exact Gaussian process regression."""

from typing import Any

from kelbo import ops
from kelbo.distributions import Normal
from kelbo.gp.bounds.marginal import log_marginal_likelihood
from kelbo.gp.inducing.observations import Observations
from kelbo.gp.noisy_regression import NoisyRegression
from kelbo.gp.posterior import Posterior
from kelbo.registration import registered
from kelbo.typing import Tensor


@registered
class GPRegression(NoisyRegression):
    r"""Exact Gaussian process regression, $y = f(x) + \epsilon$, $\epsilon \sim N(0, \sigma^2)$.

    $$\log p(y) = \log N(y; m(X), K + \sigma^2 I)$$

    Kernel, mean function and noise are fitted to the maximum of it (type-II maximum likelihood), or
    to the mode where parameters have priors. $O(n^3)$: for more than some thousands of examples see
    `SGPR` and `SVGP`. (Rasmussen and Williams, 2006, "Gaussian processes for machine learning",
    ch. 2 and 5.)

    A file of it holds its training data, without which there is no exact posterior.

    Takes the arguments of `NoisyRegression`.

    Example:
        >>> import numpy as np
        >>> from kelbo import gp
        >>> x = np.linspace(0, 6, 20)[:, None]
        >>> model = gp.GPRegression(gp.kernels.RBF(), noise_variance=0.1)
        >>> history = model.fit(x, np.sin(x[:, 0]), verbose=0)
        >>> round(float(model.given([[1.57]]).mean()[0]), 1)
        1.0
    """

    parts = ("kernel", "mean_function")

    def log_marginal_likelihood(self, x: Any, y: Any) -> Tensor:
        r"""$\log p(y)$ of data at the present parameters, in nats, summed over all of them.

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,) or (n, 1).

        Returns:
            A scalar tensor.

        Raises:
            ValueError: The data are not what the model takes.
        """
        return self.compiled_verb("evidence", self.evidence)(*self.data(x, y))

    def evidence(self, x: Tensor, y: Tensor) -> Tensor:
        covariance = self._observations(x).Kuu(self.kernel, self.compute_dtype)
        return log_marginal_likelihood(covariance, y - self.mean_function(x))

    def _observations(self, x):
        return Observations(x, self.noise_variance() + self.jitter)

    def statistics(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        lower, _ = self._observations(x).factors(self.kernel, 0.0, self.compute_dtype)
        left = (y - self.mean_function(x))[:, None]
        whitened = ops.solve_triangular(lower, left)[:, 0]
        return {"x": x, "factor": lower, "mean": whitened}

    def posterior_of(self, statistics: dict[str, Tensor]) -> Posterior:
        tensors = {
            name: ops.convert_to_tensor(value, dtype=self.compute_dtype)
            for name, value in statistics.items()
        }
        x = tensors["x"]
        observations = self._observations(x)
        return Posterior(
            self.kernel,
            self.mean_function,
            observations,
            [tensors["factor"], x],
            [tensors["mean"][None]],
            [None],
            self.noise_variance(),
            self.predictor_of(observations),
        )

    def leave_one_out(self, x: Any, y: Any) -> Normal:
        r"""The predictive distribution of each observation, given all the others.

        $$\mu_i = y_i - \frac{[K^{-1} y]_i}{[K^{-1}]_{ii}}, \qquad
          \sigma_i^2 = \frac{1}{[K^{-1}]_{ii}}$$

        (Rasmussen and Williams, 2006, eq. 5.12.) The noise is in it: `log_prob(y)` is what is
        cross-validated.

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,) or (n, 1).

        Returns:
            A `Normal` of batch shape (n,).

        Raises:
            ValueError: The data are not what the model takes.
        """
        return self.compiled_verb("leave_one_out", self._leave_one_out)(*self.data(x, y))

    def _leave_one_out(self, x, y):
        covariance = self._observations(x).Kuu(self.kernel, self.compute_dtype)
        lower = ops.cholesky(covariance, name="the covariance of the data")
        inverse = ops.solve_triangular(lower, ops.eye(x.shape[0], dtype=x.dtype))
        precisions = ops.sum(inverse * inverse, axis=0)
        left = ops.matmul(inverse, y - self.mean_function(x))
        alpha = ops.matmul(ops.transpose(inverse), left)
        return Normal(y - alpha / precisions, 1.0 / ops.sqrt(precisions), validate=False)
