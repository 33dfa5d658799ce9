"""Sparse Gaussian process regression by the collapsed bound."""

from typing import Any

from kelbo import ops
from kelbo.gp.bounds.collapsed import collapsed_bound, collapsed_factors, upper_bound
from kelbo.gp.inducing import InducingFeatures, as_features
from kelbo.gp.kernels import Kernel
from kelbo.gp.mean_functions import MeanFunction
from kelbo.gp.noisy_regression import NoisyRegression
from kelbo.gp.posterior import Posterior
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class SGPR(NoisyRegression):
    r"""Sparse regression by the collapsed bound of Titsias (2009): $O(N M^2)$.

    $$\log p(y) \geq \log N(y; m(X), Q + \sigma^2 I) - \frac{1}{2 \sigma^2} \mathrm{tr}(K - Q),
      \qquad Q = K_{fu} K_{uu}^{-1} K_{uf}$$

    The best $q(u)$ is known in closed form, so features, kernel and noise are all that is fitted.
    For more data than fit into one step, or another likelihood, see `SVGP`. A file of it holds no
    training data. (Titsias, 2009, "Variational learning of inducing variables in sparse Gaussian
    processes".)

    Args:
        kernel: The kernel, of `kelbo.gp.kernels`.
        inducing: Features of `kelbo.gp.inducing`, or an array of shape (M, d): where inducing
            points start.
        noise_variance: $\sigma^2$, where it starts.
        mean_function: Of `kelbo.gp.mean_functions`; None for the mean 0.
        jitter: What is added to the diagonal of $K_{uu}$.
        by: How the bound is computed, "products", "solves" or "auto": see `gp.collapsed_bound`.
        **kwargs: Passed to `NoisyRegression`.

    Example:
        >>> import numpy as np
        >>> from kelbo import gp
        >>> x = np.linspace(0, 6, 50)[:, None]
        >>> model = gp.SGPR(gp.kernels.RBF(), inducing=x[::10], noise_variance=0.1)
        >>> history = model.fit(x, np.sin(x[:, 0]), verbose=0)
        >>> round(float(model.given([[1.57]]).mean()[0]), 1)
        1.0
    """

    parts = ("kernel", "mean_function", "inducing")

    def __init__(
        self,
        kernel: Kernel,
        inducing: InducingFeatures | ArrayLike,
        noise_variance: ArrayLike = 1.0,
        mean_function: MeanFunction | None = None,
        jitter: float = 1e-6,
        by: str = "auto",
        **kwargs: Any,
    ):
        super().__init__(
            kernel, mean_function, noise_variance, jitter=jitter, inducing=inducing, **kwargs
        )
        self.by = by

    def checked_parts(self, *, inducing: Any, **others: Any) -> dict[str, Any]:
        return {**super().checked_parts(**others), "inducing": as_features(inducing)}

    def bound(self, x: Any, y: Any) -> Tensor:
        """The lower bound of the log marginal likelihood, in nats, summed over the data.

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,) or (n, 1).

        Returns:
            A scalar tensor.

        Raises:
            ValueError: The data are not what the model takes.
        """
        return self.compiled_verb("evidence", self.evidence)(*self.data(x, y))

    def upper_bound(self, x: Any, y: Any) -> Tensor:
        """An upper bound of the log marginal likelihood, in nats (Titsias, 2014).

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,) or (n, 1).

        Returns:
            A scalar tensor.

        Raises:
            ValueError: The data are not what the model takes.
        """

        def compute(x, y):
            return upper_bound(*self._matrices(x, y), self.noise_variance())

        return self.compiled_verb("upper_bound", compute)(*self.data(x, y))

    def _matrices(self, x, y):
        covariance = self.inducing.Kuu(self.kernel, self.compute_dtype)
        return (
            ops.add_to_diagonal(covariance, self.jitter),
            self.inducing.Kuf(self.kernel, x),
            self.kernel.diagonal(x),
            y - self.mean_function(x),
        )

    def evidence(self, x: Tensor, y: Tensor) -> Tensor:
        return collapsed_bound(*self._matrices(x, y), self.noise_variance(), self.by)

    def statistics(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        r"""The optimal $q(u)$, whitened: $N(B^{-1} A y / \sigma, B^{-1})$ (Titsias, 2009, eq. 10).

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,).

        Returns:
            The factor of $K_{uu}$, the mean, and a root of the covariance.
        """
        covariance, cross, _, y = self._matrices(x, y)
        found = collapsed_factors(covariance, cross, y, self.noise_variance())
        identity = ops.eye(found.LB.shape[-1], dtype=x.dtype)
        root = ops.solve_triangular(found.LB, identity, transpose=True)
        mean = ops.solve_triangular(found.LB, found.c[:, None], transpose=True)[:, 0]
        return {"factor": found.L, "mean": mean, "root": root}

    def posterior_of(self, statistics: dict[str, Tensor]) -> Posterior:
        factor, mean, root = (
            ops.convert_to_tensor(statistics[name], dtype=self.compute_dtype)
            for name in ("factor", "mean", "root")
        )
        return Posterior(
            self.kernel,
            self.mean_function,
            self.inducing,
            [factor],
            [mean[None]],
            [root[None]],
            self.noise_variance(),
            self.predictor_of(self.inducing),
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "by": self.by}
